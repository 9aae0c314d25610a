"""Rows of the contract: OpenAI's wire, and servers that users run themselves."""

from __future__ import annotations

from functools import partial

from tarash.tarash_gateway import GenerationFailedError, HTTPError

from .case import BYTES, FRAMES, ONE_REFUSAL, WORKFLOWS, Case, Images, alone

OPENAI_FORM = {"odd_one": "As It Is", "odd_number": "7"}
openai_video = partial(
    Case,
    kind="video",
    images=alone("reference", "first_frame"),
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
    images=alone("reference", "asset"),
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
    images=alone("reference", "asset"),
    pictures=BYTES,
    moderated=(),
    extra={"guidance_scale": 4.5},
    extra_sent={"guidance_scale": 4.5},
    failure=HTTPError,
    refused_failure=True,
)
NO_FILTER = "a server of the user's own has no content filter; "

ROWS: dict[str, tuple[Case, ...]] = {
    "openai": (
        openai_video(provider="openai", model="sora-2", other_model="sora-2-pro"),
        openai_image(provider="openai", model="gpt-image-2"),
    ),
    "azure-openai": (
        openai_video(provider="azure-openai", model="my-sora", other_model="other-sora"),
        openai_image(provider="azure-openai", model="my-image"),
    ),
    "vllm": (
        own_video(
            provider="vllm",
            model="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
            other_model="MiniMaxAI/MiniMax-H3",
            cancel="cancelled",
            images=(
                *alone("reference", "first_frame", "asset"),
                Images(("first_frame", "reference")),
            ),
            extra_sent=SERVER_FORM,
            why=f"{NO_FILTER}videos are made from a form, which holds text",
        ),
        own_image(provider="vllm", model="Qwen/Qwen-Image", why=NO_FILTER),
    ),
    "sglang": (
        own_video(
            provider="sglang",
            model="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
            images=alone("reference", "first_frame"),
            extra_sent=SERVER_EXTRA,
            why=f"{NO_FILTER}its DELETE forgets a job, which goes on running",
        ),
        own_image(provider="sglang", model="Qwen/Qwen-Image", why=NO_FILTER),
    ),
    "openai-compatible": (
        own_video(
            provider="openai-compatible",
            model="wan2.2-t2v",
            images=alone("reference", "first_frame"),
            moderated=(ONE_REFUSAL,),
            extra_sent=SERVER_FORM,
            why="as for sora-2; nobody knows how such a server stops a job",
        ),
        own_image(
            provider="openai-compatible",
            model="flux",
            moderated=(ONE_REFUSAL,),
            why="as for sora-2",
        ),
    ),
    "localai": (
        own_video(
            provider="localai",
            model="wan-2.2",
            at_once=True,
            images=(*alone("reference", "first_frame"), FRAMES),
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
    ),
    "comfyui": (
        own_video(
            provider="comfyui",
            model=str(WORKFLOWS / "video.json"),
            own_id=True,
            cancel="cancelled",
            images=(
                *alone("first_frame", "last_frame", model=str(WORKFLOWS / "frames.json")),
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
            images=alone("reference", model=str(WORKFLOWS / "edit.json")),
            extra={"front": True},
            extra_sent={"front": True},
            failure=GenerationFailedError,
            refused_failure=False,
            why=f"{NO_FILTER}images are jobs, too",
        ),
    ),
}
