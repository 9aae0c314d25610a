"""Registered handlers: whole or in part, sync or async, in both APIs, and how they fail."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    Registry,
    TarashException,
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoGenerationUpdate,
)
from tarash.tarash_gateway import TimeoutError as GatewayTimeoutError
from tests.engine.conftest import KEY

VIDEO = VideoGenerationResponse(
    request_id="job-1", video="https://example.com/cat.mp4", status="completed", raw_response={}
)
IMAGE = ImageGenerationResponse(
    request_id="job-2", images=("https://example.com/cat.png",), status="completed", raw_response={}
)
Do = Callable[[], Any]
APIS = ["sync", "async"]


class Seen:
    """What handlers were called with, and in which thread."""

    def __init__(self) -> None:
        self.methods: list[str] = []
        self.threads: list[threading.Thread] = []
        self.configs: list[Any] = []

    def note(self, method: str, config: Any) -> None:
        self.methods.append(method)
        self.threads.append(threading.current_thread())
        self.configs.append(config)


def handler(seen: Seen, *methods: str, do: Do | None = None, kind: str = "video") -> Any:
    """Return a handler with these methods, `sync` or `async`; `do` is what they do."""
    response = VIDEO if kind == "video" else IMAGE

    def blocking(_self: Any, config: Any, _request: Any, _on_progress: Any = None) -> Any:
        seen.note("sync", config)
        return response if do is None else do()

    async def coroutine(_self: Any, config: Any, _request: Any, _on_progress: Any = None) -> Any:
        seen.note("async", config)
        await asyncio.sleep(0)
        return response if do is None else do()

    named = {"sync": (f"generate_{kind}", blocking), "async": (f"generate_{kind}_async", coroutine)}
    return type("Handler", (), dict(named[method] for method in methods))()


def call(api: str, registered: Any, on_progress: Any = None, **changes: Any) -> Any:
    """Make a video through one of the APIs."""
    registry = Registry()
    registry.register_provider("mine", registered)
    gateway = Gateway(registry=registry)
    config = VideoGenerationConfig(
        **({"provider": "mine", "model": "one", "api_key": KEY} | changes)
    )
    request = VideoGenerationRequest(prompt="A cat")
    if api == "sync":
        return gateway.generate_video(config, request, on_progress)

    return asyncio.run(gateway.generate_video_async(config, request, on_progress))


def failure(api: str, do: Do, *methods: str, **changes: Any) -> TarashException:
    with pytest.raises(TarashException) as caught:
        call(api, handler(Seen(), *(methods or ("sync", "async")), do=do), **changes)

    assert caught.value.provider == "mine"
    assert caught.value.model == "one"
    assert caught.value.request_id
    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].submission == caught.value.submission
    return caught.value


def raising(error: BaseException) -> Do:
    def do() -> Any:
        raise error

    return do


@pytest.mark.parametrize(
    ("api", "methods", "called", "where"),
    [
        ("sync", ("sync", "async"), "sync", "caller"),
        ("sync", ("sync",), "sync", "caller"),
        ("sync", ("async",), "async", "portal"),
        ("async", ("sync", "async"), "async", "caller"),
        ("async", ("async",), "async", "caller"),
        ("async", ("sync",), "sync", "worker"),
    ],
)
def test_each_api_takes_the_method_that_suits_it_in_the_thread_that_suits_it(
    api: str, methods: tuple[str, ...], called: str, where: str
) -> None:
    seen = Seen()
    response = call(api, handler(seen, *methods))

    assert response.video == VIDEO.video
    assert response.request_id == "job-1"
    assert response.execution_metadata.attempts[0].submission == "accepted"
    assert seen.methods == [called]
    assert seen.configs[0].api_key == KEY, "a handler reads the key"
    name = seen.threads[0].name
    if where == "caller":
        assert seen.threads[0] is threading.current_thread()
    else:
        assert seen.threads[0] is not threading.current_thread()
        assert (name == "tarash-gateway-loop") is (where == "portal")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",), ("sync", "async")])
def test_images_have_methods_of_their_own(api: str, methods: tuple[str, ...]) -> None:
    registry = Registry()
    registry.register_provider("mine", handler(Seen(), *methods, kind="image"))
    gateway = Gateway(registry=registry)
    config = ImageGenerationConfig(provider="mine", model="one")
    request = ImageGenerationRequest(prompt="A cat")
    if api == "sync":
        response = gateway.generate_image(config, request)
    else:
        response = asyncio.run(gateway.generate_image_async(config, request))

    assert response.images == IMAGE.images


@pytest.mark.parametrize("api", APIS)
def test_a_kind_that_a_handler_does_not_make_is_unsupported(api: str) -> None:
    with pytest.raises(UnsupportedOperationError) as caught:
        call(api, handler(Seen(), "sync", kind="image"))

    assert isinstance(caught.value, ValidationError)
    assert isinstance(caught.value, NotImplementedError)
    assert (caught.value.submission, caught.value.retryable) == ("not_sent", False)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",), ("sync", "async")])
def test_not_implemented_is_unsupported(api: str, methods: tuple[str, ...]) -> None:
    error = failure(api, raising(NotImplementedError("no videos on Sundays")), *methods)
    assert isinstance(error, UnsupportedOperationError)
    assert isinstance(error, ValidationError)
    assert isinstance(error, NotImplementedError)
    assert "no videos on Sundays" in error.message
    assert not error.retryable


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",), ("sync", "async")])
def test_any_other_exception_is_wrapped_with_its_cause_and_is_not_retried(
    api: str, methods: tuple[str, ...]
) -> None:
    cause = KeyError("url")
    error = failure(api, raising(cause), *methods)

    assert type(error) is TarashException
    assert error.__cause__ is cause
    assert "KeyError" in error.message
    assert (error.retryable, error.submission) == (False, "unknown")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",)])
def test_a_wrapped_exception_does_not_show_the_key(api: str, methods: tuple[str, ...]) -> None:
    error = failure(api, raising(KeyError(f"no such key: {KEY}")), *methods)
    shown: BaseException | None = error
    while shown is not None:
        assert KEY not in f"{shown}{shown!r}"
        shown = shown.__cause__ or shown.__context__

    assert "KeyError" in str(error.__cause__)
    pickle.dumps(error)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",)])
def test_an_error_of_ours_passes_as_it_is(api: str, methods: tuple[str, ...]) -> None:
    mine = GenerationFailedError("no luck", request_id="job-7", submission="accepted")
    error = failure(api, raising(mine), *methods)
    assert error is mine
    assert error.request_id == "job-7"
    assert error.retryable


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",)])
@pytest.mark.parametrize("stop", [StopIteration, StopAsyncIteration, RuntimeError, TimeoutError])
def test_no_exception_of_a_handler_makes_the_call_hang(
    api: str, methods: tuple[str, ...], stop: type[Exception]
) -> None:
    error = failure(api, raising(stop()), *methods)
    assert type(error) is TarashException
    assert not error.retryable


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("methods", [("sync",), ("async",)])
@pytest.mark.parametrize("returned", [None, {"video": "https://example.com"}, IMAGE])
def test_what_is_no_response_is_an_error_of_ours(
    api: str, methods: tuple[str, ...], returned: Any
) -> None:
    error = failure(api, lambda: returned, *methods)
    assert type(error) is TarashException
    assert type(returned).__name__ in error.message
    assert not error.retryable


@pytest.mark.parametrize("methods", [("sync",), ("async",)])
def test_a_handler_of_the_async_api_has_the_deadline_of_its_config(
    methods: tuple[str, ...],
) -> None:
    seen = Seen()
    registered = handler(seen, *methods, do=lambda: time.sleep(0.3))
    if methods == ("async",):

        async def slow(_self: Any, config: Any, *_: Any) -> Any:
            seen.note("async", config)
            await asyncio.sleep(60)

        type(registered).generate_video_async = slow

    with pytest.raises(GatewayTimeoutError) as caught:
        call("async", registered, timeout=0.2)  # waited for: it is a loop of its own

    assert caught.value.timeout_seconds == 0.2
    assert caught.value.submission == "unknown"
    assert caught.value.retryable


UPDATES = (
    VideoGenerationUpdate(request_id="job-1", status="queued", queue_position=2),
    VideoGenerationUpdate(request_id="job-1", status="processing", progress_percent=40),
    VideoGenerationUpdate(request_id="job-1", status="processing", progress_percent=20),
    VideoGenerationUpdate(request_id="job-1", status="queued"),
    VideoGenerationUpdate(request_id="job-1", status="completed", progress_percent=100),
)


class Reporting:
    """Reports progress the way that users' handlers do: awaited, forgotten, or in a thread."""

    def __init__(self, updates: Sequence[Any] = UPDATES) -> None:
        self.updates = updates
        self.live: list[int] = []
        self.told: list[VideoGenerationUpdate] = []


class Blocking(Reporting):
    def generate_video(self, _config: Any, _request: Any, on_progress: Any = None) -> Any:
        for update in self.updates:
            on_progress(update)
            self.live.append(len(self.told))

        return VIDEO


class Awaiting(Reporting):
    async def generate_video_async(
        self, _config: Any, _request: Any, on_progress: Any = None
    ) -> Any:
        for update in self.updates:
            await on_progress(update)
            self.live.append(len(self.told))

        return VIDEO


class Forgetting(Reporting):
    async def generate_video_async(
        self, _config: Any, _request: Any, on_progress: Any = None
    ) -> Any:
        for update in self.updates:
            on_progress(update)

        return VIDEO


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("kind", [Blocking, Awaiting, Forgetting])
@pytest.mark.parametrize("callback", ["sync", "async"])
def test_updates_of_a_handler_are_passed_on_live_and_in_order(
    api: str, kind: type[Reporting], callback: str
) -> None:
    registered = kind()

    async def tell(update: VideoGenerationUpdate) -> None:
        registered.told.append(update)

    call(api, registered, registered.told.append if callback == "sync" else tell)
    told = [(one.status, one.progress_percent) for one in registered.told]
    assert told == [
        ("queued", None),
        ("processing", 40),
        ("completed", 100),
    ]
    assert registered.told[-1].result is not None
    if kind is not Forgetting and not (api == "sync" and kind is Awaiting and callback == "sync"):
        assert registered.live[0] == 1, "the first update came while the handler was at work"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("kind", [Blocking, Awaiting, Forgetting])
def test_a_malformed_update_of_a_handler_loses_nothing(api: str, kind: type[Reporting]) -> None:
    registered = kind([{"status": "queued"}, None, "processing"])
    assert call(api, registered, registered.told.append).status == "completed"
    assert [one.status for one in registered.told] == ["completed"]


def test_nothing_is_told_after_the_end_though_the_handler_goes_on() -> None:
    """A worker thread can't be stopped, so it reports after the deadline has ended the attempt."""
    told: list[VideoGenerationUpdate] = []
    over = threading.Event()
    ended = threading.Event()

    class Late:
        def generate_video(self, _config: Any, _request: Any, on_progress: Any) -> Any:
            over.wait(60)
            on_progress(UPDATES[1])
            ended.set()
            return VIDEO

    async def work() -> None:
        registry = Registry()
        registry.register_provider("mine", Late())
        config = VideoGenerationConfig(provider="mine", model="one", timeout=0.2)  # waited for
        request = VideoGenerationRequest(prompt="A cat")
        with pytest.raises(GatewayTimeoutError):
            await Gateway(registry=registry).generate_video_async(config, request, told.append)

        over.set()
        await asyncio.to_thread(ended.wait, 60)

    asyncio.run(work())
    assert ended.is_set()
    assert [one.status for one in told] == ["failed"]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("kind", [Blocking, Awaiting])
def test_a_callback_that_raises_does_not_reach_the_handler(api: str, kind: type[Reporting]) -> None:
    def callback(_: Any) -> None:
        raise RuntimeError("a mistake of the user's")

    assert call(api, kind(), callback).status == "completed"


def test_a_handler_replaces_a_built_in_provider_of_its_name() -> None:
    registry = Registry()
    seen = Seen()
    registry.register_provider("fal", handler(seen, "sync"))
    config = VideoGenerationConfig(provider="fal", model="one")
    request = VideoGenerationRequest(prompt="A cat")
    assert Gateway(registry=registry).generate_video(config, request).request_id == "job-1"
    assert seen.methods == ["sync"]


@pytest.mark.parametrize("api", APIS)
def test_a_handler_that_fails_for_good_stops_the_chain(api: str) -> None:
    seen = Seen()
    registered = handler(seen, "sync", "async", do=raising(KeyError("url")))
    fallback = VideoGenerationConfig(provider="mine", model="two")
    with pytest.raises(TarashException):
        call(api, registered, fallback_configs=(fallback,))

    assert len(seen.methods) == 1
