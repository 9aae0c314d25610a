"""Rows of the contract: providers whose adapters are written by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tarash.tarash_gateway import HTTPError
from tarash.tarash_gateway.testing import Script

from .case import BYTES, FORM_EXTRA, FRAMES, ONE_REFUSAL, Case, Images, alone, by_token

GOOGLE: Callable[..., Case] = partial(Case, provider="google", pictures=BYTES)
OPERATIONS = "long-running operations can't be stopped"

ROWS: dict[str, tuple[Case, ...]] = {
    "fal": (
        Case(
            provider="fal",
            kind="video",
            model="fal-ai/veo3.1",
            cancel="requested",
            images=(
                *alone("first_frame", model="fal-ai/veo3.1/image-to-video"),
                Images(("first_frame", "last_frame"), "fal-ai/veo3.1/first-last-frame-to-video"),
                *alone("reference", "asset", model="fal-ai/veo3.1/reference-to-video"),
            ),
        ),
        Case(
            provider="fal",
            kind="image",
            model="fal-ai/flux/dev",
            cancel="requested",
            images=alone("reference", model="fal-ai/flux/dev/image-to-image"),
            pictures=BYTES,
        ),
    ),
    "google": (
        GOOGLE(
            kind="video",
            model="gemini-omni-1.1-flash",
            cancel="cancelled",
            images=(*alone("reference", "first_frame", "asset", "style"), FRAMES),
        ),
        GOOGLE(
            kind="video",
            model="veo-3.1-generate-preview",
            images=(*alone("reference", "first_frame", "asset"), FRAMES),
            place=("parameters",),
            moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="3")),
            why=OPERATIONS,
        ),
        GOOGLE(
            kind="video",
            model="veo-3.1-generate-001",
            images=(*alone("reference", "first_frame", "asset"), FRAMES),
            place=("parameters",),
            moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="3")),
            credentials=by_token,
            why=OPERATIONS,
        ),
        GOOGLE(
            kind="image",
            model="gemini-3.1-flash-image",
            at_once=True,
            images=alone("reference", "asset", "style"),
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
    ),
    "runway": (
        Case(
            provider="runway",
            kind="video",
            model="gen4.5",
            cancel="requested",
            images=alone("reference", "first_frame"),
        ),
        Case(
            provider="runway",
            kind="image",
            model="gen4_image",
            cancel="requested",
            images=alone("reference", "asset"),
            pictures=BYTES,
        ),
    ),
    "replicate": (
        Case(
            provider="replicate",
            kind="video",
            model="google/veo-3.1",
            other_model="google/veo-3.1-fast",
            cancel="cancelled",
            images=(*alone("reference", "first_frame", "asset"), FRAMES),
            place=("input",),
        ),
        Case(
            provider="replicate",
            kind="image",
            model="black-forest-labs/flux-schnell",
            other_model="black-forest-labs/flux-dev",
            cancel="cancelled",
            images=alone("reference", model="black-forest-labs/flux-kontext-pro"),
            pictures=BYTES,
            place=("input",),
            why="the submit of an image is held until it is ready, for some seconds at most",
        ),
    ),
    "luma": (
        Case(
            provider="luma",
            kind="video",
            model="ray-2",
            other_model="ray-flash-2",
            images=(*alone("reference", "first_frame", "last_frame"), FRAMES),
            why="deleting a generation is not said to stop it",
        ),
        Case(
            provider="luma",
            kind="video",
            model="ray-3.2",
            images=(*alone("reference", "first_frame", "last_frame"), FRAMES),
            why="the Agents API has no cancel",
        ),
        Case(
            provider="luma",
            kind="image",
            model="photon-1",
            other_model="photon-flash-1",
            images=alone("reference", "asset", "style"),
            why="as for ray-2",
        ),
        Case(
            provider="luma",
            kind="image",
            model="uni-1",
            images=alone("reference", "asset"),
            why="as for ray-3.2",
        ),
    ),
    "stability": (
        Case(
            provider="stability",
            kind="image",
            model="sd3.5-large",
            at_once=True,
            images=(*alone("reference"), *alone("style", model="control/style")),
            pictures=BYTES,
            extra_sent=FORM_EXTRA,
            failure=HTTPError,
            refused_failure=True,
            moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="CONTENT_FILTERED")),
            why="the submit's answer holds the image; a form holds text",
        ),
    ),
    "xai": (
        Case(
            provider="xai",
            kind="video",
            model="grok-imagine-video",
            images=(
                *alone("reference", "first_frame", "asset"),
                *(Images(FRAMES.roles, "grok-imagine-video-1.5"),),
            ),
            why="the API has no cancel",
        ),
        Case(
            provider="xai",
            kind="image",
            model="grok-imagine-image-2.0",
            at_once=True,
            images=alone("reference", "asset", "style"),
            pictures=BYTES,
            failure=HTTPError,
            refused_failure=True,
            moderated=(ONE_REFUSAL, Script(outcome="moderated", error_type="done")),
            why="the submit's answer holds the images",
        ),
    ),
}
