"""A declared provider whose jobs live in several APIs: each job is asked after where it was sent.

Their paths don't know each other's ids, so the API is kept with the job, and so is the path that
it was submitted to: `{path}` stands for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..._data._exchange import Operation
from ...exceptions import UnsupportedOperationError
from ._adapter import DeclaredAdapter
from ._model import Api, ProviderDeclaration

if TYPE_CHECKING:
    from datetime import datetime

    from ..._data._exchange import Call, Payload, RawResult, Response, Snapshot
    from ..._data._types import CancelAnswer


def adapter_of(said: ProviderDeclaration) -> DeclaredAdapter:
    """Return the adapter of a declaration."""
    return ManyApisAdapter(said) if said.apis else DeclaredAdapter(said)


class _OneApi(DeclaredAdapter):
    """The jobs of one of them."""

    def _url(self, client: Any, path: str, operation: Operation, **others: str) -> str:
        path = path.replace("{path}", str(operation.data.get("path", "")))
        return super()._url(client, path, operation, **others)

    async def listed(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        """Return the listed jobs that are ours."""
        return await self._find(client, payload, call, since)


class ManyApisAdapter(DeclaredAdapter):
    """Hands each job to the API that it belongs to."""

    def __init__(self, said: ProviderDeclaration) -> None:
        super().__init__(said)
        shared = Api(poll=said.poll, result=said.result, cancel=said.cancel, list=said.list)
        self._apis = {
            name: _OneApi(
                said.model_copy(
                    update={
                        "poll": api.poll or said.poll,
                        "result": api.result or said.result,
                        "cancel": api.cancel,
                        "list": api.list,
                    }
                )
            )
            for name, api in {"": shared, **said.apis}.items()
        }
        if any(one.said.list is not None for one in self._apis.values()):
            self.find_submitted = self._find
            self.abilities |= {"find_submitted"}

    def _of_call(self, call: Call) -> tuple[str, _OneApi]:
        name = self._submit_of(call.kind, call.config.model, call.request).api or ""
        return name, self._apis[name]

    def _of_job(self, operation: Operation) -> _OneApi:
        return self._apis.get(str(operation.data.get("api", "")), self._apis[""])

    @staticmethod
    def _marked(operation: Operation, payload: Payload, name: str) -> Operation:
        return replace(operation, data={**operation.data, "path": payload.path, "api": name})

    async def submit(self, client: Any, payload: Payload, call: Call) -> Operation | RawResult:
        """Send the body once; keep where."""
        name, api = self._of_call(call)
        found = await api.submit(client, payload, call)
        return self._marked(found, payload, name) if isinstance(found, Operation) else found

    async def poll(self, client: Any, operation: Operation) -> Snapshot:
        """Ask for the job once, where it was sent."""
        return await self._of_job(operation).poll(client, operation)

    async def cancel(self, client: Any, operation: Operation) -> CancelAnswer:
        """Ask to stop the job, where it was sent."""
        return await self._of_job(operation).cancel(client, operation)

    def parse(self, call: Call, finished: RawResult) -> Response:
        """Return the response, by the API that answered. Pure."""
        return self._of_call(call)[1].parse(call, finished)

    async def _find(
        self, client: Any, payload: Payload, call: Call, since: datetime
    ) -> Sequence[Operation]:
        name, api = self._of_call(call)
        if api.said.list is None:
            raise UnsupportedOperationError(f"{self.said.title} doesn't list the jobs of this API")

        found = await api.listed(client, payload, call, since)
        return [self._marked(one, payload, name) for one in found]
