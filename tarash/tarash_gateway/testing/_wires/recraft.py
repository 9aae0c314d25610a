"""Recraft's API v1: images in the answer to their request, and what they cost beside them.

Written from the vendor's pages (2026-11-28). Errors are JSON or plain text, and tools answer in
another shape than models. What a model doesn't take is refused.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Reply, Route, object_in, parsed, read_form
from tarash.tarash_gateway.testing._wires import _checks as checks
from tarash.tarash_gateway.testing._wires._context import BaseWire, WireContext, always

_LARGEST = 10 * 1000 * 1000
_RATIOS = "1:1 2:1 1:2 3:2 2:3 4:3 3:4 5:4 4:5 6:10 14:10 10:14 16:9 9:16".split()  # noqa: SIM905
_K1 = "1024x1024 1536x768 768x1536 1280x832 832x1280 1216x896 896x1216 1152x896 896x1152 832x1344"
_K1 += " 1280x896 896x1280 1344x768 768x1344"
_K2 = "2048x2048 3072x1536 1536x3072 2560x1664 1664x2560 2432x1792 1792x2432 2304x1792 1792x2304"
_K2 += " 1664x2688 2560x1792 1792x2560 2688x1536 1536x2688"
_OLD = "1024x1024 2048x1024 1024x2048 1536x1024 1024x1536 1365x1024 1024x1365 1280x1024 1024x1280"
_OLD += " 1024x1707 1434x1024 1024x1434 1820x1024 1024x1820"
_MODEL = re.compile(r"recraftv(?:4_1(?:_utility)?|4(?:_styles)?|[23])(?:_pro)?(?:_vector)?|"
                    r"recraftv4_1_flash")  # fmt: skip
_SINGLE = {"eraseRegion": 2, "vectorize": 10, "removeBackground": 10, "crispUpscale": 4,
           "creativeUpscale": 250}  # fmt: skip
_TEXTS = {"prompt", "model", "size", "style", "substyle", "style_id", "negative_prompt",
          "response_format", "image_format", "style_match"}  # fmt: skip
_CODES = {400: "bad_request", 402: "not_enough_credits", 429: "rate_limited"}


_text = checks.text(10_000)


def _files(most: int) -> checks.Check:
    return checks.list_of(lambda file: len(file.content) <= _LARGEST, most)


_COMMON: checks.Fields = {
    "prompt*": _text,
    "model": _text,
    "n": checks.whole(1, 6),
    "random_seed": checks.whole(0, 2**32 - 1),
    "response_format": checks.one_of("url", "b64_json"),
    "image_format": checks.one_of("png", "webp"),
    "controls": checks.is_object,
}
_OLDER: checks.Fields = {
    "style": _text,
    "substyle": _text,
    "style_id": _text,
    "negative_prompt": _text,
    "text_layout": checks.list_of(checks.anything),
}
_IMAGE: checks.Fields = {"image*": _files(1)}
_MASK: checks.Fields = {"mask*": _files(1)}
_PLAIN: checks.Fields = {
    "response_format": checks.one_of("url", "b64_json"),
    "image_format": checks.one_of("png", "webp"),
}
_TOOLS: Mapping[str, checks.Fields] = {
    "imageToImage": {
        **_COMMON,
        **_OLDER,
        **_IMAGE,
        "strength*": checks.number(0, 1),
    },
    "inpaint": {**_COMMON, **_OLDER, **_IMAGE, **_MASK},
    "replaceBackground": {**_COMMON, **_OLDER, **_IMAGE},
    "generateBackground": {**_COMMON, **_OLDER, **_IMAGE, **_MASK},
    "outpaint": {
        **_PLAIN,
        **_IMAGE,
        "prompt": _text,
        "size": checks.one_of(*_RATIOS),
        **dict.fromkeys(
            ("expand_left", "expand_right", "expand_top", "expand_bottom"), checks.whole(0, 4096)
        ),
        "zoom_out_percentage": checks.whole(1, 100),
    },
    "variateImage": {
        **{name: check for name, check in _COMMON.items() if name not in ("prompt*", "model")},
        **_IMAGE,
        "size*": checks.one_of(*_RATIOS),
    },
    "eraseRegion": {**_PLAIN, **_IMAGE, **_MASK},
    **{
        name: {**_PLAIN, "file*": _files(1)}
        for name in ("vectorize", "removeBackground", "crispUpscale", "creativeUpscale")
    },
}


def _fields(tool: str, model: str) -> checks.Fields | None:
    """Return what is taken; None where there is no such model or tool."""
    if tool != "generations":
        return _TOOLS.get(tool)

    if _MODEL.fullmatch(model) is None:
        return None

    older, styled = model.startswith(("recraftv2", "recraftv3")), "styles" in model
    sizes = _OLD if older else _K2 if "_pro" in model else _K1
    allowed = _RATIOS if "vector" in model else [*sizes.split(), *_RATIOS]
    own: dict[str, checks.Check] = {
        **_COMMON,
        "size": checks.one_of(*allowed),
        **(_OLDER if older else {}),
    }
    if styled:
        own |= {"style_id": _text, "style_references": _files(10)}
        own |= {"style_match": checks.one_of("regular", "precise", "flexible")}

    return own


class RecraftWire(BaseWire):
    """Generations, tools, and whose key it is."""

    nowhere = "not found"

    def __init__(self, context: WireContext) -> None:
        super().__init__(context)
        self.routes: Sequence[Route] = [
            Route("POST", "/v1/images/{tool}", self._make, step="submit"),
            Route(
                "GET",
                "/v1/users/me",
                always({"credits": 4200, "email": "a@b.example", "id": "1", "name": "A"}),
            ),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer in JSON, or in plain text as for keys and paths."""
        if status in (401, 404):
            words = "request unauthorized" if status == 401 else self.nowhere  # noqa: PLR2004
            return Reply(status=status, body=words.encode(), headers={"Content-Type": "text/plain"})

        return Reply.json({"code": _CODES.get(status, "error"), "message": message}, status)

    async def _make(self, request: RecordedRequest) -> Reply:
        tool = request.path_values["tool"]
        body = _read(request, tool)
        model = "" if body is None else str(body.get("model", "recraftv4_1"))
        fields = None if body is None else _fields(tool, model)
        if body is None or fields is None:
            return self.error(
                404 if body is not None and tool not in _TOOLS else 400, "no such model"
            )

        fault = _wrong(tool, model, fields, body)
        if fault is not None:
            return self.error(400, fault)

        image_id = str(uuid.uuid4())

        def result(script: Script) -> tuple[int, Any]:
            return 200, self._made(image_id, tool, body, script)

        shown = {name: value for name, value in body.items() if not isinstance(value, list)}
        job = self._context.state.accept(image_id, f"{tool}/{model}", shown, request, result)
        await self._context.until_ended(job)
        if job.script.outcome == "failed":
            return self.error(500, "internal error")

        if job.script.outcome == "moderated":
            words = "prompt violates our content policy"
            return Reply.json(
                {"code": job.script.error_type or "bad_request", "message": words}, 400
            )

        return Reply.json(job.result_body)

    def _made(self, image_id: str, tool: str, body: Mapping[str, Any], script: Script) -> Any:
        if script.result is not None:
            return dict(script.result)

        count = _media.count_of(script, body.get("n", 1))
        content = _media.image_bytes(*_media.size_in(body.get("size")))
        name, values = "url", self._urls(image_id, content, count)
        if body.get("response_format") == "b64_json":
            name, values = "b64_json", [_media.base64_of(content)] * count

        images = [{"image_id": f"{image_id}-{at}", name: value} for at, value in enumerate(values)]
        answer = {"created": 1764300000, "credits": _SINGLE.get(tool, 35 * max(count, 1))}
        if tool in _SINGLE:
            return {**answer, "image": images[0] if images else None}

        return {**answer, "data": images}


def _read(request: RecordedRequest, tool: str) -> dict[str, Any] | None:
    form = read_form(request)
    if form is not None:
        return {
            **{
                name: value if name in _TEXTS else parsed(value)
                for name, value in form.fields.items()
            },
            **form.files,
        }

    return object_in(request) if tool == "generations" else None


def _wrong(tool: str, model: str, fields: checks.Fields, body: Mapping[str, Any]) -> str | None:
    fault = checks.wrong_in(body, fields)
    if fault is not None:
        return fault

    styled = {"style_id", "style_references"} & body.keys()
    if tool == "generations" and "styles" in model and len(styled) != 1:
        return "give style_id or style_references"

    if tool == "inpaint" and model not in ("recraftv3", "recraftv3_vector"):
        return "the model does not inpaint"

    older = model.startswith(("recraftv2", "recraftv3"))
    if not older and {"style", "negative_prompt"} & body.keys() and tool in _TOOLS:
        return "the model takes no style"

    return None


wire = RecraftWire
