"""At every provider, a job is asked after with the key that bought it, and with no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from tarash.tarash_gateway import AuthenticationError, Gateway
from tarash.tarash_gateway.cli import main
from tarash.tarash_gateway.ledger import SqliteLedger
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Script, Simulator
from tests.contract.cases import JOBS, Case, by_key, wire_of

THEIRS, OURS, STRANGE = "canary-theirs-9c2f", "canary-ours-7b31", "canary-strange-2d50"
KEYED = [case for case in JOBS if case.credentials is by_key]
"""All but Vertex AI, whose tokens no ledger keeps a fingerprint of."""
WAYS = ("resume", "resume_all", "status", "cancel", "key")


@pytest.fixture
def simulator(case: Case) -> Iterator[Simulator]:
    with Simulator([wire_of(case.provider)]) as running:
        running.script(case.provider, Script(run_polls=2, stream=False))
        yield running


def variable_of(case: Case) -> str:
    """Return the variable of a provider's key; a server of the user's own need not have one."""
    adapter: Any = default_registry.adapter(case.provider)
    return default_registry.environment_variable(case.provider) or str(adapter.key_variables[0])


def config(case: Case, simulator: Simulator, key: str | None) -> Any:
    made = case.config(THEIRS, simulator.base_url(case.provider))
    return made.model_copy(update={"api_key": key})


async def taken_up(
    case: Case, simulator: Simulator, path: Path, way: str, keys: dict[str, str] | None
) -> Any:
    """Take the one job up in another process' way."""
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        if way == "key":
            method = getattr(gateway, f"generate_{case.kind}_async")
            asked = config(case, simulator, None if keys is None else keys[case.provider])
            return await method(asked, case.request(), idempotency_key="order")

        jobs: Any = await gateway.resume_all_async(api_keys=keys)
        job = jobs[0]
        if way == "resume":
            job = await gateway.resume_async(job.id, api_keys=keys)

        if way == "status":
            return await job.status_async()

        return await (job.cancel_async() if way == "cancel" else job.wait_async())


@pytest.mark.parametrize("given", [None, STRANGE])
@pytest.mark.parametrize("case", KEYED, ids=str)
async def test_neither_the_environments_key_nor_a_wrong_one_goes_there(
    case: Case,
    given: str | None,
    simulator: Simulator,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Gateway(ledger=SqliteLedger(path)) as gateway:
        submit = getattr(gateway, f"submit_{case.kind}_async")
        asked = config(case, simulator, THEIRS)
        await submit(asked, case.request(), idempotency_key="order")

    name = variable_of(case)
    monkeypatch.setenv(name, OURS)

    keys = None if given is None else {case.provider: given}
    for way in WAYS:
        with pytest.raises(AuthenticationError, match=r"another key|No key for luma"):
            await taken_up(case, simulator, path, way, keys)

    seen = repr([one.headers for one in simulator.requests(case.provider)])
    assert THEIRS in seen
    assert OURS not in seen
    assert STRANGE not in seen
    assert OURS.encode() not in await to_thread.run_sync(path.read_bytes)

    response = await taken_up(case, simulator, path, "resume", {case.provider: THEIRS})
    assert response.status == "completed"
    assert simulator.counters(case.provider).submits == 1


@pytest.mark.parametrize("case", KEYED[:3], ids=str)
def test_the_command_line_sends_no_other_key_there(
    case: Case,
    simulator: Simulator,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = f"sqlite:///{path}"
    submit = getattr(Gateway(ledger=place), f"submit_{case.kind}")
    job = submit(config(case, simulator, THEIRS), case.request())

    name = variable_of(case)
    monkeypatch.setenv(name, OURS)
    for way in ("show", "wait", "cancel", "fetch"):
        assert (main(["jobs", way, job.id, "--ledger", place]) != 0) or way == "show"

    assert "another key" in capsys.readouterr().err
    assert OURS not in repr([one.headers for one in simulator.requests(case.provider)])
