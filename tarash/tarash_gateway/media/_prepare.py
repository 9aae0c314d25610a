"""Turns the media of a request into what an adapter can send; converts only where asked to.

Bytes are encoded off the event loop where they are many; uploads are the adapter's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from .._data._hints import give_media, switch_on
from .._data._responses import Adjustment
from .._http._sniff import sniff
from .._support._base64 import LETTERS, decoded
from ..exceptions import ValidationError
from ._files import looks_like_a_path
from ._forms import (
    DATA_URI,
    HEAVY_BYTES,
    REFERENCE,
    SCHEME,
    SHORTEST_BASE64,
    Reference,
    encoded,
    in_thread,
)
from ._inputs import (
    Local,
    Rules,
    Sum,
    bytes_of,
    converted,
    has_media,
    header_facts,
    is_data_uri,
    is_remote,
    known,
    loaded,
    media_fields,
    planned,
    shown,
)
from ._limits import Facts, facts_of, limits_of, most_bytes, problem
from ._mask import BY_URL, SAME, as_mask, is_read_so

if TYPE_CHECKING:
    from .._data._exchange import MediaConstraints, MediaSupport, Request
    from .._data._types import MediaContent, MediaType
    from .._http._sniff import Wanted

Upload = Callable[["MediaContent"], Awaitable[str]]
Fetch = Callable[[str, Rules], Awaitable["MediaContent"]]

TOGETHER = "all media of a request"
WHEN_SENT = "an image made to fit"
CONVERTED = "a mask in the model's convention"
FOLLOWS = "a mask has to have the size of its image"


async def prepare(
    request: Request,
    accepts: MediaSupport,
    upload: Upload | None,
    fetch: Fetch | None = None,
    rules: Rules | None = None,
) -> tuple[Request, tuple[Adjustment, ...]]:
    """Return the request with every medium in a form that the adapter can send.

    A medium becomes text (a URL, a data URI, an uploaded reference), or bytes with their type where
    the adapter sends forms.

    Args:
        request: The fitted request.
        accepts: What the adapter can send, and what the provider takes.
        upload: Hands bytes to the provider; None where it can't.
        fetch: Gets the bytes behind a URL, for adapters that don't take URLs.
        rules: What the config says of media; None for the defaults.

    Returns:
        The request, and what had to be changed in its images.

    Raises:
        ValidationError: A medium is malformed, too large, or of a form that can't be sent.
    """
    if not has_media(request):
        return request, ()

    preparation = _Preparation(accepts, upload, fetch, rules or Rules())
    request = await converted(request, preparation.gather)
    preparation.check_together(request)
    request = await converted(request, preparation.fit)
    request = await converted(request, preparation.send)
    return request, tuple(preparation.adjustments)


class _Preparation:
    """The media of one request on their way to one adapter."""

    def __init__(
        self, accepts: MediaSupport, upload: Upload | None, fetch: Fetch | None, rules: Rules
    ) -> None:
        self._accepts = accepts
        self._upload = upload
        self._fetch = fetch
        self._rules = rules
        self._sum = Sum(rules)
        self._share: float | None = None
        self._uploads_all = False
        self._masked: tuple[int, int] | None = None
        self.adjustments: list[Adjustment] = []

    async def gather(self, media: Local, where: str, wanted: Wanted) -> MediaType:
        """Return text that goes out as it is, or bytes; a mask as the model reads it."""
        gathered = await self._gathered(media, where, wanted)
        self._sum.add(bytes_of(gathered))
        if where != "mask_image":
            return gathered

        if isinstance(gathered, str):
            self.adjustments += _of_mask_by_url(gathered, self._rules)
            return gathered

        form = self._rules.mask_form
        mask = await in_thread(HEAVY_BYTES, as_mask, gathered, where, form)
        if mask is not gathered:
            self.adjustments.append(_of_mask(facts_of(gathered), str(facts_of(mask)), self._rules))

        return mask

    async def _gathered(self, media: Local, where: str, wanted: Wanted) -> MediaType:
        content = await loaded(media, where, wanted, self._sum.rules)
        if not isinstance(content, str):
            return content

        if _goes_as_text(content, self._accepts):
            return Reference(content)

        if REFERENCE.match(content):
            raise ValidationError(
                f"{where}: this provider can't read {shown(content)}; give a public URL or the "
                "bytes"
            )

        if self._fetch is None:
            raise ValidationError(f"{where}: a URL can't be sent here; give the bytes instead")

        try:
            fetched = await self._fetch(content, self._sum.rules)
        except ValidationError as error:
            error.amend(before=f"{where}: ")
            raise

        return known(fetched, f"{where} (from {urlsplit(content).hostname})", wanted)

    def check_together(self, request: Request) -> None:
        """Hold the sum of all bytes against what the provider takes."""
        most = self._accepts.largest_together
        media: list[Any] = [image["image"] for image in request.image_list]
        media += [one for _, one in media_fields(request)]
        size = sum(len(medium["content"]) for medium in media if not isinstance(medium, str))
        if most is None or size <= most:
            return

        if self._upload is not None:
            self._uploads_all = True
            return

        if not self._rules.fit_images:
            raise _refusal(TOGETHER, _too_much(most, size), self._accepts, fits=True)

        self._share = most / size

    async def fit(self, media: MediaType, where: str, wanted: Wanted) -> MediaType:
        """Return what is within the provider's limits."""
        if isinstance(media, str):
            return media

        header = facts_of(media)
        limits = limits_of(self._accepts, where, wanted)
        most = self._most(limits, header)
        wrong = problem(header, limits, most)
        follows = self._masked if where == "mask_image" and self._masked != header.pixels else None
        if wrong is None and follows is None:
            return media

        can = _can_fit(header, where, wanted, self._accepts)
        if not self._rules.fit_images or not can:
            raise _refusal(where, wrong or FOLLOWS, self._accepts, fits=can)

        from ._fit import fit_image

        exactly = follows or self._own_size(where, header)
        # To decode it is worth a thread, however few bytes it has.
        work = (fit_image, media, where, limits, most, exactly)
        fitted = await in_thread(HEAVY_BYTES, *work)
        now = facts_of(fitted)
        if where == "image_list[0]" and now.pixels != header.pixels:
            self._masked = now.pixels

        reason = wrong or FOLLOWS
        self.adjustments.append(
            Adjustment(field=where, requested=str(header), sent=str(now), reason=reason)
        )
        return fitted

    def _most(self, limits: MediaConstraints, facts: Facts) -> int | None:
        most = most_bytes(self._accepts, limits, uploads=self._upload is not None)
        if self._share is None:
            return most

        share = int(facts.size * self._share)
        return share if most is None else min(most, share)

    def _own_size(self, where: str, facts: Facts) -> tuple[int, int] | None:
        """Return the size of a mask, which has to stay that of its image."""
        return facts.pixels if where == "mask_image" else None

    async def send(self, media: MediaType, where: str, wanted: Wanted) -> MediaType:
        """Return the form in which bytes go out."""
        del wanted
        if isinstance(media, str):
            return media

        size, most = len(media["content"]), self._accepts.largest_inline
        is_large = self._uploads_all or (most is not None and size > most)
        if self._accepts.content is None or is_large:
            if self._upload is None:
                wrong = "the provider takes no bytes"
                raise _refusal(where, wrong, self._accepts, fits=False)

            uploaded = await self._upload(media)
            # Where it is the bytes themselves, to call it a reference would copy all of it.
            return uploaded if uploaded.startswith("data:") else Reference(uploaded)

        if self._accepts.content == "bytes":
            return media

        return await encoded(media)


def _of_mask(facts: Facts, sent: str, rules: Rules) -> Adjustment:
    """Say that a mask is sent in the model's convention."""
    reason = SAME.format(form=rules.mask_form)
    return Adjustment(field="mask_image", requested=str(facts), sent=sent, reason=reason)


def _of_mask_by_url(text: str, rules: Rules) -> list[Adjustment]:
    """Say that nobody converts a mask that the provider fetches, where it may have to be."""
    if rules.mask_form == "white":
        return []

    reason, url = BY_URL.format(form=rules.mask_form), shown(text)
    return [Adjustment(field="mask_image", requested=url, sent=url, reason=reason)]


def _goes_as_text(text: str, accepts: MediaSupport) -> bool:
    if accepts.references and text.startswith(accepts.references):
        return True

    return accepts.url and not REFERENCE.match(text)


def _can_fit(facts: Facts, where: str, wanted: Wanted, accepts: MediaSupport) -> bool:
    """Tell whether a medium could be made to fit; what a mask says is not to be guessed."""
    if wanted != "image" or accepts.content is None:
        return False

    types = limits_of(accepts, where, wanted).types
    return where != "mask_image" or not types or facts.content_type in types


def _too_much(most: int, size: int) -> str:
    return f"the provider takes {most} bytes in all, and these are {size}"


def _refusal(where: str, wrong: str, accepts: MediaSupport, *, fits: bool) -> ValidationError:
    """Return an error, with what can be done."""
    other = "give a smaller or another one"
    if accepts.url:
        other = "put the file where the provider can fetch it, and give its public URL"

    hints = [give_media(other)]
    if fits:
        hints.insert(0, switch_on("fit_images", " lets images be converted and made smaller"))

    field = None if where == TOGETHER else where
    return ValidationError(f"{where}: {wrong}", code="unfit_media", field=field, hints=hints)


def plan_media(
    request: Request, accepts: MediaSupport | None = None, rules: Rules | None = None
) -> tuple[Request, tuple[Adjustment, ...]]:
    """Return the request with placeholders for bytes, and what would have to be changed.

    Reads headers of files, and nothing else: blocks no longer than a disk does.

    Args:
        request: The fitted request.
        accepts: What the adapter can send; None where a handler takes the request.
        rules: What the config says of media; None for the defaults.

    Raises:
        ValidationError: A medium is malformed, too large, or can't be taken, as far as headers
            tell.
    """
    plan = _Plan(accepts, rules or Rules())
    changes = {name: plan.of(media, name) for name, media in media_fields(request)}
    images = [
        {**image, "image": plan.of(cast("Local", image["image"]), f"image_list[{place}]")}
        for place, image in enumerate(request.image_list)
    ]
    planned_request = request.model_copy(update={**changes, "image_list": tuple(images)})
    return planned_request, tuple(plan.adjustments)


class _Plan:
    """The media of one request as a plan shows them."""

    def __init__(self, accepts: MediaSupport | None, rules: Rules) -> None:
        self._accepts = accepts
        self._rules = rules
        self._sum = Sum(rules)
        self.adjustments: list[Adjustment] = []

    def of(self, media: Local, where: str) -> str:
        """Return what stands for a medium."""
        wanted: Wanted = "video" if where == "video" else "image"
        header = header_facts(media, where, wanted, self._sum.rules)
        if header is None:
            if where == "mask_image" and self._accepts is not None and self._accepts.url:
                self.adjustments += _of_mask_by_url(str(media), self._rules)

            return Reference(media)

        self._sum.add(header.size)
        if self._accepts is not None:
            if where == "mask_image" and not is_read_so(header.has_alpha, self._rules.mask_form):
                self.adjustments.append(_of_mask(header, CONVERTED, self._rules))

            self._check(header, where, wanted, self._accepts)

        match = DATA_URI.match(media) if isinstance(media, str) else None
        if match is None or not isinstance(media, str):
            return Reference(planned(header.content_type, header.size))

        return Reference(f"data:{header.content_type};base64,{media[match.end() :]}")

    def _check(self, facts: Facts, where: str, wanted: Wanted, accepts: MediaSupport) -> None:
        limits = limits_of(accepts, where, wanted)
        most = most_bytes(accepts, limits, uploads=accepts.upload)
        wrong = problem(facts, limits, most)
        if wrong is None:
            return

        can = _can_fit(facts, where, wanted, accepts)
        if not self._rules.fit_images or not can:
            raise _refusal(where, wrong, accepts, fits=can)

        self.adjustments.append(
            Adjustment(field=where, requested=str(facts), sent=WHEN_SENT, reason=wrong)
        )


def with_paths(request: Request, rules: Rules) -> Request:
    """Return the request with a path for each text that names a file; reads none of them.

    Models may follow the shape of an image. A call has its bytes by then, and a plan opens the
    file only where it is known to be one.
    """
    if rules.untrusted or not rules.allow_private_urls:
        return request  # text names no file

    changes: dict[str, Any] = {}
    if request.image_list:
        changes["image_list"] = tuple(
            {**image, "image": _path_of(image["image"])} for image in request.image_list
        )

    changes |= {name: _path_of(media) for name, media in media_fields(request)}
    return request.model_copy(update=changes) if changes else request


def _path_of(media: Any) -> Any:
    if not isinstance(media, str) or is_remote(media) or is_data_uri(media):
        return media

    if SCHEME.match(media) or not looks_like_a_path(media):
        return media

    if len(media) >= SHORTEST_BASE64 and sniff(decoded(media[:LETTERS]) or b""):
        return media

    return Path(media)
