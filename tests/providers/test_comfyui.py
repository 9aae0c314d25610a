"""ComfyUI: where values go in a workflow, what runs come to, and whom a cancel stops."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._data._exchange import Operation
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._http._pools import ClientCache
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.contract.cases import WORKFLOWS

PICTURE = samples.make_png(64, 64, 1)
NOWHERE = "http://127.0.0.1:9"
VIDEO, FRAMES, IMAGE, EDIT = (
    str(WORKFLOWS / f"{name}.json") for name in ("video", "frames", "image", "edit")
)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["comfyui"]) as running:
        yield running


def video(model: str = VIDEO, base_url: str = NOWHERE, **own: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(
        provider="comfyui",
        model=model,
        base_url=base_url,
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01, **own},
    )


def image(model: str = IMAGE, base_url: str = NOWHERE, **own: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig(
        provider="comfyui",
        model=model,
        base_url=base_url,
        poll_interval=0.02,
        provider_config={"min_poll_interval": 0.01, **own},
    )


def graph_of(config: Any, **asked: Any) -> Any:
    """Return the nodes' inputs as they would be sent."""
    request = {"prompt": "a fox", **asked}
    if isinstance(config, VideoGenerationConfig):
        plan = plan_video(config, VideoGenerationRequest.model_validate(request))
    else:
        plan = plan_image(config, ImageGenerationRequest.model_validate(request))

    return {node_id: node["inputs"] for node_id, node in plan.payload["prompt"].items()}


# ------------------------------------------------------------------------------------------- slots
def test_values_go_where_titles_and_wires_lead() -> None:
    sent = graph_of(
        video(),
        negative_prompt="blur",
        seed=7,
        aspect_ratio="9:16",
        resolution="720p",
        duration_seconds=5,
    )
    assert (sent["2"]["text"], sent["3"]["text"]) == ("a fox", "blur")
    assert sent["5"]["seed"] == 7
    assert (sent["4"]["width"], sent["4"]["height"]) == (720, 1280)
    # At 16 frames a second, in the numbers that fit the workflow's own 81.
    assert sent["4"]["length"] == 81
    assert sent["8"]["filename_prefix"].startswith("video/clip_")


def test_without_titles_the_wires_of_the_sampler_tell_the_prompts() -> None:
    sent = graph_of(image(), negative_prompt="text", n=3, size="768x512")
    assert (sent["6"]["text"], sent["7"]["text"]) == ("a fox", "text")
    assert (sent["5"]["width"], sent["5"]["height"], sent["5"]["batch_size"]) == (768, 512, 3)


@pytest.mark.parametrize(("seconds", "frames"), [(1, 17), (2.5, 41), (5.1, 81), (10, 161)])
def test_frames_are_those_that_the_model_makes(seconds: float, frames: int) -> None:
    assert graph_of(video(), duration_seconds=seconds)["4"]["length"] == frames


def test_a_ratio_alone_keeps_the_area_of_the_workflow() -> None:
    sent = graph_of(image(), aspect_ratio="16:9")["5"]
    assert abs(sent["width"] * sent["height"] / 1024**2 - 1) < 0.03
    assert sent["width"] % 16 == sent["height"] % 16 == 0


def test_a_seed_that_nobody_gave_is_a_fresh_one() -> None:
    """The same workflow with the same seed would be answered from the server's cache."""
    first, second = (graph_of(image())["3"]["seed"] for _ in range(2))
    assert first != second
    assert 42 not in (first, second)


@pytest.mark.parametrize(
    "written", ["7.text", ["7", "text"], ["7.text"], [["7", "text"]], "Words.text"]
)
def test_a_slot_is_written_as_is_convenient(tmp_path: Path, written: Any) -> None:
    graph = json.loads(Path(IMAGE).read_text())
    graph["7"]["_meta"] = {"title": "Words"}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(graph))
    sent = graph_of(image(str(path), slots={"prompt": written}))
    assert sent["7"]["text"] == "a fox"
    assert sent["6"]["text"] == "a lighthouse"


def test_slots_may_stand_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    whole = {"workflow": json.loads(Path(IMAGE).read_text()), "slots": {"steps": "3.steps"}}
    path.write_text(json.dumps(whole))
    assert graph_of(image(str(path)), extra_params={"steps": 8})["3"]["steps"] == 8


def test_a_workflow_may_be_given_as_it_is() -> None:
    graph = json.loads(Path(IMAGE).read_text())
    assert graph_of(image("my-model", workflow=graph))["6"]["text"] == "a fox"


def test_any_input_can_be_set_by_its_place() -> None:
    sent = graph_of(image(), extra_params={"3.cfg": 4.5, "4.ckpt_name": "wan2.2.safetensors"})
    assert (sent["3"]["cfg"], sent["4"]["ckpt_name"]) == (4.5, "wan2.2.safetensors")


UI = {"nodes": [{"id": 1}], "links": [], "version": 0.4}
TYPOS: Mapping[str, tuple[dict[str, Any], str]] = {
    "slot": ({"slots": {"promt": "6.text"}}, r"slots has 'promt'; did you mean 'prompt'"),
    "node": ({"slots": {"seed": "33.seed"}}, r"no node '33'; did you mean '3'.*3 \(KSampler\)"),
    "input": (
        {"slots": {"prompt": "6.txt"}},
        r"6 \(CLIPTextEncode 'CLIP .*'\) .* no input 'txt'; did you mean '6\.text'",
    ),
    "output": ({"output": "99"}, r"'output'\] is '99', and .* has no node '99'"),
    "editor": ({"workflow": UI}, r"saved for the editor.*Export \(API\)"),
    "nodes": ({"workflow": {"1": {"class_type": "KSampler"}}}, "not in ComfyUI's API format"),
    "file": ({"workflow": "nowhere.json"}, r"'nowhere.json' can't be read \(No such file"),
    "prompt": (
        {"workflow": {"1": {"class_type": "SaveImage", "inputs": {}}}},
        r"no place for the prompt .*'6\.text'.*1 \(SaveImage\)",
    ),
}


@pytest.mark.parametrize("name", TYPOS)
def test_a_mistake_in_a_workflow_is_named_before_anything_is_sent(name: str) -> None:
    own, message = TYPOS[name]
    with pytest.raises(ValidationError, match=message) as caught:
        graph_of(image(**own))

    assert caught.value.field in {"slots", "output", "model"}


def test_a_parameter_without_a_slot_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"no slot 'stepz'; it has .*prompt"):
        graph_of(image(), extra_params={"stepz": 3})


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("{")
    with pytest.raises(ValidationError, match="is no JSON"):
        graph_of(image(str(path)))


def test_what_a_workflow_has_no_slot_for_is_left_out_or_refused() -> None:
    request = VideoGenerationRequest(prompt="a fox", generate_audio=True)
    (adjustment,) = plan_video(video(), request).adjustments
    assert adjustment.field == "generate_audio"
    with pytest.raises(ValidationError, match="first_frame"):
        graph_of(video(), image_list=[{"image": PICTURE, "type": "first_frame"}])


# -------------------------------------------------------------------------------------------- runs
def test_without_a_key_the_result_is_an_address(simulator: Simulator, tmp_path: Path) -> None:
    base_url = simulator.base_url("comfyui")
    response = generate_video(video(base_url=base_url), VideoGenerationRequest(prompt="a fox"))
    assert isinstance(response.video, str)
    assert response.video.startswith(f"{base_url}/view?filename=clip_")
    assert "subfolder=video" in response.video
    assert simulator.counters("comfyui").results == 0
    # A server on this machine is the user's own: what it has made can be saved all the same.
    saved = response.save(f"{tmp_path}/{{request_id}}.{{ext}}", config=video(base_url=base_url))
    assert saved


@pytest.mark.parametrize("private", [True, False])
def test_the_servers_own_files_are_allowed_to_untrusted_requests(
    simulator: Simulator, private: bool, tmp_path: Path
) -> None:
    config = video(base_url=simulator.base_url("comfyui")).model_copy(
        update={"allow_private_urls": private, "untrusted_requests": not private}
    )
    response = generate_video(config, VideoGenerationRequest(prompt="a fox"))
    assert response.save(f"{tmp_path}/", config=config)


def test_a_picture_is_uploaded_and_named_in_its_slot(simulator: Simulator) -> None:
    config = video(FRAMES, simulator.base_url("comfyui"))
    images = [
        {"image": PICTURE, "type": "first_frame"},
        {"image": "comfyui://example.png", "type": "last_frame"},
    ]
    request = VideoGenerationRequest.model_validate({"prompt": "a fox", "image_list": images})
    assert generate_video(config, request).video
    graph = simulator.jobs("comfyui")[0].payload["prompt"]
    assert graph["9"]["inputs"]["image"].startswith("tarash/")
    assert graph["10"]["inputs"]["image"] == "example.png"
    assert simulator.counters("comfyui").uploads == 1


def test_several_images_come_back(simulator: Simulator) -> None:
    config = image(base_url=simulator.base_url("comfyui"))
    response = generate_image(config, ImageGenerationRequest(prompt="a fox", n=3))
    assert len(response.images) == 3


def test_a_refused_workflow_names_its_nodes(simulator: Simulator) -> None:
    config = image(base_url=simulator.base_url("comfyui"))
    request = ImageGenerationRequest(
        prompt="a fox", extra_params={"4.ckpt_name": "gone.safetensors"}
    )
    with pytest.raises(ValidationError) as caught:
        generate_image(config, request)

    said = str(caught.value)
    assert "node 4 (CheckpointLoaderSimple): Value not in list: ckpt_name: 'gone.safeten" in said
    assert "install the model" in said
    assert caught.value.submission == "rejected"


def test_a_node_that_the_server_lacks_is_named(simulator: Simulator) -> None:
    graph = json.loads(Path(IMAGE).read_text())
    graph["3"]["class_type"] = "FancySampler"
    config = image(base_url=simulator.base_url("comfyui"), workflow=graph)
    with pytest.raises(ValidationError, match=r"'FancySampler' not found.*install the custom node"):
        generate_image(config, ImageGenerationRequest(prompt="a fox"))


def test_a_run_that_breaks_off_names_its_node_and_no_paths(simulator: Simulator) -> None:
    simulator.script("comfyui", Script(outcome="failed"))
    with pytest.raises(
        GenerationFailedError, match=r"node 5 \(KSampler\): RuntimeError: mat1"
    ) as caught:
        generate_video(
            video(base_url=simulator.base_url("comfyui")), VideoGenerationRequest(prompt="a")
        )

    assert "/srv/comfy" not in str(caught.value.raw_response)


@pytest.mark.parametrize("kind", ["torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError"])
def test_too_little_memory_says_what_helps(simulator: Simulator, kind: str) -> None:
    script = Script(outcome="failed", error_type=kind, error_message="Allocation on device\n")
    simulator.script("comfyui", script)
    with pytest.raises(GenerationFailedError, match=r"out of memory in node 5.*smaller size"):
        generate_video(
            video(base_url=simulator.base_url("comfyui")), VideoGenerationRequest(prompt="a")
        )


def test_a_workflow_that_saves_nothing_of_the_kind_says_what_it_saves(
    simulator: Simulator,
) -> None:
    config = video(IMAGE, simulator.base_url("comfyui"))
    with pytest.raises(GenerationFailedError, match=r"no node saved a video.*job_"):
        generate_video(config, VideoGenerationRequest(prompt="a fox"))


async def test_a_lost_answer_is_found_by_the_id_that_we_chose(simulator: Simulator) -> None:
    simulator.fail("comfyui", "submit", Fault.reset_after())
    async with Gateway() as gateway:
        response = await gateway.generate_video_async(
            video(base_url=simulator.base_url("comfyui")), VideoGenerationRequest(prompt="a")
        )

    (job,) = simulator.jobs("comfyui")
    assert response.request_id == job.id == job.payload["prompt_id"]
    assert simulator.counters("comfyui").submits == 1


async def test_progress_comes_over_the_socket(simulator: Simulator) -> None:
    simulator.script("comfyui", Script(run_polls=3))
    updates: list[Any] = []
    async with Gateway() as gateway:
        await gateway.generate_video_async(
            video(base_url=simulator.base_url("comfyui")),
            VideoGenerationRequest(prompt="a"),
            updates.append,
        )

    assert simulator.counters("comfyui").streams == 1
    percents = [one.progress_percent for one in updates if one.progress_percent is not None]
    assert len(set(percents)) > 2
    assert percents == sorted(percents)


# ------------------------------------------------------------------------------------- old servers
@dataclass(slots=True)
class Server:
    """A server that answers as it is told, and remembers what it was asked."""

    version: str = "0.3.40"
    running: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Play the routes that a server of any version has."""
        place = request.path
        if request.method == "POST":
            body = await request.json() if request.can_read_body else None
            self.asked.append((place, body))
            if place == "/queue" and body:
                self.pending = [one for one in self.pending if one not in body["delete"]]
            elif place == "/interrupt":
                self.running = []

            return web.Response()

        if place == "/system_stats":
            return web.json_response({"system": {"comfyui_version": self.version}})

        if place == "/queue":
            entries = {"queue_running": self.running, "queue_pending": self.pending}
            shown = {
                name: [[9 - number, one, {}, {}, []] for number, one in enumerate(ids)]
                for name, ids in entries.items()
            }
            return web.json_response(shown)

        if place.startswith("/history/"):
            job_id = place.rpartition("/")[2]
            found = self.history.get(job_id)
            return web.json_response({job_id: found} if found else {})

        return web.Response(status=404, text="404: Not Found")


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(server: Server) -> AsyncIterator[tuple[Any, Any, Operation]]:
    adapter = default_registry.adapter("comfyui")
    operation = Operation("comfyui", VIDEO, "video", "ours", "2026-11-29T00:00:00+00:00")
    clients = ClientCache()
    try:
        async with clients.lease(
            adapter, account(adapter, video(base_url=server.url), None)
        ) as client:
            yield adapter, client, operation
    finally:
        await clients.aclose()


SUCCESS = {"outputs": {}, "status": {"status_str": "success", "completed": True, "messages": []}}


@pytest.mark.parametrize(
    ("server", "answer", "asked"),
    [
        (Server(running=["theirs"], pending=["ours"]), "cancelled", ["/queue"]),
        (Server(running=["ours"], pending=["theirs"]), "unsupported", []),
        (Server(version="0.3.70", running=["ours"]), "cancelled", ["/interrupt"]),
        (Server(version="v0.26.1", running=["theirs"]), "unsupported", []),
        (Server(running=["theirs"], history={"ours": SUCCESS}), "too_late", []),
    ],
    ids=["waits", "runs on an old server", "runs", "unknown", "has ended"],
)
async def test_a_cancel_stops_our_run_and_no_other(
    server: Server, answer: str, asked: list[str]
) -> None:
    async with serving(server), asking(server) as (adapter, client, operation):
        assert await adapter.cancel(client, operation) == answer

    assert [place for place, _ in server.asked] == asked
    assert all("ours" in str(body) for _, body in server.asked)
    assert "theirs" in [*server.running, *server.pending] or "theirs" not in str(server)


async def test_a_job_that_moves_between_two_questions_is_not_lost() -> None:
    class Moving(Server):
        async def answer(self, request: web.Request) -> web.Response:
            answered = await super().answer(request)
            if request.path == "/queue":
                self.history["ours"] = SUCCESS

            return answered

    server = Moving()
    async with serving(server), asking(server) as (adapter, client, operation):
        assert (await adapter.poll(client, operation)).status == "completed"


async def test_a_restarted_server_is_told_of() -> None:
    async with serving(Server()) as server, asking(server) as (adapter, client, operation):
        with pytest.raises(HTTPError, match="was restarted, or its history cleared") as caught:
            await adapter.poll(client, operation)

    assert caught.value.status_code == 404


async def test_the_place_in_the_queue_is_by_number_and_not_by_order() -> None:
    server = Server(running=["x"], pending=["ours", "y", "z"])
    async with serving(server), asking(server) as (adapter, client, operation):
        assert (await adapter.poll(client, operation)).queue_position == 2


async def test_an_interrupted_run_says_so() -> None:
    entry = {
        "outputs": {},
        "status": {"status_str": "error", "messages": [["execution_interrupted", {}]]},
    }
    async with (
        serving(Server(history={"ours": entry})) as server,
        asking(server) as (adapter, client, operation),
    ):
        seen = await adapter.poll(client, operation)

    assert seen.status == "failed"
    assert "interrupted on the server" in str(seen.error)


FILES: Mapping[str, tuple[dict[str, Any], str, list[str]]] = {
    "a video under images": (
        {"9": {"images": [{"filename": "a.mp4", "type": "output"}], "animated": [True]}},
        "video",
        ["a.mp4"],
    ),
    "of VideoHelperSuite": (
        {"4": {"gifs": [{"filename": "a.webm", "type": "output", "format": "video/webm"}]}},
        "video",
        ["a.webm"],
    ),
    "a moving picture": (
        {"4": {"images": [{"filename": "a.webp", "type": "output"}], "animated": [True]}},
        "video",
        ["a.webp"],
    ),
    "saved before previews": (
        {
            "3": {"images": [{"filename": "p.png", "type": "temp"}]},
            "4": {"images": [{"filename": "s.png", "type": "output"}]},
        },
        "image",
        ["s.png"],
    ),
    "previews alone": (
        {"3": {"images": [{"filename": "p.png", "type": "temp"}]}},
        "image",
        ["p.png"],
    ),
    "of several nodes": (
        {
            "3": {"images": [{"filename": "1.png", "type": "output"}], "text": ["done"]},
            "4": {"audio": [{"filename": "a.flac"}], "images": [{"filename": "2.png"}]},
        },
        "image",
        ["1.png", "2.png"],
    ),
    "inputs are none": (
        {"3": {"images": [{"filename": "1.png", "type": "input"}]}},
        "image",
        [],
    ),
}


@pytest.mark.parametrize("name", FILES)
async def test_files_are_told_by_what_they_are(name: str) -> None:
    outputs, kind, wanted = FILES[name]
    entry = {**SUCCESS, "outputs": outputs}
    async with (
        serving(Server(history={"ours": entry})) as server,
        asking(server) as (adapter, client, operation),
    ):
        asked = Operation.from_json({**operation.to_json(), "kind": kind})
        seen = await adapter.poll(client, asked)

    assert seen.finished is not None
    found = [
        url.partition("filename=")[2].partition("&")[0] for url in seen.finished.metadata["urls"]
    ]
    assert found == wanted


async def test_a_server_that_is_something_else_is_told_of() -> None:
    class Other(Server):
        async def answer(self, request: web.Request) -> web.Response:
            del request
            return web.Response(status=405, text="405: Method Not Allowed")

    async with serving(Other()) as server, Gateway() as gateway:
        with pytest.raises(ModelNotFoundError, match="is it ComfyUI that listens"):
            await gateway.generate_video_async(
                video(base_url=server.url), VideoGenerationRequest(prompt="a")
            )
