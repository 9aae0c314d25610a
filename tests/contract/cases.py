"""The table of the contract: one row for each protocol that the providers speak.

Where a provider legitimately differs, its row says so and why; the tests have no word for it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from tarash.tarash_gateway import (
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    register_provider_file,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.models import ImageRole, MediaContent
from tarash.tarash_gateway.testing import Script, Simulator

FILES = {path.stem: path for path in (Path(__file__).parent / "declared").glob("*.toml")}
"""Providers as users declare them, each played by what its own file says."""
for _path in FILES.values():
    register_provider_file(_path)

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


def _alone(*roles: ImageRole, model: str | None = None) -> tuple[Images, ...]:
    return tuple(Images((role,), model) for role in roles)


FORM_EXTRA = {"odd_one": "As It Is", "odd_table": '{"inner": [1, true, null]}'}
OPENAI_FORM = {"odd_one": "As It Is", "odd_number": "7"}
CALLBACK = {"callback_url": "https://hooks.example/kling"}
SEEDANCE_EXTRA = {"return_last_frame": True, "execution_expires_after": 7200}
SESSION = {"session_id": "campaign-7"}
SEEDREAM_EXTRA = {"sequential_image_generation_options": {"max_images": 3}}
# What their fact sheets say of these: the task may exist.
ALIBABA_UNSETTLED = frozenset({500, 503})
BYTEDANCE_UNSETTLED = frozenset({500})
OPENROUTER_UNSETTLED = frozenset({500})
ONE_REFUSAL = Script(outcome="moderated")
IDEOGRAM_CALLBACK = {"webhook_url": "https://hooks.example/ideogram"}
MODERATED_BY_BFL = (
    ONE_REFUSAL,
    Script(outcome="moderated", error_type="Request Moderated"),
    Script(outcome="moderated", error_status=503),
)
SOUNDS = {"reference_audios": ["https://example.com/voice.mp3"]}
WAVESPEED_FACES = (
    ONE_REFUSAL,
    *(Script(outcome="moderated", error_type=face) for face in ("submit", "inside")),
)
FRAMES = Images(("first_frame", "last_frame"))

openai_video = partial(
    Case,
    kind="video",
    images=_alone("reference", "first_frame"),
    pictures=BYTES,
    extra={"odd_one": "As It Is", "odd_number": 7},
    extra_sent=OPENAI_FORM,
    why="videos are made from a form, which holds text; the wire has no cancel, a job can only be "
    "deleted once it has ended; images go out as files",
)
openai_image = partial(
    Case,
    kind="image",
    at_once=True,
    images=_alone("reference", "asset"),
    pictures=BYTES,
    failure=HTTPError,
    refused_failure=True,
    why="the submit's answer holds the images, so a failure is an HTTP status",
)
SERVER_EXTRA = {"num_frames": 81, "guidance_scale": 4.5}
SERVER_FORM = {"num_frames": "81", "guidance_scale": "4.5"}
own_video = partial(Case, kind="video", pictures=BYTES, moderated=(), extra=SERVER_EXTRA)
own_image = partial(
    Case,
    kind="image",
    at_once=True,
    images=_alone("reference", "asset"),
    pictures=BYTES,
    moderated=(),
    extra={"guidance_scale": 4.5},
    extra_sent={"guidance_scale": 4.5},
    failure=HTTPError,
    refused_failure=True,
)
NO_FILTER = "a server of the user's own has no content filter; "
GOOGLE: Callable[..., Case] = partial(Case, provider="google", pictures=BYTES)
OPERATIONS = "long-running operations can't be stopped"

CASES: tuple[Case, ...] = (
    Case(
        provider="fal",
        kind="video",
        model="fal-ai/veo3.1",
        cancel="requested",
        images=(
            *_alone("first_frame", model="fal-ai/veo3.1/image-to-video"),
            Images(("first_frame", "last_frame"), "fal-ai/veo3.1/first-last-frame-to-video"),
            *_alone("reference", "asset", model="fal-ai/veo3.1/reference-to-video"),
        ),
    ),
    Case(
        provider="fal",
        kind="image",
        model="fal-ai/flux/dev",
        cancel="requested",
        images=_alone("reference", model="fal-ai/flux/dev/image-to-image"),
        pictures=BYTES,
    ),
    openai_video(provider="openai", model="sora-2", other_model="sora-2-pro"),
    openai_image(provider="openai", model="gpt-image-2"),
    openai_video(provider="azure-openai", model="my-sora", other_model="other-sora"),
    openai_image(provider="azure-openai", model="my-image"),
    own_video(
        provider="vllm",
        model="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        other_model="MiniMaxAI/MiniMax-H3",
        cancel="cancelled",
        images=(
            *_alone("reference", "first_frame", "asset"),
            Images(("first_frame", "reference")),
        ),
        extra_sent=SERVER_FORM,
        why=f"{NO_FILTER}videos are made from a form, which holds text",
    ),
    own_image(provider="vllm", model="Qwen/Qwen-Image", why=NO_FILTER),
    own_video(
        provider="sglang",
        model="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        images=_alone("reference", "first_frame"),
        extra_sent=SERVER_EXTRA,
        why=f"{NO_FILTER}its DELETE forgets a job, which goes on running",
    ),
    own_image(provider="sglang", model="Qwen/Qwen-Image", why=NO_FILTER),
    own_video(
        provider="openai-compatible",
        model="wan2.2-t2v",
        images=_alone("reference", "first_frame"),
        moderated=(ONE_REFUSAL,),
        extra_sent=SERVER_FORM,
        why="as for sora-2; nobody knows how such a server stops a job",
    ),
    own_image(
        provider="openai-compatible", model="flux", moderated=(ONE_REFUSAL,), why="as for sora-2"
    ),
    own_video(
        provider="localai",
        model="wan-2.2",
        at_once=True,
        images=(*_alone("reference", "first_frame"), FRAMES),
        extra={"num_frames": 81, "cfg_scale": 4.5},
        extra_sent={"num_frames": 81, "cfg_scale": 4.5},
        failure=HTTPError,
        refused_failure=True,
        why=f"{NO_FILTER}the submit's answer holds the video",
    ),
    own_image(
        provider="localai",
        model="flux",
        extra={"step": 20},
        extra_sent={"step": 20},
        why=NO_FILTER,
    ),
    own_video(
        provider="comfyui",
        model=str(WORKFLOWS / "video.json"),
        own_id=True,
        cancel="cancelled",
        images=(
            *_alone("first_frame", "last_frame", model=str(WORKFLOWS / "frames.json")),
            Images(FRAMES.roles, str(WORKFLOWS / "frames.json")),
        ),
        extra={"front": True},
        extra_sent={"front": True},
        why=f"{NO_FILTER}a job has an id of ours, by which it is found",
    ),
    own_image(
        provider="comfyui",
        model=str(WORKFLOWS / "image.json"),
        at_once=False,
        own_id=True,
        cancel="cancelled",
        images=_alone("reference", model=str(WORKFLOWS / "edit.json")),
        extra={"front": True},
        extra_sent={"front": True},
        failure=GenerationFailedError,
        refused_failure=False,
        why=f"{NO_FILTER}images are jobs, too",
    ),
    GOOGLE(
        kind="video",
        model="gemini-omni-1.1-flash",
        cancel="cancelled",
        images=(*_alone("reference", "first_frame", "asset", "style"), FRAMES),
    ),
    GOOGLE(
        kind="video",
        model="veo-3.1-generate-preview",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        place=("parameters",),
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="3")),
        why=OPERATIONS,
    ),
    GOOGLE(
        kind="video",
        model="veo-3.1-generate-001",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        place=("parameters",),
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="3")),
        credentials=by_token,
        why=OPERATIONS,
    ),
    GOOGLE(
        kind="image",
        model="gemini-3.1-flash-image",
        at_once=True,
        images=_alone("reference", "asset", "style"),
        place=("generationConfig",),
        failure=HTTPError,
        refused_failure=True,
        why="generateContent answers with the image, so a failure is an HTTP status",
    ),
    GOOGLE(
        kind="image",
        model="imagen-4.0-generate-001",
        at_once=True,
        place=("parameters",),
        failure=HTTPError,
        refused_failure=True,
        credentials=by_token,
        why="predict answers with the images, and makes them from text alone",
    ),
    Case(
        provider="kling",
        kind="video",
        model="kling-3.0",
        own_id=True,
        images=(
            *_alone("reference", "first_frame"),
            FRAMES,
            *_alone("asset", model="kling-3.0-omni"),
        ),
        extra=CALLBACK,
        extra_sent=CALLBACK,
        place=("options",),
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="1301")),
        why="the wire refuses what it doesn't know; the API has no cancel",
    ),
    Case(
        provider="kling",
        kind="video",
        model="kling-v2-6",
        own_id=True,
        images=(*_alone("reference", "first_frame"), FRAMES),
        pictures=BYTES,
        extra=CALLBACK,
        extra_sent=CALLBACK,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="1300")),
        why="as for kling-3.0; the older API",
    ),
    Case(
        provider="kling",
        kind="image",
        model="kling-v3",
        own_id=True,
        images=(*_alone("reference"), *_alone("asset", model="kling-v2-1")),
        pictures=BYTES,
        extra=CALLBACK,
        extra_sent=CALLBACK,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="1301")),
        why="as for kling-v2-6",
    ),
    Case(
        provider="minimax",
        kind="video",
        model="MiniMax-H3",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        extra=CALLBACK,
        extra_sent=CALLBACK,
        moderated=(
            ONE_REFUSAL,
            *(Script(outcome="moderated", error_type=face) for face in ("1027", "submit")),
        ),
        why="the wire refuses what it doesn't know; a task that runs can't be stopped",
    ),
    Case(
        provider="minimax",
        kind="video",
        model="MiniMax-Hailuo-02",
        images=(*_alone("reference", "first_frame"), FRAMES),
        pictures=BYTES,
        extra=CALLBACK,
        extra_sent=CALLBACK,
        moderated=(
            ONE_REFUSAL,
            *(Script(outcome="moderated", error_type=face) for face in ("1026", "submit")),
        ),
        why="the older API has no cancel and no list",
    ),
    Case(
        provider="minimax",
        kind="image",
        model="image-01",
        at_once=True,
        images=_alone("reference", "asset"),
        pictures=BYTES,
        extra={"prompt_optimizer": True},
        extra_sent={"prompt_optimizer": True},
        failure=HTTPError,
        refused_failure=True,
        moderated=(
            ONE_REFUSAL,
            *(Script(outcome="moderated", error_type=face) for face in ("1026", "1027")),
        ),
        why="the submit's answer holds the images, or an error inside a 200",
    ),
    Case(
        provider="runway",
        kind="video",
        model="gen4.5",
        cancel="requested",
        images=_alone("reference", "first_frame"),
    ),
    Case(
        provider="runway",
        kind="image",
        model="gen4_image",
        cancel="requested",
        images=_alone("reference", "asset"),
        pictures=BYTES,
    ),
    Case(
        provider="replicate",
        kind="video",
        model="google/veo-3.1",
        other_model="google/veo-3.1-fast",
        cancel="cancelled",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        place=("input",),
    ),
    Case(
        provider="replicate",
        kind="image",
        model="black-forest-labs/flux-schnell",
        other_model="black-forest-labs/flux-dev",
        cancel="cancelled",
        images=_alone("reference", model="black-forest-labs/flux-kontext-pro"),
        pictures=BYTES,
        place=("input",),
        why="the submit of an image is held until it is ready, for some seconds at most",
    ),
    Case(
        provider="luma",
        kind="video",
        model="ray-2",
        other_model="ray-flash-2",
        images=(*_alone("reference", "first_frame", "last_frame"), FRAMES),
        why="deleting a generation is not said to stop it",
    ),
    Case(
        provider="luma",
        kind="video",
        model="ray-3.2",
        images=(*_alone("reference", "first_frame", "last_frame"), FRAMES),
        why="the Agents API has no cancel",
    ),
    Case(
        provider="luma",
        kind="image",
        model="photon-1",
        other_model="photon-flash-1",
        images=_alone("reference", "asset", "style"),
        why="as for ray-2",
    ),
    Case(
        provider="luma",
        kind="image",
        model="uni-1",
        images=_alone("reference", "asset"),
        why="as for ray-3.2",
    ),
    Case(
        provider="alibaba",
        kind="video",
        model="wan3.0-video",
        images=(*_alone("reference", "first_frame", "last_frame", "asset"), FRAMES),
        extra={"enable_thinking": True},
        extra_sent={"enable_thinking": True},
        place=("parameters",),
        unsettled=ALIBABA_UNSETTLED,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="submit")),
        why="the wire refuses what it doesn't know; a task that runs can't be stopped",
    ),
    Case(
        provider="alibaba",
        kind="image",
        model="qwen-image-2.0",
        at_once=True,
        images=_alone("reference", "asset"),
        pictures=BYTES,
        extra={"prompt_extend": False},
        extra_sent={"prompt_extend": False},
        place=("parameters",),
        failure=HTTPError,
        refused_failure=True,
        unsettled=ALIBABA_UNSETTLED,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="inside")),
        why="the submit's answer holds the images, and its errors may have a good status",
    ),
    Case(
        provider="alibaba",
        kind="image",
        model="wan2.2-t2i-plus",
        extra={"prompt_extend": False},
        extra_sent={"prompt_extend": False},
        place=("parameters",),
        unsettled=ALIBABA_UNSETTLED,
        why="as for wan3.0, and made from text alone",
    ),
    Case(
        provider="bytedance",
        kind="video",
        model="dreamina-seedance-2-0-260128",
        own_id=True,
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        extra=SEEDANCE_EXTRA,
        extra_sent=SEEDANCE_EXTRA,
        unsettled=BYTEDANCE_UNSETTLED,
        moderated=(
            ONE_REFUSAL,
            Script(outcome="moderated", error_type="InputTextSensitiveContentDetected"),
        ),
        why="the wire refuses what it doesn't know; a task that runs can't be stopped",
    ),
    Case(
        provider="bytedance",
        kind="image",
        model="seedream-4-5-251128",
        at_once=True,
        images=_alone("reference", "asset"),
        pictures=BYTES,
        extra=SEEDREAM_EXTRA,
        extra_sent=SEEDREAM_EXTRA,
        failure=HTTPError,
        refused_failure=True,
        unsettled=BYTEDANCE_UNSETTLED,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="items")),
        why="the submit's answer holds the images; the wire refuses what it doesn't know",
    ),
    Case(
        provider="ideogram",
        kind="image",
        model="ideogram-4-5",
        images=_alone("reference", "asset"),
        pictures=BYTES,
        extra=IDEOGRAM_CALLBACK,
        extra_sent=IDEOGRAM_CALLBACK,
        moderated=(
            ONE_REFUSAL,
            *(Script(outcome="moderated", error_type=face) for face in ("submit", "unsafe")),
        ),
        unsettled=frozenset({500, 503}),
        why="the wire refuses what it doesn't know; files go by forms alone; the API has no cancel",
    ),
    Case(
        provider="ideogram",
        kind="video",
        model="kling-4",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        pictures=BYTES,
        extra=IDEOGRAM_CALLBACK,
        extra_sent=IDEOGRAM_CALLBACK,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="submit")),
        unsettled=frozenset({500, 503}),
        why="as for images",
    ),
    Case(
        provider="bfl",
        kind="video",
        model="flux-3-video",
        images=(*_alone("reference", "first_frame"), FRAMES),
        pictures=BYTES,
        extra={"safety_tolerance": 3},
        extra_sent={"safety_tolerance": 3},
        moderated=MODERATED_BY_BFL,
        why="the wire refuses what it doesn't know; the API has no cancel and no list",
    ),
    Case(
        provider="bfl",
        kind="image",
        model="flux-3-image",
        images=_alone("reference", "asset"),
        extra={"grounding": False},
        extra_sent={"grounding": False},
        moderated=MODERATED_BY_BFL,
        why="as for the video",
    ),
    Case(
        provider="recraft",
        kind="image",
        model="recraftv4_1",
        at_once=True,
        images=(
            *_alone("reference", model="imageToImage/recraftv3"),
            *_alone("style", model="recraftv4_styles"),
        ),
        pictures=BYTES,
        extra={"image_format": "png"},
        extra_sent={"image_format": "png"},
        failure=HTTPError,
        refused_failure=True,
        unsettled=frozenset({500, 503}),
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="content_policy")),
        why="the submit's answer holds the images; the wire refuses what it doesn't know",
    ),
    Case(
        provider="wavespeed",
        kind="video",
        model="bytedance/seedance-2.0/text-to-video",
        other_model="kwaivgi/kling-v4.0/text-to-video",
        images=(
            *_alone("reference", "asset"),
            *_alone("first_frame", model="bytedance/seedance-2.0/image-to-video"),
            Images(FRAMES.roles, "bytedance/seedance-2.0/image-to-video"),
        ),
        extra=SOUNDS,
        extra_sent=SOUNDS,
        moderated=WAVESPEED_FACES,
        unsettled=frozenset({500, 503}),
        why="the wire refuses what it doesn't know; the API has no cancel",
    ),
    Case(
        provider="wavespeed",
        kind="image",
        model="wavespeed-ai/z-image/turbo",
        other_model="wavespeed-ai/flux-dev",
        images=_alone("reference", model="wavespeed-ai/flux-kontext-dev"),
        pictures=BYTES,
        extra={"output_format": "png"},
        extra_sent={"output_format": "png"},
        moderated=WAVESPEED_FACES,
        unsettled=frozenset({500, 503}),
        why="as for videos; files are uploaded first",
    ),
    Case(
        provider="openrouter",
        kind="video",
        model="google/veo-3.1-fast",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        extra=SESSION,
        extra_sent=SESSION,
        unsettled=OPENROUTER_UNSETTLED,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="submit")),
        why="the wire refuses what it doesn't know; the API has no cancel and no list",
    ),
    Case(
        provider="openrouter",
        kind="video",
        model="kwaivgi/kling-v3.0-pro",
        images=(*_alone("reference", "first_frame"), FRAMES),
        pictures=BYTES,
        extra=SESSION,
        extra_sent=SESSION,
        unsettled=OPENROUTER_UNSETTLED,
        why="as for Veo; its videos are fetched with the key",
    ),
    Case(
        provider="openrouter",
        kind="image",
        model="openai/gpt-image-1",
        at_once=True,
        images=_alone("reference", "asset"),
        pictures=BYTES,
        extra=SESSION,
        extra_sent=SESSION,
        failure=HTTPError,
        refused_failure=True,
        unsettled=OPENROUTER_UNSETTLED,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="inside")),
        why="the submit's answer holds the images, and its errors may have a good status",
    ),
    Case(
        provider="together",
        kind="video",
        model="ByteDance/Seedance-2.0",
        images=(*_alone("reference", "first_frame", "asset"), FRAMES),
        extra={"fps": 30},
        extra_sent={"fps": 30},
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="submit")),
        why="the wire refuses what it doesn't know; the API has no cancel and no list",
    ),
    Case(
        provider="together",
        kind="image",
        model="black-forest-labs/FLUX.2-pro",
        at_once=True,
        images=_alone("reference", "asset"),
        pictures=BYTES,
        extra={"prompt_upsampling": False},
        extra_sent={"prompt_upsampling": False},
        failure=HTTPError,
        refused_failure=True,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="inside")),
        why="the submit's answer holds the images",
    ),
    Case(
        provider="stability",
        kind="image",
        model="sd3.5-large",
        at_once=True,
        images=(*_alone("reference"), *_alone("style", model="control/style")),
        pictures=BYTES,
        extra_sent=FORM_EXTRA,
        failure=HTTPError,
        refused_failure=True,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="CONTENT_FILTERED")),
        why="the submit's answer holds the image; a form holds text",
    ),
    Case(
        provider="xai",
        kind="video",
        model="grok-imagine-video",
        images=(
            *_alone("reference", "first_frame", "asset"),
            *(Images(FRAMES.roles, "grok-imagine-video-1.5"),),
        ),
        why="the API has no cancel",
    ),
    Case(
        provider="xai",
        kind="image",
        model="grok-imagine-image-2.0",
        at_once=True,
        images=_alone("reference", "asset", "style"),
        pictures=BYTES,
        failure=HTTPError,
        refused_failure=True,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="done")),
        why="the submit's answer holds the images",
    ),
)
CASES = (
    *CASES,
    Case(
        provider="aster",
        kind="video",
        model="clip-1",
        other_model="clip-1-fast",
        cancel="requested",
        images=_alone("reference", "first_frame", "asset"),
    ),
    Case(
        provider="boreal",
        kind="image",
        model="aurora-1",
        at_once=True,
        images=_alone("reference", "style"),
        pictures=BYTES,
        extra_sent=FORM_EXTRA,
        failure=HTTPError,
        refused_failure=True,
        moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="flag")),
        why="the submit's answer holds the images; a form holds text",
    ),
    Case(
        provider="cirrus",
        kind="image",
        model="cumulus",
        own_id=True,
        images=_alone("reference"),
        pictures=BYTES,
        why="its cancel stops what waits in the queue, and nothing that runs",
    ),
)
if "TARASH_CONTRACT_CASES" in os.environ:
    # Providers of other packages: a module's rows, as keyword arguments of `Case`.
    _others = import_module(os.environ["TARASH_CONTRACT_CASES"])
    CASES = (*CASES, *(Case(**row) for row in _others.CASES))

JOBS = tuple(case for case in CASES if not case.at_once)
LISTED = tuple(case for case in CASES if case.other_model is not None)
ADOPTED = tuple(case for case in CASES if case.own_id or case in LISTED)
"""Those whose lost jobs are found again."""
AT_ONCE = tuple(case for case in CASES if case.at_once)


def wire_of(provider: str) -> str | Path:
    """Return what the simulator plays a provider by."""
    return FILES.get(provider, provider)


def everyone() -> Simulator:
    """Return a simulator of all providers, the declared ones too."""
    return Simulator([*Simulator().providers, *FILES.values()])
