"""Puts parameters where Google's bodies have them. Pure; knows no model and no limits.

Each protocol nests its parameters in its own way; an extra parameter goes where the protocol has a
field of its name, else to where the protocol keeps a model's parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..._data._types import JsonObject
from ..._support._mime import type_by_name
from ...media._forms import DATA_URI
from ._files import FILE
from ._places import Surface

PLACEHOLDER = re.compile(r"<(?P<type>[\w.+-]+/[\w.+-]+), \d+ bytes>")
"""What stands for bytes in a plan."""
OWN_REFERENCES = ("gs://", "https://generativelanguage.googleapis.com/")
TAGS = re.compile(r"<(FIRST_FRAME|LAST_FRAME|IMAGE_REF_\d+|VIDEO_REF_\d+)>")
NO_PATH: tuple[str, ...] = ()

_FORMAT = ("response_format",)
_CONFIG = ("generation_config",)
_IMAGE = ("generationConfig", "imageConfig")
PATHS: Mapping[Surface, Mapping[str, tuple[str, ...]]] = {
    "interactions": {
        **dict.fromkeys(("aspect_ratio", "delivery", "duration", "gcs_uri", "resolution"), _FORMAT),
        **dict.fromkeys(("seed", "temperature", "top_p", "video_config"), _CONFIG),
        "task": (*_CONFIG, "video_config"),
    },
    "operations": {
        **dict.fromkeys(("image", "lastFrame", "mask", "referenceImages", "video"), ("instance",)),
        "prompt": ("instance",),
        "labels": NO_PATH,
    },
    "predict": {"prompt": ("instance",), "labels": NO_PATH},
    "content": {
        **dict.fromkeys(("aspectRatio", "imageOutputOptions", "imageSize"), _IMAGE),
        **dict.fromkeys(("personGeneration", "prominentPeople"), _IMAGE),
        **dict.fromkeys(("cachedContent", "contents", "labels", "safetySettings"), NO_PATH),
        **dict.fromkeys(("systemInstruction", "toolConfig", "tools", "generationConfig"), NO_PATH),
    },
}
DEFAULT_PATHS: Mapping[Surface, tuple[str, ...]] = {
    "interactions": NO_PATH,
    "operations": ("parameters",),
    "predict": ("parameters",),
    "content": ("generationConfig",),
}


def body_of(
    surface: Surface,
    model: str,
    mapped: Mapping[str, Any],
    extra: Mapping[str, Any],
    *,
    vertex: bool,
) -> JsonObject:
    """Return the body of a submit.

    Args:
        surface: The protocol.
        model: The model's id.
        mapped: Parameters out of the request, media as text.
        extra: The user's own, which go out untouched and win.
        vertex: Whether it is for Vertex AI.
    """
    shape = {
        "interactions": _interaction,
        "operations": _operation,
        "predict": _prediction,
        "content": _content,
    }[surface]
    body = shape(model, dict(mapped), vertex)
    for name, value in extra.items():
        path = PATHS[surface].get(name, DEFAULT_PATHS[surface])
        _merge(_at(body, path), name, value)

    instance = body.pop("instance", None)
    if instance is not None:
        body = {"instances": [instance], **body}

    formats = body.get("response_format")
    if vertex and surface == "interactions" and isinstance(formats, Mapping):
        body["response_format"] = [formats]

    return body


def _merge(target: JsonObject, name: str, value: Any) -> None:
    here = target.get(name)
    if isinstance(here, dict) and isinstance(value, Mapping):
        target[name] = {**here, **value}
    else:
        target[name] = value


def _at(body: JsonObject, path: tuple[str, ...]) -> JsonObject:
    for name in path:
        if not isinstance(body.get(name), dict):
            body[name] = {}
        body = body[name]
    return body


# ---------------------------------------------------------------------------- the Interactions API
def _interaction(model: str, mapped: JsonObject, vertex: bool) -> JsonObject:
    parts, prompt = _tagged(mapped)
    # The Gemini API takes plain text where there is nothing else; Vertex AI wants a list.
    plain = not parts and not vertex
    text = [{"type": "text", "text": prompt}]
    body: JsonObject = {
        "model": model,
        "input": prompt if plain else [*parts, *text],
        "background": True,
        # Inline results end at a few MB; Vertex AI has no files, only the user's own bucket.
        "response_format": {"type": "video", **({} if vertex else {"delivery": "uri"})},
    }
    for name, value in mapped.items():
        _at(body, PATHS["interactions"].get(name, NO_PATH))[name] = value

    return body


def _tagged(mapped: JsonObject) -> tuple[list[JsonObject], str]:
    """Take the media out of the parameters; return them, and the prompt with their roles.

    https://github.com/google-gemini/gemini-skills: roles of media are given by tags in the prompt.
    """
    prompt = str(mapped.pop("prompt", ""))
    parts: list[JsonObject] = []
    sources: list[str] = []
    for name, tag in (("first_frame", "<FIRST_FRAME>"), ("last_frame", "<LAST_FRAME>")):
        frame = mapped.pop(name, None)
        if frame is not None:
            parts.append(_part("image", frame))
            sources.append(f"{tag}@Image{len(parts)}")

    references: list[str] = []
    for index, image in enumerate(mapped.pop("references", ())):
        parts.append(_part("image", image))
        references.append(f"<IMAGE_REF_{index}>@Image{len(parts)}")

    video = mapped.pop("video", None)
    if video is not None:
        parts.append(_part("video", video))

    if TAGS.search(prompt):
        return parts, prompt  # the user has said it

    if len(sources) == 1 and not references and "<FIRST_FRAME>" in sources[0]:
        return parts, f"<FIRST_FRAME> {prompt}"

    tagged = [("Sources", sources), ("References", references)]
    heads = [f"[# {name} {' '.join(tags)}]" for name, tags in tagged if tags]
    return parts, " ".join([*heads, prompt])


def _part(kind: str, text: str) -> JsonObject:
    mime_type, data = _media(text)
    return {
        "type": kind,
        **({"data": data} if data is not None else {"uri": _uri(text)}),
        "mime_type": mime_type,
    }


# ------------------------------------------------------------------- long-running operations (Veo)
def _operation(_model: str, mapped: JsonObject, vertex: bool) -> JsonObject:
    body: JsonObject = {"instance": {}, "parameters": {}}
    for name in ("image", "lastFrame"):
        if name in mapped:
            mapped[name] = _blob(mapped[name])

    if "video" in mapped:
        mapped["video"] = _blob(mapped["video"]) if vertex else _encoded_video(mapped["video"])

    if "referenceImages" in mapped:
        mapped["referenceImages"] = [
            {"image": _blob(image["image"]), "referenceType": image["type"]}
            for image in mapped["referenceImages"]
        ]

    for name, value in mapped.items():
        _at(body, PATHS["operations"].get(name, ("parameters",)))[name] = value

    return body


def _blob(text: str) -> JsonObject:
    mime_type, data = _media(text)
    return {
        **({"bytesBase64Encoded": data} if data is not None else {"gcsUri": _uri(text)}),
        "mimeType": mime_type,
    }


def _encoded_video(text: str) -> JsonObject:
    mime_type, data = _media(text)
    return {"uri": _uri(text)} if data is None else {"encodedVideo": data, "encoding": mime_type}


# ------------------------------------------------------------------------------------------ images
def _prediction(_model: str, mapped: JsonObject, _vertex: bool) -> JsonObject:
    prompt = mapped.pop("prompt")
    # Without it a filtered image is just missing.
    return {"instance": {"prompt": prompt}, "parameters": {**mapped, "includeRaiReason": True}}


def _content(model: str, mapped: JsonObject, _vertex: bool) -> JsonObject:
    # The first image model can't be kept from talking.
    talks = model.startswith("gemini-2.0")
    parts: list[JsonObject] = [{"text": mapped.pop("prompt")}]
    for image in mapped.pop("images", ()):
        mime_type, data = _media(image)
        if data is not None:
            parts.append({"inlineData": {"mimeType": mime_type, "data": data}})
        else:
            parts.append({"fileData": {"mimeType": mime_type, "fileUri": _uri(image)}})

    body: JsonObject = {
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"] if talks else ["IMAGE"]},
    }
    for name, value in mapped.items():
        _at(body, PATHS["content"].get(name, ("generationConfig",)))[name] = value

    return body


def _media(text: str) -> tuple[str, str | None]:
    """Return the MIME type of media given as text, and its base64; None for a reference."""
    match = DATA_URI.match(text)
    if match is not None:
        return match["type"].lower(), text[match.end() :]

    planned = PLACEHOLDER.fullmatch(text)
    if planned is not None:
        return planned["type"], text

    uploaded = FILE.fullmatch(text)
    if uploaded is not None:
        return uploaded["type"], None

    mime_type = type_by_name(text) or "application/octet-stream"
    if text.startswith(OWN_REFERENCES):
        return mime_type, None

    return mime_type, f"<fetched from {text}>"  # in a plan only: else it has been fetched


def _uri(text: str) -> str:
    """Return a reference as Google knows it: without the kind that we put behind it."""
    uploaded = FILE.fullmatch(text)
    return uploaded["uri"] if uploaded is not None else text
