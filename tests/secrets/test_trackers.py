"""What records errors by its defaults finds no key in any frame: each provider, each fault."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, TarashException
from tarash.tarash_gateway.testing import Fault, Simulator
from tests.contract.cases import ADOPTED, CASES, Case, wire_of

KEY = "canary-0d4b7fa2c6e1"
ONE_OF_EACH = list({case.provider: case for case in CASES}.values())
FAULTS: dict[str, Fault | None] = {
    "refused": None,
    "reset": Fault.reset_before(),
    "401": Fault.status(401, {"error": {"message": "no", "code": "invalid_api_key"}}),
    "402": Fault.status(402, {"error": {"message": "no credit"}}),
    "422": Fault.status(422, {"detail": [{"msg": "no such field", "loc": ["body"]}]}),
    "garbage": Fault.foreign_body(status=502),
    "500": Fault.foreign_body(status=500),
    "echo": Fault.echo_key(401),
}


# ------------------------------------------------------------------------------------- the tools
def kept(events: list[Any]) -> Callable[..., None]:
    def capture_envelope(_transport: object, envelope: Any) -> None:
        events.extend(item.payload.json for item in envelope.items)

    return capture_envelope


def sentry(**options: Any) -> Callable[[BaseException], str]:
    sdk = pytest.importorskip("sentry_sdk")
    from sentry_sdk.utils import event_from_exception

    def record(error: BaseException) -> str:
        events: list[Any] = []
        keep: Any = type("Kept", (sdk.Transport,), {"capture_envelope": kept(events)})
        client = sdk.Client(
            dsn="http://key@127.0.0.1:9/1", transport=keep, default_integrations=False, **options
        )
        event, hint = event_from_exception(error, client_options=client.options)
        client.capture_event(event, hint, scope=sdk.Scope())
        client.close()
        assert events
        assert "vars" in json.dumps(events)
        return json.dumps(events, ensure_ascii=False)

    return record


def sentry_recursive() -> Callable[[BaseException], str]:
    pytest.importorskip("sentry_sdk")
    from sentry_sdk.scrubber import EventScrubber

    return sentry(event_scrubber=EventScrubber(recursive=True), max_value_length=100_000)


def structlog_dicts() -> Callable[[BaseException], str]:
    from structlog.tracebacks import ExceptionDictTransformer

    def record(error: BaseException) -> str:
        shown = ExceptionDictTransformer(show_locals=True)(
            (type(error), error, error.__traceback__)
        )
        assert any(stack["frames"] for stack in shown)
        return repr(shown)

    return record


def rich_traceback() -> Callable[[BaseException], str]:
    traceback = pytest.importorskip("rich.traceback")

    def record(error: BaseException) -> str:
        # What it would print, without the time that its colours take.
        found = traceback.Traceback.extract(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_length=1000,
            locals_max_string=10_000,
        )
        return repr(found)

    return record


def loguru_diagnose() -> Callable[[BaseException], str]:
    logger = pytest.importorskip("loguru").logger

    def record(error: BaseException) -> str:
        lines: list[str] = []
        sink = logger.add(lines.append, diagnose=True, backtrace=True)
        try:
            logger.opt(exception=error).error("it failed")
        finally:
            logger.remove(sink)

        return "".join(lines)

    return record


TOOLS: dict[str, Callable[[], Callable[[BaseException], str]]] = {
    "sentry": sentry,
    "sentry-recursive": sentry_recursive,
    "structlog": structlog_dicts,
    "rich": rich_traceback,
    "loguru": loguru_diagnose,
}


@pytest.fixture(scope="module")
def tools() -> dict[str, Callable[[BaseException], str]]:
    return {name: make() for name, make in TOOLS.items()}


@pytest.fixture(autouse=True)
def _all_frames(caplog: pytest.LogCaptureFixture) -> None:
    """Have errors keep the frames of ours, which are left out for whoever does not debug."""
    caplog.set_level(logging.DEBUG, "tarash.tarash_gateway")


@pytest.fixture
def simulator(case: Case) -> Iterator[Simulator]:
    with Simulator([wire_of(case.provider)]) as running:
        running.keys[case.provider] = {KEY}
        yield running


@pytest.fixture
def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def walked(value: Any, seen: set[int], depth: int = 0) -> Iterator[str]:
    """Yield text that somebody comes upon who follows all that hangs on an error."""
    if id(value) in seen or depth > 12:
        return

    seen.add(id(value))
    if isinstance(value, str | bytes):
        yield str(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from walked(name, seen, depth + 1)
            yield from walked(one, seen, depth + 1)
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from walked(one, seen, depth + 1)
    elif isinstance(value, BaseException):
        yield f"{value!s}{value!r}"
        inner = (value.args, vars(value), value.__cause__, value.__context__)
        for one in (*inner, getattr(value, "exceptions", ())):
            yield from walked(one, seen, depth + 1)
    elif hasattr(value, "__dict__"):
        yield from walked(vars(value), seen, depth + 1)


async def failure(case: Case, base_url: str) -> TarashException | None:
    """Return what a call ends in; None where a job whose answer was lost was found in a list."""
    config = case.config(KEY, base_url, max_retries=0)
    async with Gateway() as gateway:
        make = getattr(gateway, f"generate_{case.kind}_async")
        try:
            await make(config, case.request())
        except TarashException as error:
            return error

    return None


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_tool_finds_the_key(
    case: Case,
    fault: str,
    simulator: Simulator,
    closed: str,
    tools: dict[str, Callable[[BaseException], str]],
) -> None:
    base_url = closed if fault == "refused" else simulator.base_url(case.provider)
    what = FAULTS[fault]
    if what is not None:
        simulator.fail(case.provider, "submit", what, times=None)

    error = await failure(case, base_url)
    if error is None:
        assert fault in ("garbage", "500")
        assert case in ADOPTED  # what came of it was found
        return

    # Two steps: loguru shows the names in the line that asks it, too.
    recorded = {name: record(error) for name, record in tools.items()}
    found = {name: text.count(KEY) for name, text in recorded.items()}
    found["walk"] = sum(KEY in text for text in walked(error, set()))
    assert found == dict.fromkeys(found, 0)


def test_the_tools_find_what_is_there(tools: dict[str, Callable[[BaseException], str]]) -> None:
    """Else the other tests prove nothing."""

    def careless(key: str) -> None:
        raise ValueError(key[:0])

    with pytest.raises(ValueError) as caught:  # noqa: PT011  (it says nothing)
        careless(KEY)

    found = {name: KEY in record(caught.value) for name, record in tools.items()}
    assert all(found.values()), found
