"""The simulator as its users hold it: origins for all wires, scripts, faults, and what was seen.

No protocol and no HTTP here; `_wires/` and `_origin` have those.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, get_args

from tarash.tarash_gateway.testing._calling import secret_of
from tarash.tarash_gateway.testing._declarations import is_file, read
from tarash.tarash_gateway.testing._fault import Fault
from tarash.tarash_gateway.testing._origin import Origin
from tarash.tarash_gateway.testing._public import (
    ForeignWire,
    MediaStore,
    MediaWire,
    carries_credential,
)
from tarash.tarash_gateway.testing._records import (
    Counters,
    Job,
    RecordedRequest,
    SentWebhook,
    Step,
)
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._state import OriginState
from tarash.tarash_gateway.testing._thread import ServerThread
from tarash.tarash_gateway.testing._wire import ProviderWire, WireError
from tarash.tarash_gateway.testing._wires import WireContext, WireFactory, played, shipped, wire_of

_MEDIA = "media"
_FOREIGN = "foreign"
PAUSES: dict[str, float] = {"runway": 5.0, "stability": 10.0}
"""Seconds between two polls of one job, where a provider documents the least. Sources: Runway's API
reference and its SDK's `retrieve`, Stability AI's reference of image-to-video results.
"""


class Simulator:
    """Providers on loopback, with scripted timings and faults.

    A context manager, blocking or async; in both cases the servers run in a thread of their own, so
    that a test may block, start subprocesses or use several event loops. Leaving it raises what a
    wire itself has raised meanwhile: a bug there must not pass for the provider's answer.

    Args:
        providers: Names of the providers to serve, or files (`acme.toml`, a `Path`, or a dict of
            the same form) that declare one, which is played by what the file says; None serves all
            that ship.
        host: The address to listen on.
        port: The first port to listen on; the providers, in their order, and the two origins of
            files follow on the next ones. 0 takes free ones.

    Attributes:
        keys: The keys that are accepted, by provider. A provider that isn't in it takes any key
            that isn't empty.

    Example:
        with Simulator() as simulator:
            simulator.script("fal", Script(run_seconds=0.2))
            simulator.fail("fal", "submit", Fault.reset_after())
            run_what_is_tested(base_url=simulator.base_url("fal"))
            assert simulator.counters("fal").accepted == 1
    """

    def __init__(
        self,
        providers: Iterable[str | Path | Mapping[str, Any]] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        given = list(shipped()) if providers is None else list(providers)
        self._wires = dict(map(_wire_for, given))
        names = list(self._wires)
        self.keys: dict[str, Collection[str]] = {}
        self._host = host
        self._port = port
        self._states = {name: OriginState(name) for name in [*names, _MEDIA, _FOREIGN]}
        self._media = MediaStore()
        self._urls: dict[str, str] = {}
        self._thread: ServerThread | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """The names of the providers that are served."""
        return tuple(name for name in self._states if name not in (_MEDIA, _FOREIGN))

    def base_url(self, provider: str) -> str:
        """Return a provider's origin: scheme, host and port, no slash at the end."""
        self._state(provider)
        if provider not in self._urls:
            raise RuntimeError(
                "The simulator isn't running: use it in a `with` statement, or call start()."
            )

        return self._urls[provider]

    @property
    def media_url(self) -> str:
        """The public origin of the produced files; it asks for no key and should see none."""
        return self.base_url(_MEDIA)

    @property
    def foreign_url(self) -> str:
        """An origin that belongs to nobody; it answers anything with 200 and should see no key."""
        return self.base_url(_FOREIGN)

    def script(self, provider: str, *scripts: Script) -> None:
        """Set what jobs do that are submitted from now on.

        Args:
            provider: Whose jobs.
            scripts: One for each job, in order of acceptance; the last one for all that follow.
                None at all brings back the default.
        """
        self._state(provider).set_scripts(scripts)

    def fail(
        self,
        provider: str,
        step: Step,
        fault: Fault,
        times: int | None = 1,
        skip: int = 0,
    ) -> None:
        """Let requests go wrong. Faults of one step queue up and take their turn.

        Args:
            provider: Whose requests. A download belongs to the provider whose job made the file.
            step: What the requests are for.
            fault: How they go wrong.
            times: How many of them; None: all from now on.
            skip: How many pass unharmed before the first.
        """
        if step not in get_args(Step):
            raise ValueError(f"step must be one of {', '.join(get_args(Step))}, not {step!r}")

        if (times is not None and times < 1) or skip < 0:
            raise ValueError("times must be None or at least 1, and skip at least 0")

        self._state(provider).plan_fault(step, fault, times, skip)

    def recover(self, provider: str, step: Step | None = None) -> None:
        """Take back what `fail` has planned: from now on, requests go right.

        Args:
            provider: Whose requests.
            step: What they are for; None for all.
        """
        self._state(provider).drop_faults(step)

    def limit(self, provider: str, in_flight: int | None) -> None:
        """Refuse submits with status 429 while the account has as many jobs as it may have.

        Args:
            provider: Whose submits.
            in_flight: How many jobs it may have that have not ended; None for any number.
        """
        self._state(provider).most_in_flight = in_flight

    def publish_models(self, provider: str, models: Sequence[Mapping[str, Any]] | None) -> None:
        """Set what a provider's models API tells.

        Args:
            provider: Whose models; `fal`, `replicate`, `wavespeed` and `openrouter` list theirs.
            models: They, as the API gives them (Replicate: what `GET /v1/models/{owner}/{name}`
                answers); None for those that are known here.
        """
        self._state(provider).models = None if models is None else tuple(models)

    def publish_prices(self, provider: str, prices: Sequence[Mapping[str, Any]]) -> None:
        """Set what a provider says of its prices when it is asked; `reset` takes it back.

        Args:
            provider: Whose prices. Of `fal` they are the rows of its pricing API, each with the
                `average` of a call for its estimates. Of a declared provider with a `[quote]` they
                are its answers to that, of which each model's names it as `model`.
            prices: They.
        """
        self._state(provider).prices = tuple(prices)

    def sign_urls(self, provider: str) -> None:
        """Let the URLs of a provider's files carry signatures, anew in each answer, from now on.

        Args:
            provider: Whose files; without a signature they can't be had any more.
        """
        self._state(provider).sign_urls()

    def expire_urls(self, provider: str) -> None:
        """Let all signed URLs that were given out so far answer 403; `reset` forgets signatures.

        Args:
            provider: Whose files.
        """
        self._state(provider).expire_urls()

    def counters(self, provider: str) -> Counters:
        """Return what was counted so far, for a provider, `media` or `foreign`."""
        return self._state(provider).counters()

    def jobs(self, provider: str) -> list[Job]:
        """Return the accepted jobs in order, as they stand now."""
        return self._state(provider).jobs()

    def hasty(self, provider: str, seconds: float | None = None) -> list[Job]:
        """Return the jobs that were polled sooner after the poll before than the provider allows.

        Args:
            provider: Whose jobs.
            seconds: The pause that there has to be; by default what the provider documents, which
                `runway` (5 s) and `stability` (10 s) do.

        Raises:
            ValueError: The provider documents none; give `seconds`.
        """
        least = PAUSES.get(provider) if seconds is None else seconds
        if least is None:
            raise ValueError(f"{provider} documents no pause between polls; give seconds=")

        pauses = ((job, job.shortest_pause) for job in self.jobs(provider))
        return [job for job, pause in pauses if pause is not None and pause < least]

    def requests(self, provider: str) -> list[RecordedRequest]:
        """Return the requests in order of arrival, for a provider, `media` or `foreign`."""
        return self._state(provider).requests()

    def webhook_secret(self, provider: str) -> str:
        """Return what a provider's webhooks are signed with: `replicate` and `openai` sign so."""
        self._state(provider)
        return secret_of(provider)

    @property
    def webhook_keys_url(self) -> str:
        """Where fal's public keys are, for a `WebhookInbox`."""
        return f"{self.base_url('fal')}/.well-known/jwks.json"

    def set_webhook_endpoint(self, provider: str, url: str | None) -> None:
        """Set where a provider calls back about all jobs of the account, as its console would.

        Args:
            provider: Whose; `openai` is set up so, the others learn it from each submit.
            url: Where; None for nowhere.
        """
        self._state(provider).webhook_endpoint = url

    def webhooks(self, provider: str) -> list[SentWebhook]:
        """Return the webhooks that were sent, in the order in which they were answered."""
        return list(self._state(provider).webhooks)

    @property
    def leaks(self) -> list[RecordedRequest]:
        """The requests to the media and the foreign origin that carried a key; best none."""
        public = [*self._state(_MEDIA).requests(), *self._state(_FOREIGN).requests()]
        return [request for request in public if carries_credential(request)]

    def reset(self) -> None:
        """Forget jobs, their files, requests, counters, scripts and faults.

        Open connections, keys and uploaded files stay.
        """
        for state in self._states.values():
            state.reset()

        self._media.reset()

    def start(self) -> None:
        """Start serving, on new ports unless `port` names them; returns when every port answers."""
        if self._thread is not None:
            raise RuntimeError("The simulator is running already; stop() it first.")

        thread = ServerThread(self._serve)
        thread.start()
        self._thread = thread

    def stop(self) -> None:
        """Cut off whoever is connected and close everything; what was seen stays readable."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.stop()
        self._blame(error)

    async def __aenter__(self) -> Self:
        # A few milliseconds; in a thread, a cancellation here would leave it running for good.
        self.start()
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        await asyncio.to_thread(self.stop)
        self._blame(error)

    @property
    def wire_errors(self) -> list[WireError]:
        """What wires themselves have raised, in order; `reset` keeps it, and best it is empty."""
        return [error for state in self._states.values() for error in state.wire_errors]

    def _blame(self, error: BaseException | None) -> None:
        """Raise the first of what the wires have raised, unless the block was interrupted.

        Raises:
            WireError: A wire has raised an error.
        """
        errors = self.wire_errors
        if not errors or not isinstance(error, Exception | None):
            return

        first = errors[0]
        if len(errors) > 1:
            first.add_note(f"It was the first of {len(errors)} errors that wires raised.")

        if error is not None:
            first.add_note(f"The block had ended with {error!r}.")

        raise first

    def _state(self, name: str) -> OriginState:
        if name not in self._states:
            raise ValueError(
                f"This simulator doesn't serve {name!r}; it serves: {', '.join(self._states)}"
            )

        return self._states[name]

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # All addresses are known before the first wire is made: their answers hold them.
            listeners = {name: self._listen(place) for place, name in enumerate(self._states)}
            for listener in listeners.values():
                stack.callback(listener.close)

            stack.callback(self._urls.clear)
            self._urls.update({name: _url(listener) for name, listener in listeners.items()})
            for name, listener in listeners.items():
                origin = self._origin(name)
                stack.push_async_callback(origin.stop)
                await origin.start(listener)

            yield

    def _listen(self, place: int) -> socket.socket:
        port = self._port + place if self._port else 0
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        return socket.create_server((self._host, port), family=family)

    def _origin(self, name: str) -> Origin:
        return Origin(
            self._wire(name),
            self._states[name],
            self._owner_of_media if name == _MEDIA else lambda _path: self._states[name],
            lambda: self.keys.get(name),
        )

    def _wire(self, name: str) -> ProviderWire:
        if name == _MEDIA:
            return MediaWire(self._media)

        if name == _FOREIGN:
            return ForeignWire()

        context = WireContext(
            self._states[name], self._media, self._urls, lambda: self.keys.get(name, ())
        )
        return self._wires[name](context)

    def _owner_of_media(self, path: str) -> OriginState:
        provider = path.removeprefix("/").partition("/")[0]
        return self._states.get(provider, self._states[_MEDIA])


def _wire_for(provider: Any) -> tuple[str, WireFactory]:
    """Return the name of a provider and what makes its wire.

    Raises:
        ValueError: There is no such provider, or its file is no declaration.
    """
    if not is_file(provider):
        return str(provider), wire_of(str(provider))

    declaration = read(provider)
    return declaration.name, played(declaration)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
