"""Requests that others have written: each form of an attack, by each way into the package."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tarash.tarash_gateway as package
from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    SaveError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoJob,
)
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers._registry import Registry
from tarash.tarash_gateway.testing import Script, Simulator

PNG = samples.make_png(16, 16, seed=1)
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PUBLIC = "https://example.com/cat.png"

FILES = {
    "absolute": "{folder}/secret.png",
    "relative": "secret.png",
    "dotted": "./secret.png",
    "up and down": "../{name}/secret.png",
    "home": "~/secret.png",
    "somebody's home": "~root/secret.png",
    "variable": "$HOME/secret.png",
    "braced variable": "${HOME}/secret.png",
    "Windows variable": "%USERPROFILE%\\secret.png",
    "link": "{folder}/link.png",
    "file URL": "file://{folder}/secret.png",
    "file URL in capitals": "FILE://{folder}/secret.png",
    "file URL with a host": "file://localhost{folder}/secret.png",
    "file URL without slashes": "file:{folder}/secret.png",
    "device": "/dev/zero",
    "process": "/proc/self/environ",
    "share": "\\\\server\\share\\secret.png",
    "drive": "C:\\secret.png",
    "folder": "{folder}",
    "not there": "/no/such/file.png",
}
HOSTS = {
    "loopback": "127.0.0.1",
    "any": "0.0.0.0",  # noqa: S104  (nothing is bound to it)
    "name": "localhost",
    "name with a dot": "localhost.",
    "name below": "anything.localhost",
    "short": "127.1",
    "number": "2130706433",
    "hexadecimal": "0x7f000001",
    "octal": "0177.0.0.1",
    "IPv6": "[::1]",
    "mapped": "[::ffff:127.0.0.1]",
    "mapped in hexadecimal": "[::ffff:7f00:1]",
    "6to4": "[2002:7f00:1::]",
    "NAT64": "[64:ff9b::7f00:1]",
    "link": "169.254.169.254",
    "metadata": "metadata.google.internal",
    "private": "10.0.0.1",
    "private too": "192.168.1.1",
    "shared": "100.64.0.1",
    "multicast": "224.0.0.1",
    "of this network": "printer",
    "of this house": "printer.local",
    "with a user": "example.com@127.0.0.1",
    "full width": "127.0.0.1",
    "in circles": "①②⑦.⓪.⓪.①",
    "escaped": "%31%32%37.0.0.1",
    "backslash": "127.0.0.1\\.example.com",
    "tab": "127.0.\t0.1",
    "none": "",
}
REFERENCES = ("gs://bucket/secret.png", "s3://bucket/secret.png", "runway://secret", "ftp://a.b/c")
LEADING_AWAY: dict[str, Any] = {
    "webhook": "https://example.com/",
    "webhook_url": "https://example.com/",
    "callback_url": "https://example.com/",
    "storageUri": "gs://bucket/",
    "save_to": "/etc/cron.d/x",
    "image_url": "file:///etc/passwd",
    "video_id": "video_somebody",
    "num_images": 100,
    "enable_safety_checker": False,
    "parameters": {"storageUri": "gs://bucket/"},
}

MEDIA = {
    **{f"file: {name}": form for name, form in FILES.items()},
    **{f"path: {name}": Path(form) for name, form in FILES.items() if ":" not in form},
    **{f"host: {name}": f"http://{host}/secret.png" for name, host in HOSTS.items()},
    "host: in capitals": "HTTP://127.0.0.1/secret.png",
    "host: with a port": "https://localhost:8443/secret.png",
    **{f"reference: {one.partition(':')[0]}": one for one in REFERENCES},
}
ATTACKS: dict[str, tuple[str, Any]] = {
    **{f"{name} as an image": ("image_list", form) for name, form in MEDIA.items()},
    **{f"{name} as the source": ("source", form) for name, form in MEDIA.items()},
    **{f"parameter: {name}": ("extra_params", {name: one}) for name, one in LEADING_AWAY.items()},
}
WAYS = [
    f"{verb}_{kind}{suffix}"
    for verb, kind, suffix in itertools.product(
        ("generate", "submit", "plan"), ("video", "image"), ("_async", "")
    )
]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay an image out that must not be read, at home and in the working folder."""
    path = tmp_path / "secret.png"
    path.write_bytes(PNG)
    if hasattr(os, "symlink"):
        (tmp_path / "link.png").symlink_to(path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


def placed(form: Any, folder: Path) -> Any:
    """Return a form of the table with the folder's name in it."""
    if isinstance(form, str | Path):
        told = str(form).replace("{folder}", str(folder)).replace("{name}", folder.name)
        return told if isinstance(form, str) else Path(told)

    return form


def request_for(kind: str, field: str, value: Any) -> Any:
    given: dict[str, Any]
    if field == "image_list":
        given = {"image_list": [{"image": value, "type": "first_frame"}]}
    elif field == "images":
        given = {"image_list": [value]}
    elif field == "source":
        # What is edited: a video, or an image by its mask.
        given = {"video": value} if kind == "video" else {"image_list": [URI], "mask_image": value}
    else:
        given = {field: value}

    kind_of = VideoGenerationRequest if kind == "video" else ImageGenerationRequest
    return kind_of(prompt="A cat", **given)


def config_for(kind: str, **changes: Any) -> Any:
    kind_of = VideoGenerationConfig if kind == "video" else ImageGenerationConfig
    fallback = kind_of(provider="replicate", model="any/model", api_key="k", base_url=NOBODY)
    given = {"api_key": "k", "base_url": NOBODY, "fallback_configs": [fallback], **changes}
    return kind_of(provider="fal", model="any/model", **given)


async def called(way: Callable[..., Any], *arguments: Any) -> Any:
    made = way(*arguments)
    return await made if hasattr(made, "__await__") else made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_no_attack_gets_in_by_any_way(way: str, tmp_path: Path) -> None:
    kind = "video" if "video" in way else "image"
    got_in = []
    gateway = Gateway(untrusted_requests=True)
    for name, (field, form) in ATTACKS.items():
        request = request_for(kind, field, placed(form, tmp_path))
        try:
            await called(getattr(gateway, way), config_for(kind), request)
        except ValidationError as error:
            if "untrusted request" not in error.message or error.submission != "not_sent":
                got_in.append(f"{name}: {error}")  # as far as somebody who asked the disk
        else:
            got_in.append(name)

    assert got_in == []


@pytest.mark.parametrize("name", ["file: absolute as an image", "parameter: webhook"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", ["head", "fallback"])
async def test_a_config_says_it_for_the_modules_functions(
    way: str, name: str, place: str, tmp_path: Path
) -> None:
    kind = "video" if "video" in way else "image"
    field, form = ATTACKS[name]
    changes: dict[str, Any] = {"untrusted_requests": True}
    if place == "fallback":
        changes = {"fallback_configs": [config_for(kind, untrusted_requests=True)]}

    with pytest.raises(ValidationError, match="untrusted request"):
        await called(
            getattr(package, way),
            config_for(kind, **changes),
            request_for(kind, field, placed(form, tmp_path)),
        )


@pytest.mark.parametrize("kind", ["video", "image"])
@pytest.mark.parametrize("image", [PUBLIC, URI, PNG, base64.b64encode(PNG * 2).decode()])
async def test_what_is_public_or_at_hand_gets_in(kind: str, image: Any) -> None:
    gateway = Gateway(untrusted_requests=True)
    request = request_for(kind, "image_list", image)
    if kind == "image":
        request = request_for(kind, "images", image)

    config = config_for(kind, fallback_configs=[])
    plan = await called(getattr(gateway, f"plan_{kind}_async"), config, request)
    assert plan.payload


@pytest.mark.parametrize("name", LEADING_AWAY)
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_a_parameter_that_the_config_names_goes_through(name: str) -> None:
    config = config_for("video", allowed_extra_params=["cfg_scale", name])
    request = VideoGenerationRequest(prompt="A cat", extra_params={name: "x", "cfg_scale": 0.5})
    plan = await Gateway(untrusted_requests=True).plan_video_async(config, request)
    assert plan.payload["cfg_scale"] == 0.5
    with pytest.raises(ValidationError, match="'another'"):
        await Gateway(untrusted_requests=True).plan_video_async(
            config, VideoGenerationRequest(prompt="A cat", extra_params={"another": 1, name: "x"})
        )


@pytest.mark.parametrize("way", ["generate_video_async", "plan_video_async"])
async def test_the_media_of_one_request_have_a_limit_together(way: str) -> None:
    gateway = Gateway(untrusted_requests=True)
    config = config_for("video", max_media_bytes=2 * len(PNG), fallback_configs=[])
    ends: list[Any] = [{"image": PNG, "type": f"{end}_frame"} for end in ("first", "last")]
    request = VideoGenerationRequest(prompt="A cat", image_list=ends)
    await gateway.plan_video_async(config, request)
    small = config.model_copy(update={"max_media_bytes": 2 * len(PNG) - 1})
    with pytest.raises(ValidationError, match=r"image_list\[1\]: .* bytes"):
        await called(getattr(gateway, way), small, request)

    many = VideoGenerationRequest(prompt="A cat", image_list=[{"image": PUBLIC}] * 33)
    with pytest.raises(ValidationError, match="32 images"):
        await called(getattr(gateway, way), config, many)


async def test_a_handler_gets_no_file_either(tmp_path: Path) -> None:
    registry = Registry()

    class Handler:
        def generate_video(self, *_: Any) -> Any:
            raise AssertionError

    registry.register_provider("own", Handler())
    config = VideoGenerationConfig(provider="own", model="x")
    request = request_for("video", "image_list", str(tmp_path / "secret.png"))
    gateway = Gateway(registry=registry, untrusted_requests=True)
    with pytest.raises(ValidationError, match="untrusted request"):
        await gateway.generate_video_async(config, request)

    with pytest.raises(ValidationError, match="untrusted request"):
        await gateway.plan_video_async(config, request)


@pytest.mark.parametrize("resumed_by", ["a gateway of its own", "the module", "one that distrusts"])
@pytest.mark.parametrize("stored_by", ["gateway", "config", "nobody", "private results"])
async def test_a_stored_job_stays_untrusted(
    stored_by: str, resumed_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its result lies at a private address, which is neither the provider's nor the user's."""
    monkeypatch.setenv("FAL_KEY", "k")
    path = tmp_path / "jobs.db"
    with Simulator() as simulator:
        simulator.script("fal", Script(queue_polls=0, run_polls=0))
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1/image-to-video",
            base_url=simulator.base_url("fal"),
            untrusted_requests=stored_by == "config",
        )
        if stored_by == "private results":
            config = config.model_copy(update={"allow_private_urls": True})

        request = request_for("video", "image_list", URI)
        async with Gateway(ledger=path, untrusted_requests=stored_by == "gateway") as gateway:
            job_id = (await gateway.submit_video_async(config, request)).id

        distrusts = resumed_by == "one that distrusts"
        if resumed_by == "the module":
            job = await package.resume_async(job_id, path)
        else:
            job = await Gateway(ledger=path, untrusted_requests=distrusts).resume_async(job_id)

        assert isinstance(job, VideoJob)
        response = await job.wait_async()
        if stored_by == "private results" or (stored_by == "nobody" and not distrusts):
            await response.save_async(tmp_path / "it.mp4")
        else:
            with pytest.raises(SaveError, match="private address"):
                await response.save_async(tmp_path / "it.mp4")

        await package.aclose(0)


@pytest.mark.parametrize("kind_of", [VideoGenerationConfig, ImageGenerationConfig])
def test_private_addresses_are_off_unless_somebody_says_otherwise(kind_of: Any) -> None:
    config = kind_of(provider="fal", model="x", untrusted_requests=True)
    assert not config.allow_private_urls
    assert not kind_of.model_validate(config.model_dump()).allow_private_urls
    assert not kind_of.model_validate_json(config.model_dump_json()).allow_private_urls
    assert kind_of(provider="fal", model="x").allow_private_urls


@pytest.mark.parametrize("way", WAYS)
async def test_for_results_only_where_somebody_does(way: str) -> None:
    kind = "video" if "video" in way else "image"
    config = config_for(kind, untrusted_requests=True, allow_private_urls=True)
    assert config.allow_private_urls
    request = request_for(kind, *ATTACKS["host: loopback as an image"])
    with pytest.raises(ValidationError, match="untrusted request"):
        await called(getattr(package, way), config, request)
