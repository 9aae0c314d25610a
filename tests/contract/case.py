"""What a row of the contract says: one protocol of one provider, and how it differs from others."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tarash.tarash_gateway import (
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.models import ImageRole, MediaContent
from tarash.tarash_gateway.testing import Script

WORKFLOWS = Path(__file__).parent / "workflows"
"""Of ComfyUI, whose models are files."""

Cancel = Literal["cancelled", "requested", "unsupported"]

PICTURE: MediaContent = {"content": samples.make_png(64, 64, 1), "content_type": "image/png"}
SECOND: MediaContent = {"content": samples.make_png(64, 64, 2), "content_type": "image/png"}
URLS = ("https://example.com/first.png", "https://example.com/second.png")
BYTES = (PICTURE, SECOND)
ROLES: tuple[ImageRole, ...] = ("reference", "first_frame", "last_frame", "asset", "style")
EXTRA = {"odd_one": "As It Is", "odd_table": {"inner": [1, True, None]}}


@dataclass(frozen=True, slots=True)
class Images:
    """Roles that go out together, and the model that takes them where the case's own doesn't."""

    roles: tuple[ImageRole, ...]
    model: str | None = None


def by_key(key: str, _origin: str) -> dict[str, Any]:
    """Return what makes a config pass: for most providers, a key."""
    return {"api_key": key}


def by_token(key: str, origin: str) -> dict[str, Any]:
    """Return the same for Google Cloud, whose key is a token, and whose bucket is a host too."""
    own = {"gcp_project": "a-project", "access_token": key, "storage_url": origin}
    return {"api_key": None, "provider_config": own}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One protocol of one provider.

    Attributes:
        provider: As a config names it.
        kind: What it makes.
        model: A well-known one.
        at_once: Whether the submit answers with the result, so that there is no job to look at.
        cancel: What asking to stop a running job comes to.
        other_model: Where the provider lists its jobs: another model, whose jobs are others.
        own_id: Whether a job goes out with an id of ours that the provider's list shows.
        images: What is sent along, group by group.
        pictures: In the form that the provider is given: URLs, or bytes where it has no way to
            take URLs.
        extra: Parameters of the provider's own.
        place: Where they land in the payload.
        extra_sent: What the wire makes of them, where it is no JSON.
        failure: The error of a job that fails.
        refused_failure: Whether that failure is the answer to the submit, which gives no job.
        unsettled: Statuses in the provider's own envelope after which a job may exist all the same.
        moderated: The scripts of content that is refused, one for each face.
        credentials: What the config needs.
        why: Reasons for what differs from the other rows.
    """

    provider: str
    kind: Literal["video", "image"]
    model: str
    at_once: bool = False
    cancel: Cancel = "unsupported"
    other_model: str | None = None
    own_id: bool = False
    images: tuple[Images, ...] = ()
    pictures: tuple[str | MediaContent, ...] = URLS
    extra: Mapping[str, Any] = field(default_factory=lambda: EXTRA)
    place: tuple[str, ...] = ()
    extra_sent: Mapping[str, Any] = field(default_factory=lambda: EXTRA)
    failure: type[TarashException] = GenerationFailedError
    refused_failure: bool = False
    unsettled: frozenset[int] = frozenset()
    moderated: tuple[Script, ...] = (Script(outcome="moderated"),)
    credentials: Callable[[str, str], dict[str, Any]] = by_key
    why: str = ""

    def __str__(self) -> str:
        return f"{self.provider}-{self.kind}-{self.model.rpartition('/')[2]}"

    @property
    def failed_submission(self) -> str:
        """What a job that fails says of its submit."""
        if not self.refused_failure:
            return "accepted"

        return "unknown" if 500 in self.unsettled else "rejected"

    def config(self, key: str, origin: str, **changes: Any) -> Any:
        """Return a config that leads to the simulator."""
        given = self.credentials(key, origin)
        settings = {
            "provider": self.provider,
            "model": self.model,
            "base_url": origin,
            "poll_interval": 0.02,
            "timeout": 60,
            "max_retries": 0,
            **given,
            **changes,
            "provider_config": {
                "min_poll_interval": 0.01,
                **given.get("provider_config", {}),
                **changes.get("provider_config", {}),
            },
        }
        types: dict[str, Any] = {"video": VideoGenerationConfig, "image": ImageGenerationConfig}
        return types[self.kind].model_validate(settings)

    def request(self, **wishes: Any) -> Any:
        """Return a request for text alone, or with what is wished."""
        types: dict[str, Any] = {"video": VideoGenerationRequest, "image": ImageGenerationRequest}
        return types[self.kind].model_validate({"prompt": "A lighthouse", **wishes})

    def with_images(self, images: Images) -> Any:
        """Return a request with one picture for each role."""
        pairs = zip(self.pictures, images.roles, strict=False)
        return self.request(image_list=[{"image": image, "type": role} for image, role in pairs])

    def landed(self, payload: Mapping[str, Any]) -> Any:
        """Return the part of a payload where the provider's own parameters land."""
        found: Any = payload
        for name in self.place:
            found = found[name]

        return found


def forms_of(image: str | MediaContent) -> list[bytes]:
    """Return what an image looks like in a body: itself, or its base64."""
    if isinstance(image, str):
        return [image.encode()]

    return [image["content"], base64.b64encode(image["content"])]


def alone(*roles: ImageRole, model: str | None = None) -> tuple[Images, ...]:
    return tuple(Images((role,), model) for role in roles)


FORM_EXTRA = {"odd_one": "As It Is", "odd_table": '{"inner": [1, true, null]}'}
ONE_REFUSAL = Script(outcome="moderated")
FRAMES = Images(("first_frame", "last_frame"))
