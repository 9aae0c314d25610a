"""Plays a declared provider against the vendor that its file describes: the core of the contract.

Buys nothing: the vendor is the simulator, on this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from .._data._exchange import Call
from .._jobs._gateway import Gateway
from ..exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    TarashException,
)
from ..ledger import MemoryLedger
from ..media import samples
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from ..providers import Provider, ProviderDeclaration, Registry
from ..testing import Fault, Script, Simulator

if TYPE_CHECKING:
    from .._data._types import Kind
    from ..providers._contract import AnsweringAdapter

CONFIGS: dict[str, Any] = {"video": VideoGenerationConfig, "image": ImageGenerationConfig}
REQUESTS: dict[str, Any] = {"video": VideoGenerationRequest, "image": ImageGenerationRequest}
KEY = "rehearsed-key-0123456789"
PAIR = "rehearsed-id:rehearsed-secret-0123456789"
SECONDS = 60.0
MOST_POLLS = 50
BORNE = (404, 429, 500, 502)
"""Statuses of polls that say nothing of the job."""


Act = Callable[[Simulator, Gateway], Awaitable[str | None]]
"""Plays one thing; returns what came of it, where that is not the same for every provider."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that was played.

    Attributes:
        what: What has to hold.
        trouble: What did not; None where it held.
    """

    what: str
    trouble: str | None = None


class _TroubleError(Exception):
    """Something did not hold."""


def _need(held: object, otherwise: str) -> None:
    if not held:
        raise _TroubleError(otherwise)


class Rehearsal:
    """One model of a declared provider, on a simulator that plays its vendor.

    Args:
        declaration: What it says.
        row: Its row.
        raw: The declaration as its file has it, for the simulator.
        kind: What is made.
        model: By which model.
    """

    def __init__(
        self, declaration: ProviderDeclaration, row: Provider, raw: Any, kind: str, model: str
    ) -> None:
        self._said = declaration
        self._raw = raw
        self._kind = kind
        self._model = model
        self._registry = Registry()
        self._registry.register(row)
        self._ledger = MemoryLedger()
        takes_pair = not any(stage.plain_key for stage in declaration.submit)
        self._key = PAIR if declaration.account.auth.type == "jwt" and takes_pair else KEY

    async def play(self) -> list[Scene]:
        """Return what was played, one scene after another."""
        adapter = cast("AnsweringAdapter", self._registry.adapter(self._said.name))
        at_once = adapter.answers_at_once(
            Call(cast("Kind", self._kind), self._config(""), self._request(), "rehearsed")
        )
        scenes: list[tuple[str, Act]] = [
            ("a request becomes a result, and is bought once", self._happy),
            ("a key that is refused ends it, and buys nothing", self._refused_key),
            ("a busy provider is asked again", self._busy),
            ("a submit that is answered with 500", partial(self._stumbling, status=500)),
            ("a submit that is answered with 503", partial(self._stumbling, status=503)),
            ("an answer that is lost is never bought again", self._lost_answer),
            ("an answer that is no answer is never bought again", self._foreign_answer),
            ("work that fails ends as failed", self._failed),
            ("a result without media ends as failed", self._empty),
            ("the key is shown nowhere", self._echoed),
        ]
        if self._said.errors.rules and any(
            rule.means == "moderation" for rule in self._said.errors.rules
        ):
            scenes.append(("content that is refused ends as refused", self._moderated))

        if not at_once:
            scenes += [
                ("progress goes forward, and ends once", self._progress),
                ("polls that fail are borne", self._borne),
                ("another process goes on with a job", self._resumed),
                ("a job can be stopped, or says that it can't", self._stopped),
            ]

        return [await self._scene(what, act) for what, act in scenes]

    async def _scene(self, what: str, act: Act) -> Scene:
        try:
            with Simulator([self._raw]) as simulator:
                simulator.keys[self._said.name] = {self._key}
                self._ledger = MemoryLedger()
                async with Gateway(registry=self._registry, ledger=self._ledger) as gateway:
                    outcome = await act(simulator, gateway)
        except (_TroubleError, TarashException) as error:
            return Scene(f"{self._model}: {what}", str(error) or type(error).__name__)

        return Scene(f"{self._model}: {what}{outcome or ''}")

    # -------------------------------------------------------------------------------------- asking
    def _config(self, origin: str, **changes: Any) -> Any:
        settings = {
            "provider": self._said.name,
            "model": self._model,
            "api_key": self._key,
            "base_url": origin or None,
            "poll_interval": 0.02,
            "timeout": SECONDS,
            "max_poll_attempts": MOST_POLLS,
            "max_retries": 1,
            "provider_config": {
                **dict.fromkeys(self._said.account.settings, "rehearsed"),
                "min_poll_interval": 0.01,
            },
            **changes,
        }
        return CONFIGS[self._kind].model_validate(settings)

    def _request(self) -> Any:
        return REQUESTS[self._kind].model_validate(
            least_request(self._said, self._kind, self._model)
        )

    async def _make(self, simulator: Simulator, gateway: Gateway, **changes: Any) -> Any:
        updates: list[Any] = []
        method = getattr(gateway, f"generate_{self._kind}_async")
        config = self._config(simulator.base_url(self._said.name), **changes)
        response = await method(config, self._request(), updates.append)
        return response, updates

    async def _fails(self, simulator: Simulator, gateway: Gateway) -> TarashException:
        try:
            await self._make(simulator, gateway)
        except TarashException as error:
            return error

        raise _TroubleError("it ended well, and should not have")

    def _counts(self, simulator: Simulator) -> tuple[int, int]:
        counted = simulator.counters(self._said.name)
        return counted.submits, counted.accepted

    # -------------------------------------------------------------------------------------- scenes
    async def _happy(self, simulator: Simulator, gateway: Gateway) -> None:
        response, _ = await self._make(simulator, gateway)
        media = getattr(response, "video", None) or getattr(response, "images", None)
        _need(media, f"the response holds no {self._kind}")
        _need(self._counts(simulator) == (1, 1), f"{self._counts(simulator)[0]} submits were sent")

    async def _refused_key(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.keys[self._said.name] = {"another-key"}
        error = await self._fails(simulator, gateway)
        _need(isinstance(error, AuthenticationError), f"it ends as {type(error).__name__}")
        _need(self._counts(simulator) == (1, 0), "it was sent again")

    async def _busy(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.fail(self._said.name, "submit", Fault.status(429, retry_after=0))
        await self._make(simulator, gateway)
        _need(self._counts(simulator) == (2, 1), f"counted {self._counts(simulator)}")

    async def _stumbling(self, simulator: Simulator, gateway: Gateway, status: int) -> str:
        simulator.fail(self._said.name, "submit", Fault.status(status, retry_after=0))
        try:
            await self._make(simulator, gateway)
        except TarashException as error:
            _need(error.submission == "unknown", f"its submission is {error.submission}")
            _need(self._counts(simulator)[0] == 1, "it was sent again, and may be bought twice")
            return (
                " ends as unknown after one submit: the body is no error of the vendor's by "
                "errors.message, or a rule says so"
            )

        _need(self._counts(simulator) == (2, 1), f"counted {self._counts(simulator)}")
        return " is asked again, since the vendor's own error says that nothing was bought"

    async def _lost_answer(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.fail(self._said.name, "submit", Fault.reset_after(), times=None)
        try:
            await self._make(simulator, gateway)
        except TarashException as error:
            _need(error.submission == "unknown", f"its submission is {error.submission}")

        _need(self._counts(simulator) == (1, 1), "it was sent again")

    async def _foreign_answer(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.fail(self._said.name, "submit", Fault.foreign_body(), times=None)
        try:
            await self._make(simulator, gateway)
        except TarashException as error:
            _need(error.submission == "unknown", f"its submission is {error.submission}")

        _need(self._counts(simulator)[0] == 1, "it was sent again")

    async def _failed(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.script(self._said.name, Script(outcome="failed", run_polls=0))
        error = await self._fails(simulator, gateway)
        _need(
            isinstance(error, GenerationFailedError | HTTPError),
            f"it ends as {type(error).__name__}: {error}; poll.statuses may lack the vendor's "
            "word for failed",
        )

    async def _empty(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.script(self._said.name, Script(outcome="no_media", run_polls=0))
        await self._fails(simulator, gateway)
        _need(self._counts(simulator)[0] == 1, "it was sent again")

    async def _moderated(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.script(self._said.name, Script(outcome="moderated", run_polls=0))
        error = await self._fails(simulator, gateway)
        _need(isinstance(error, ContentModerationError), f"it ends as {type(error).__name__}")

    async def _echoed(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.fail(self._said.name, "submit", Fault.echo_key(400))
        error = await self._fails(simulator, gateway)
        shown = f"{error!r} {error} {error.raw_response} {error.__cause__!r}"
        secrets = [part for part in self._key.split(":") if len(part) > len("rehearsed-id")]
        _need(not any(part in shown for part in secrets), "an error shows it")

    async def _progress(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.script(self._said.name, Script(queue_polls=1, run_polls=1))
        _, updates = await self._make(simulator, gateway)
        statuses = [update.status for update in updates]
        rank = {"queued": 0, "processing": 1, "completed": 2}
        ranks = [rank.get(status, 3) for status in statuses]
        _need(ranks == sorted(ranks) and statuses.count("completed") == 1, f"it ends as {statuses}")

    async def _borne(self, simulator: Simulator, gateway: Gateway) -> None:
        for status in BORNE:
            simulator.fail(self._said.name, "poll", Fault.status(status))

        simulator.fail(self._said.name, "poll", Fault.foreign_body())
        await self._make(simulator, gateway)

    async def _resumed(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.script(self._said.name, Script(run_polls=2))
        submit = getattr(gateway, f"submit_{self._kind}_async")
        job = await submit(self._config(simulator.base_url(self._said.name)), self._request())
        other = Gateway(registry=self._registry, ledger=self._ledger)
        again = await other.resume_async(job.id, api_keys={self._said.name: self._key})
        await again.wait_async()
        _need(self._counts(simulator) == (1, 1), "it was bought again")

    async def _stopped(self, simulator: Simulator, gateway: Gateway) -> None:
        simulator.script(self._said.name, Script(run_polls=1, outcome="never"))
        submit = getattr(gateway, f"submit_{self._kind}_async")
        job = await submit(self._config(simulator.base_url(self._said.name)), self._request())
        answer = await job.cancel_async()
        known = ("cancelled", "requested", "too_late", "unsupported")
        _need(str(answer) in known, f"the answer is {answer}")


def least_request(declaration: ProviderDeclaration, kind: str, model: str) -> dict[str, Any]:
    """Return the least that a model takes."""
    asked: dict[str, Any] = {"prompt": "A lighthouse"}
    forms = declaration.forms_of(kind, model)
    for name, take in (forms[0].takes if forms else {}).items():
        if not take.required:
            continue

        if take.source == "image_list":
            picture = {"content": samples.make_png(64, 64, 1), "content_type": "image/png"}
            entry = {"image": picture, "type": next(iter(take.roles), "reference")}
            asked.setdefault("image_list", []).append(entry)
        elif take.source in {"video", "mask_image"}:
            asked[take.source] = f"https://example.com/{take.source}.mp4"
        elif take.source == "extra_params":
            asked.setdefault("extra_params", {})[name] = "rehearsed"
        elif take.source != "prompt":
            asked[take.source] = next(iter(take.allowed or ()), take.low or 1)

    return asked


@contextmanager
def first_models(declaration: ProviderDeclaration) -> Iterator[list[tuple[str, str]]]:
    """Yield the models to play: for each submit and stage of its own, the first that uses it."""
    by_stages: dict[tuple[Any, ...], tuple[str, str]] = {}
    for model in declaration.models:
        for name in model.ids:
            plain = name.removesuffix("*") + ("1" if name.endswith("*") else "")
            ways = tuple(
                number
                for number, stage in enumerate(
                    (*declaration.submit, *declaration.poll, *declaration.result)
                )
                if stage.kind in (None, model.kind) and (not stage.models or plain in stage.models)
            )
            by_stages.setdefault((model.kind, ways), (model.kind, plain))

    yield list(by_stages.values())
