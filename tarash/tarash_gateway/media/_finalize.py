"""The last step of a generation: look at the result, save it, compare it, and hand it over.

Whatever goes wrong here, the result is made and paid for, and reaches the user: in the response, or
in the error that carries it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from .._data._made_by import Makers, keep_config, makers_of
from .._data._media_info import MediaInfo, Mismatch
from .._data._template import of_many
from .._support._tracebacks import add_note
from .._support._warnings import warn
from ..exceptions import ProbeError, SaveError, TarashException, VerificationError
from ._formats import relabelled
from ._local_media import URL, LocalMedia, NoMedium, locate
from ._url_refresher import media_of

if TYPE_CHECKING:
    from .._data._exchange import Config, Request, Response
    from ._saving import Saved

Log = Callable[..., None]


async def finalize_result(  # noqa: PLR0913  (what is known at the end of a generation, each by name)
    response: Response,
    *,
    request: Request,
    config: Config,
    head: Config,
    log: Log,
    makers: Makers,
    saves: bool = True,
) -> Response:
    """Return the response as the user gets it.

    Args:
        response: What the adapter made of the result.
        request: As the user made it.
        config: The one that delivered.
        head: The chain's first, whose `save_to` counts where `config` has none.
        log: Takes a level, an event's name and its facts.
        makers: Who knows the maker of the result: the gateway's own registry.
        saves: Whether `save_to` is for this one to do.

    Raises:
        VerificationError: `verify="raise"`, and the result is not what was asked for.
    """
    response = response.model_copy()  # a handler may give out the same one many times
    response = relabelled(response)
    keep_config(response, config, makers)
    place = (config.save_to or head.save_to) if saves else None
    saved: dict[int, Saved] = {}
    try:
        if place is not None:
            response = await _save(response, of_many(str(place)), config, saved, log)

        infos = await _examined(response, config, saved)
        response = _fill(response, infos)
        return _verify(response, request, config, infos, log)
    except anyio.get_cancelled_exc_class() as error:
        add_note(error, _cancellation_note(response))
        log(logging.WARNING, "cancelled_after_completion")
        raise


def _cancellation_note(response: Response) -> str:
    """Return what a cancelled call leaves behind: a result that is paid for."""
    urls = [
        medium for medium in media_of(response) if isinstance(medium, str) and URL.match(medium)
    ]
    where = f"; it is at {', '.join(urls)}" if urls else ""
    paid = "made" if response.is_mock else "made and paid for"
    return f"Cancelled with the result at hand: request {response.request_id} is {paid}{where}"


async def _save(
    response: Response, place: str, config: Config, saved: dict[int, Saved], log: Log
) -> Response:
    from ._saving import save

    errors: tuple[str, ...] = ()
    try:
        with anyio.fail_after(config.timeout):
            await save(response, place, done=saved)
    except SaveError as error:
        errors = error.failures
    except TimeoutError:
        errors = (f"saving took longer than {config.timeout:g} s",)
    except Exception as error:  # noqa: BLE001  (the result is paid for, saved or not)
        errors = (error.message if isinstance(error, TarashException) else repr(error),)

    places = tuple(str(saved[index].place) for index in sorted(saved))
    if places:
        log(logging.INFO, "saved", places=places)
    for error_text in errors:
        log(logging.ERROR, "save_failed", error=error_text)
        warn(
            f"{config.provider} {config.model}: the result of {response.request_id} is not saved "
            f"({error_text}); save() of the response tries again"
        )

    return response.model_copy(update={"saved": places, "save_errors": errors})


async def _examined(
    response: Response, config: Config, saved: dict[int, Saved]
) -> dict[int, MediaInfo | str]:
    """Return what the results are, or why that is not known; by index, from 0.

    Without `verify`, nothing is fetched: only a video that is here, and of which the provider did
    not say all, is looked at.
    """
    media = media_of(response)
    if config.verify == "off":
        fields = vars(response)
        untold = fields.get("duration", 0) is None or fields.get("resolution", "") is None
        media = media[:1] if untold else ()

    examined: dict[int, MediaInfo | str] = {}
    for index, medium in enumerate(media):
        try:
            examined[index] = await _examined_one(response, medium, saved.get(index), config)
        except _NotHere:
            continue
        except TimeoutError:
            examined[index] = f"no answer within {config.timeout:g} s"
        except Exception as error:  # noqa: BLE001  (an examination must not lose what is paid for)
            examined[index] = str(error) or type(error).__name__

    return examined


class _NotHere(Exception):  # noqa: N818  (control flow)
    """It would have to be fetched."""


async def _examined_one(
    response: Response, medium: Any, saved: Saved | None, config: Config
) -> MediaInfo:
    from ._probe import probe_here, probe_media
    from ._probing import Unknown
    from ._saving import names_files, reach_of

    if saved is not None and isinstance(saved.place, Path):
        source: str | LocalMedia = LocalMedia(saved.place)
    else:
        try:
            source = locate(medium, paths=names_files(response))
        except NoMedium as error:
            raise ProbeError(str(error)) from error

    if isinstance(source, LocalMedia):
        try:
            return await to_thread.run_sync(probe_here, source)
        except Unknown as error:
            raise ProbeError(str(error)) from error

    if config.verify == "off":
        raise _NotHere

    with anyio.fail_after(config.timeout):
        return await probe_media(source, reach_of(config, makers_of(response)), paths=False)


def _fill(response: Response, infos: dict[int, MediaInfo | str]) -> Response:
    """Say of a video what its provider did not."""
    info = infos.get(0)
    if not isinstance(info, MediaInfo) or not hasattr(response, "duration"):
        return response

    size = f"{info.width}x{info.height}" if info.width and info.height else None
    read = {"duration": info.duration, "resolution": size}
    missing = {name: value for name, value in read.items() if getattr(response, name) is None}
    return response.model_copy(update=missing) if any(missing.values()) else response


def _verify(
    response: Response,
    request: Request,
    config: Config,
    infos: dict[int, MediaInfo | str],
    log: Log,
) -> Response:
    if config.verify == "off":
        return response

    from ._verify import compare, compare_count, expected, sentence

    asked = expected(request, response)
    mismatches: list[Mismatch] = compare_count(asked, len(media_of(response)))
    sound = bool(getattr(response, "audio_url", None))
    for index, info in infos.items():
        if isinstance(info, MediaInfo):
            mismatches += compare(asked, info, index + 1, has_sound=sound)
        else:
            unseen = "a video or an image that can be looked at"
            mismatches.append(
                Mismatch(field="media", requested=unseen, found=info, index=index + 1)
            )

    if not mismatches:
        return response

    response = response.model_copy(update={"mismatches": tuple(mismatches)})
    sentences = "; ".join(map(sentence, mismatches))
    log(logging.WARNING, "mismatched", differences=sentences)
    if config.verify == "warn":
        who = f"{config.provider} {config.model}"
        warn(f"{who}: the result of {response.request_id} is not what was asked for: {sentences}")
        return response

    error = VerificationError(
        f"The result is not what was asked for: {sentences} (it is made and paid for: the error's "
        "response holds it)",
        config.provider,
        config.model,
        response.request_id,
        response.raw_response,
        submission="accepted",
        operation=response.operation,
        response=response,
        mismatches=mismatches,
    )
    error.execution_metadata = response.execution_metadata
    raise error
