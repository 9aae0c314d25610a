"""What a client asks for on our own routes: a video or images, in the fields of OpenAI's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import TarashException
from ._creating import labels_of
from ._image_requests import PASSED, ImageCreate, ImageEdit
from ._refusals import invalid
from ._remakes import VideoRemake
from ._remakes import given as video_given
from ._video_requests import VideoCreate, parsed

if TYPE_CHECKING:
    from .._data._exchange import Request
    from .._data._types import Kind
    from ..models import GenerationPlan
    from ._callers import Caller
    from ._front import Front

KINDS = ("video", "image")


class Order:
    """One request of a client, understood: what is to be made, by whom, for whom."""

    def __init__(self, front: Front, caller: Caller, fields: dict[str, Any]) -> None:
        """Understand a request.

        Raises:
            Refusal: A field says something that is none.
        """
        kind = fields.get("kind", "video")
        if kind not in KINDS:
            raise invalid(f"kind: it is {' or '.join(KINDS)}", "kind")

        self.kind: Kind = kind
        rest = {name: value for name, value in fields.items() if name != "kind"}
        wanted, self.asked = _video(rest) if kind == "video" else _image(rest)
        self.config = front.models.config(
            self.kind,
            wanted.wanted(),
            caller,
            front.result_folder.place(),
            allowed=PASSED if kind == "image" else (),
        )
        self.labels = labels_of(wanted.metadata, wanted.model, wanted.size)

    async def plan(self, front: Front) -> Any:
        """Return what would be sent, and what it would cost.

        Raises:
            TarashException: It can't be made so.
        """
        return await planned(front, self.kind, self.config, self.asked)


async def planned(front: Front, kind: Kind, config: Any, asked: Request) -> GenerationPlan:
    """Return what would be sent; before the mock with prices and times of those it stands for.

    Raises:
        TarashException: It can't be made so.
    """
    gateway: Any = front.gateway
    ask = gateway.plan_video_async if kind == "video" else gateway.plan_image_async
    plan: GenerationPlan = await ask(config, asked)
    if not front.settings.mock:
        return plan

    try:
        real = await ask(_unmocked(config), asked)
    except TarashException:  # such as one whose host nobody has named
        first, *rest = (one.model_copy(update={"expected_seconds": None}) for one in _chain(plan))
    else:
        first, *rest = (
            one.model_copy(update={"quote": its.quote, "expected_seconds": its.expected_seconds})
            for one, its in zip(_chain(plan), _chain(real), strict=True)
        )

    return first.model_copy(update={"fallbacks": tuple(rest)})


def _chain(plan: GenerationPlan) -> tuple[GenerationPlan, ...]:
    return (plan, *plan.fallbacks)


def _unmocked(config: Any) -> Any:
    rest = tuple(_unmocked(one) for one in config.fallback_configs)
    return config.model_copy(update={"mock": None, "fallback_configs": rest})


def _video(fields: dict[str, Any]) -> tuple[VideoCreate, Request]:
    wanted: VideoRemake = parsed(VideoRemake, fields)
    return wanted, wanted.request(None if wanted.video is None else video_given(wanted.video))


def _image(fields: dict[str, Any]) -> tuple[ImageCreate, Request]:
    is_edit = any(fields.get(name) for name in ("image", "images", "mask"))
    wanted: ImageCreate = parsed(ImageEdit if is_edit else ImageCreate, fields)
    return wanted, wanted.request()
