"""Turns answers of OpenAI's wire into responses, in the shapes of its many servers. Pure."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from .._data._money import Reported, exact
from .._http._answer import parse_json
from .._http._client import HttpResponse, unreadable
from . import _finding as pages
from ._filters import note_of, refusal, sift, unsafe
from ._openai_errors import categories_in, error_of, job_error, no_media
from ._outputs import Medium, content_of, find, response_of
from ._previews import IMAGE_TYPES, image_in, said_by
from ._result_facts import ODD, content_type, date, mapping, objects, text

if TYPE_CHECKING:
    from .._data._exchange import Call, PartialImage, Payload, RawResult, Response

# Where servers that speak this wire put the address of a video, the likeliest first.
URL_PLACES = (
    *("url", "video_url", "output_url", "video", "videos"),
    *("output", "outputs", "result", "results", "data"),
)
STANDARD = frozenset(
    {*URL_PLACES, "error", "id", "object", "progress", "prompt", "seconds", "size", "status"}
)
"""What a job's object says in a response's own fields, or no longer needs to say."""


def video_response(call: Call, finished: RawResult) -> Response:
    """Return the response of a video's job.

    Raises:
        TarashException: There is no video, and why.
    """
    job = finished.raw
    beside = {name: value for name, value in job.items() if name not in STANDARD}
    expiry = job.get("expires_at")
    if expiry not in (None, "") and not text(expiry):
        read = date(expiry)
        beside["expires_at"] = read
        if read is None:
            del beside["expires_at"]
            beside[ODD] = {"expires_at": expiry}

    addresses = finished.metadata.get("urls") or ()
    media = (*addresses, *finished.media)
    if not media:
        raise no_media(job, "video")

    return response_of(
        call,
        media,
        job,
        beside,
        content_type=finished.media[0]["content_type"] if finished.media else None,
        duration=job.get("seconds"),
        resolution=job.get("size"),
    )


def image_response(call: Call, raw: Any) -> Response:
    """Return the response of images, which are in the answer itself.

    Raises:
        TarashException: There is no image, and why.
    """
    items = objects(raw.get("data") if isinstance(raw, dict) else [*filter(is_last, raw)])
    made = [
        Medium(source, None, "image", (place,), item)
        for place, item in enumerate(items)
        if (source := text(item.get("url")) or text(item.get("b64_json")))
    ]
    beside = mapping(raw) or {**(items[-1] if items else {}), "b64_json": None}
    if not made:
        return _elsewhere(call, raw)

    extra = call.request.extra_params
    # Flags stand beside the list, or in each of its objects.
    flags = {name: value for name, value in mapping(raw).items() if name != "data"}
    sifted = sift(flags, made, checks=extra.get("enable_safety_checker") is not False)
    if not sifted.media:
        raise refusal("The server", sifted, "image", raw)

    kept_back = [*_kept_back(items), *sifted.flags]

    sent = text(beside.get("output_format")) or text(extra.get("output_format")) or "png"
    metadata = {
        name: value for name, value in beside.items() if name != "data" and value is not None
    }
    return response_of(
        call,
        [medium.url for medium in sifted.media],
        raw,
        {**metadata, **note_of(len(_kept_back(items)) + sifted.refused, kept_back)},
        content_type=IMAGE_TYPES.get(sent, content_type(f"image/{sent}")),
        revised_prompt=items[0].get("revised_prompt"),
    )


def _elsewhere(call: Call, raw: Any) -> Response:
    """Return the images of a server that has a list of its own for them, with other names."""
    output = mapping(raw)
    output_media = find(output, "image", prefer=("images", "image", "output"))
    sifted = sift(output, output_media.media)
    if sifted.refused and not sifted.media:
        raise refusal("The server", sifted, "image", raw)

    if not sifted.media:
        raise no_media(raw, "image")

    return response_of(
        call,
        [*map(content_of, sifted.media)],
        raw,
        {**mapping(output_media.beside), **sifted.note},
        content_type=sifted.media[0].content_type,
    )


def _kept_back(items: list[dict[str, Any]]) -> list[str]:
    """Return why images are missing that a filter took out of an answer, one reason for each."""
    empty = [item for item in items if not text(item.get("url")) and not text(item.get("b64_json"))]
    reasons = [", ".join(categories_in(item)) or unsafe(item) or "" for item in empty]
    return [reason for reason in reasons if reason]


def events(answer: HttpResponse) -> list[Any]:
    """Return the events of a stream with finished images, which `stream=True` asks for.

    Raises:
        TarashException: It is no such stream, or it ended in an error.
    """
    data = (line[5:].strip() for line in str(answer.body).splitlines() if line[:5] == "data:")
    try:
        parsed = [parse_json(line) for line in data if line != "[DONE]"]
    except ValueError:
        parsed = []

    done = [event for event in parsed if is_last(event)]
    for event in parsed:
        if not done and error_of(event) is not None:
            raise job_error(event["error"], parsed)

    if not done:
        raise unreadable(answer.status, answer.body)

    return parsed


def is_last(event: Any) -> bool:
    """Tell whether an event of a stream holds a finished image."""
    return isinstance(event, dict) and str(event.get("type")).endswith(".completed")


def partial_image(event: bytes) -> PartialImage | None:
    """Return the image on the way that an event holds; None for any other."""
    fields = said_by(event, ("partial_image",))
    if not str(fields.get("type")).endswith(".partial_image"):
        return None

    index, kind = fields.get("partial_image_index"), fields.get("output_format")
    return image_in(fields.get("b64_json"), index, kind)


def addresses_in(value: Any) -> list[str]:
    """Return the addresses of the videos in a job, in the shapes that servers give them."""
    places: Any = value
    if isinstance(value, Mapping):
        # A job repeats its input, too: only where results stand.
        places = {name: value[name] for name in URL_PLACES if value.get(name)}
        beside = mapping(value.get("metadata")).get("url")  # as gateways have it
        places = places or ({"url": beside} if beside else {})

    videos = find(places, "video", prefer=URL_PLACES, also=("/",))
    return [medium.url for medium in videos.media if medium.url[:5].lower() != "data:"]


def reported_cost(body: Any, _metadata: Mapping[str, Any]) -> Reported | None:
    """Return the tokens of an answer; None where it has none, as of videos."""
    events = body if isinstance(body, list) else [body]  # of a stream, the last one says it
    usage = next(
        (
            counted
            for event in reversed(events)
            if (counted := mapping(mapping(event).get("usage")))
        ),
        {},
    )
    details = mapping(usage.get("input_tokens_details"))
    counts = {
        "prompt": exact(details.get("text_tokens")),
        "input_image": exact(details.get("image_tokens")),
        "output": exact(usage.get("output_tokens")),
    }
    parts = {name: count for name, count in counts.items() if count is not None}
    if "output" not in parts or "prompt" not in parts:
        return None

    return Reported(quantity=exact(usage.get("total_tokens")), unit="token", parts=parts)


PAGE = 100
REMIX = re.compile(r"(?:^|/)videos/(?P<source>[^/]+)/remix(?:$|\?)")
SOURCE = "remixed_from_video_id"
COMPARED = ("model", "prompt", "seconds", "size")
DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


async def newest(
    get: Callable[[str], Awaitable[HttpResponse]], path: str, since: datetime
) -> list[dict[str, Any]]:
    """Return the newest videos, as far back as `since` or as a few pages reach."""

    def following(page: Mapping[str, Any], videos: list[dict[str, Any]]) -> str | None:
        if not (page.get("has_more") and page["data"] and videos):
            return None

        return page_of(path, str(videos[-1]["id"]))

    return await pages.newest(get, page_of(path, None), since, items="data", following=following)


def page_of(path: str, after: str | None) -> str:
    """Return where the page of the list is that follows a video, or the first."""
    first = f"{path}{'&' if '?' in path else '?'}limit={PAGE}&order=desc"
    return first if after is None else f"{first}&after={quote(after, safe='')}"


def is_same(video: Mapping[str, Any], payload: Payload) -> bool:
    """Tell whether a listed video is what a payload asks for, as far as its object shows it."""
    body = payload.body
    remix = REMIX.search(payload.path)
    source = unquote(remix["source"]) if remix else None
    if SOURCE in video and "video" not in body and (video[SOURCE] or None) != source:
        return False

    asked = {name: body[name] for name in COMPARED if name in body}
    shown = {name: video[name] for name in asked if video.get(name) is not None}
    if "prompt" in asked and "prompt" not in shown:
        return False  # another's request to the same model would show no less

    return bool(shown) and all(_bare(value) == _bare(asked[name]) for name, value in shown.items())


def _bare(value: Any) -> str:
    """Return a value as text; a model's id without the date of its snapshot."""
    return DATED.sub("", str(value))
