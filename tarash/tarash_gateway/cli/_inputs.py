"""From what was typed in to a config and a request; the models' own checks do the judging.

Keys come from the environment or a file. Reads files that the user names, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import stat
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import pydantic

from .._data._requests import without_mistyped
from .._data._types import ImageRole, Kind
from .._jobs._tokens import PLAIN, SIGNED
from .._jobs._tokens import read as read_token
from ..exceptions import ValidationError
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    MockResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ..providers._registry import default_registry
from . import _streams as streams
from . import _terminal as terminal
from ._errors import CommandError, misuse
from ._options import Options
from ._words import warned

Config = VideoGenerationConfig | ImageGenerationConfig
Request = VideoGenerationRequest | ImageGenerationRequest
Made = TypeVar("Made")

DEFAULT_MODELS: dict[tuple[str, Kind], str] = {
    ("fal", "video"): "fal-ai/veo3.1",
    ("fal", "image"): "fal-ai/flux/dev",
}
ROLES = get_args(ImageRole)
TOKENS = (f"{PLAIN}.", f"{SIGNED}.")
FROM_STANDARD_INPUT = "-"
NOT_A_FILE = re.compile(r"https?://|data:", re.IGNORECASE)


def read(options: Options) -> tuple[Config, Request]:
    """Return the config and the request.

    Raises:
        CommandError: An option can't be read, or its value is not one that the models take.
        ValidationError: There is no such provider.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        request, of_request = _checked(_request, options)
        config, of_config = _checked(_config, options)

    for warning in caught:
        terminal.warn(warned(warning.message))

    if request is None or config is None:
        raise CommandError(*dict.fromkeys([*of_request, *of_config]))

    return config, request


def _checked(
    make: Callable[[Options], Made], options: Options
) -> tuple[Made | None, Sequence[str]]:
    """Return what could be made, else what is wrong with its options."""
    try:
        return make(options), ()
    except pydantic.ValidationError as error:
        return None, misuse(error)


def labels_of(options: Options) -> dict[str, str]:
    """Return the labels of a job.

    Raises:
        CommandError: One is not written as a name and a text.
    """
    labels = {}
    for text in options.label or ():
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise CommandError(f"--label: {text!r} is not NAME=TEXT, such as user=42")

        labels[name] = value

    return labels


def prompt_of(text: str) -> str:
    """Return the prompt: for `-`, what standard input holds.

    Raises:
        CommandError: Standard input holds no text.
    """
    if text != FROM_STANDARD_INPUT:
        return _as_typed(text)

    try:
        piped = streams.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"the prompt can't be read from standard input: {error}") from None

    if not piped:
        raise CommandError("the prompt is empty: `-` reads it from standard input")

    return piped


def _as_typed(text: str) -> str:
    """Return what was typed where Python has taken a UTF-8 terminal for another one.

    Raises:
        CommandError: It is no UTF-8.
    """
    if not any("\udc80" <= character <= "\udcff" for character in text):
        return text

    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        raise CommandError(
            "PROMPT: it is no UTF-8 text; set the terminal to UTF-8, or write the prompt to a file "
            "in UTF-8 and give it by: tarash video - < prompt.txt"
        ) from None


# -------------------------------------------------------------------------------------- request
def _request(options: Options) -> Request:
    kind = VideoGenerationRequest if options.kind == "video" else ImageGenerationRequest
    wishes: dict[str, Any] = {
        "aspect_ratio": options.aspect_ratio,
        "seed": options.seed,
        "negative_prompt": options.negative_prompt,
        "image_list": [_image(text) for text in options.image or ()],
    }
    if options.kind == "video":
        wishes |= {
            "duration_seconds": options.duration,
            "resolution": options.resolution,
            "generate_audio": options.audio,
            "enhance_prompt": options.enhance,
            "video": _medium(options.video, "--video"),
            "continue_from": _earlier(options.continue_from),
            "number_of_videos": options.n,
        }
    else:
        wishes |= {
            "size": options.size,
            "quality": options.quality,
            "style": options.style,
            "mask_image": _medium(options.mask, "--mask"),
            "n": options.n,
        }

    # Parameters that no field is called like are given as keywords: the model warns of typos there.
    named, fields = _params(options.param or []), set(kind.model_fields)
    extra = {name: value for name, value in named.items() if name in fields}
    loose = {name: value for name, value in named.items() if name not in fields}
    given = {name: value for name, value in wishes.items() if value is not None}
    made = kind(prompt=options.prompt, **given, **loose, extra_params=extra)
    return without_mistyped(made)  # whoever writes --param means the provider's own


def _params(texts: list[str]) -> dict[str, Any]:
    params = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise CommandError(f"--param: {text!r} is not NAME=VALUE")

        try:
            params[name.strip()] = json.loads(value)
        except ValueError:
            params[name.strip()] = value

    return params


def _image(text: str) -> dict[str, Any]:
    role, separator, media = text.partition("=")
    if not separator or not re.fullmatch(r"[A-Za-z_]+", role) or Path(text).is_file():
        return {"image": _medium(text, "--image")}

    if role not in ROLES:
        raise CommandError(f"--image: there is no role {role!r}; the roles are {', '.join(ROLES)}")

    return {"image": _medium(media, "--image"), "type": role}


def _earlier(text: str | None) -> Any:
    """Return the earlier result that a token, or a file of JSON, is of."""
    if text is None or not text.startswith(TOKENS):
        return None if text is None else _result_in(Path(text).expanduser())

    try:
        return read_token(text).to_json()
    except ValidationError as error:
        raise CommandError(f"--continue-from: {error.message}") from None


def _result_in(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(
            f"--continue-from: {str(path)!r} is no token, and can't be read as a file "
            f"({error.strerror or error})"
        ) from None
    except ValueError as error:
        raise CommandError(f"--continue-from: {str(path)!r} holds no JSON ({error})") from None

    return content


def _medium(text: str | None, option: str) -> str | Path | None:
    """Return a URL or a data URI as it is, and else a path."""
    if text is None or NOT_A_FILE.match(text):
        return text

    if not text.strip():
        raise CommandError(f"{option}: it is empty; give a URL (http or https) or a file")

    path = Path(text).expanduser()
    if not path.exists():
        raise CommandError(
            f"{option}: {text!r} is no URL (http or https), and there is no such file"
        )

    return path


# --------------------------------------------------------------------------------------- config
def _config(options: Options) -> Config:
    limits: dict[str, Any] = {
        "strict": options.strict,
        "fit_images": options.fit_images,
        "failover": options.failover,
        "max_cost": options.max_cost,
        "allow_unpriced": options.allow_unpriced,
        "on_timeout": options.on_timeout,
        "limits": None if options.in_flight is None else {"in_flight": options.in_flight},
        "queue_timeout": options.queue_timeout,
        "priority": options.priority,
        "mock": _mock(options),
        "verify": "warn" if options.verify else "off",
    }
    if options.timeout is not None:
        limits["timeout"] = options.timeout

    key = None if options.key_file is None else _key(options.key_file)
    kind = VideoGenerationConfig if options.kind == "video" else ImageGenerationConfig
    fallbacks = [
        kind(
            provider=provider,
            model=_model(options, provider, model, f"--fallback: write {provider}:MODEL"),
            # The key is one provider's, and no other's.
            api_key=key if provider == options.provider else None,
            base_url=options.base_url if provider == options.provider else None,
            **limits,
        )
        for provider, model in map(_fallback, options.fallback or ())
    ]
    return kind(
        provider=options.provider,
        model=_model(options, options.provider, options.model, "--model: say which"),
        api_key=key,
        base_url=options.base_url,
        fallback_configs=cast("Any", tuple(fallbacks)),
        hedge_after=cast("Any", _hedge_after(options.hedge_after)),
        **limits,
    )


def _hedge_after(text: str | None) -> str | float | None:
    if text is None or text == "p90":
        return text

    if re.fullmatch(r"\d+(?:\.\d+)?", text) and float(text):
        return float(text)

    raise CommandError(f"--hedge-after: {text!r} is neither seconds above 0 nor p90")


def _mock(options: Options) -> MockConfig | None:
    if not options.mock:
        return None

    # A URL of the mock ends with this process: without a file to save to, the bytes are kept.
    outcome = MockResponse(output_type="content") if options.output is None else MockResponse()
    return MockConfig(enabled=True, responses=(outcome,), seed=options.seed)


def _fallback(text: str) -> tuple[str, str | None]:
    provider, _, model = text.partition(":")
    if not provider:
        raise CommandError(f"--fallback: {text!r} is not PROVIDER:MODEL")

    return provider, model or None


def _model(options: Options, provider: str, model: str | None, problem: str) -> str:
    if model is not None:
        return model

    default = DEFAULT_MODELS.get((provider, options.kind))
    if default is None and options.mock:
        return "mock"

    if default is None:
        default_registry.check_known(provider)
        raise CommandError(
            f"{problem}; there is no default for {options.kind}s of {provider} "
            f"(`tarash models list --provider {provider}` shows ids)"
        )

    return default


def _key(path: Path) -> str:
    try:
        lines = path.expanduser().read_text(encoding="utf-8").split()
        mode = path.expanduser().stat().st_mode
    except OSError as error:
        raise CommandError(f"--key-file: {str(path)!r} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"--key-file: {str(path)!r} is no text file") from None

    if len(lines) != 1 or re.match(r"[A-Z][A-Z0-9_]+=", lines[0]):
        raise CommandError(f"--key-file: {str(path)!r} must hold the key, and nothing else")

    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        terminal.warn(f"others can read the key file; close it with: chmod 600 {path}")

    return lines[0]
