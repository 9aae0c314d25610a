"""The MCP server's tools and resources, by the official SDK."""

from __future__ import annotations

import difflib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import pydantic
from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.types import InputRequiredResult, ResourceLink, Tool, ToolAnnotations
from pydantic import Field

from .._version import __version__
from ..exceptions import TarashException
from ..models import ImageGenerationRequest, VideoGenerationRequest
from ..server._app_state import AppState
from ..server._refusals import Refusal
from ..server._result_folder import served_type, type_of
from ..server._words import rule_of
from ._tool_service import ME, ToolService, message_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp.server.lowlevel.helper_types import ReadResourceContents
    from mcp.types import CallToolResult
    from pydantic import AnyUrl

    from .._jobs._gateway import Gateway
    from ..server import ServerSettings

INSTRUCTIONS = (
    "Makes videos and images with AI providers. A generation takes minutes and costs money. "
    "1. list_models finds a model. "
    "2. quote_video or quote_image says what it costs, and how the request was changed to fit the "
    "model: say both to your user. "
    "3. generate buys it, with the quote's confirmation_id; the same id never buys twice. "
    "4. job_status until the status is completed; fetch_result returns where the result is. "
    "Never quote again for a job that you have lost: list_jobs finds it."
)
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
BUYS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
STOPS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)
WHOLE = 100.0
CLOSED = {"additionalProperties": False}
ADDED = frozenset({"action", "chatInput", "random_string", "sessionId", "tool", "toolCallId"})
"""What clients put among the arguments of any tool for ends of their own: n8n's, for one."""
FIELDS = frozenset({*VideoGenerationRequest.model_fields, *ImageGenerationRequest.model_fields})

T = TypeVar("T")
Here = Context[Any, Any]
ToolServiceOf = Callable[[Here], ToolService]
Model = Annotated[
    str,
    Field(description="`provider/model` such as fal/fal-ai/veo3.1, or an alias", max_length=300),
]
Fallbacks = Annotated[
    list[str], Field(description="Models that follow after a retryable failure", max_length=8)
]
JobId = Annotated[str, Field(description="As generate or list_jobs says it", max_length=200)]
Wait = Annotated[float, Field(ge=0, le=600, description="Seconds to wait for the result")]


class Tools(MCPServer[Any]):
    """The SDK's server, but for errors that speak of classes, and results of unknown types.

    An argument that a tool doesn't take is refused: the SDK drops it, and something else is quoted.
    Left out are those that clients are known to add for themselves.
    """

    async def list_tools(self) -> list[Tool]:
        """List the tools, each with all the arguments that it takes."""
        return [
            tool.model_copy(update={"input_schema": {**tool.input_schema, **CLOSED}})
            for tool in await super().list_tools()
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Here | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what is wrong with its arguments is said in words that a model can mend."""
        for tool in await self.list_tools():
            if tool.name == name:
                arguments = _asked(tool, arguments)
                _check_names(tool, arguments)

        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, pydantic.ValidationError):
                raise ToolError(_misuse(error.__cause__)) from error

            raise

    async def read_resource(
        self, uri: AnyUrl | str, context: Here | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a result, and say of what type it is."""
        read = await super().read_resource(uri, context)
        if isinstance(read, InputRequiredResult):
            return read

        return [replace(content, mime_type=served_type(content.content)) for content in read]


def make_server(
    gateway: Gateway, settings: ServerSettings, *, allow_unpriced: bool
) -> MCPServer[Any]:
    """Return the server; as `create_mcp_server`."""
    app_state = AppState(gateway, settings, None)
    mine = ToolService(app_state, ME, allow_unpriced=allow_unpriced)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncIterator[None]:
        app_state.result_folder.prepare()
        app_state.drivers.start()
        yield
        await app_state.drivers.aclose()
        await gateway.aclose()

    return server_of(lambda _context: mine, lifespan=lifespan)


def server_of(tools_of: ToolServiceOf, **options: Any) -> MCPServer[Any]:
    """Return a server with all tools.

    Args:
        tools_of: Returns the tools of whoever calls a tool.
        options: For the SDK's own class.
    """
    with _own_logging():
        made = Tools(
            "tarash",
            title="Tarash Gateway",
            instructions=INSTRUCTIONS,
            version=__version__,
            log_level="WARNING",
            **options,
        )

    _add_questions(made, tools_of)
    _add_work(made, tools_of)
    _add_results(made, tools_of)
    return made


@contextmanager
def _own_logging() -> Iterator[None]:
    """Keep the process's logging as it is: the SDK would draw all of it, in files too."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        for handler in set(root.handlers).difference(handlers):
            root.removeHandler(handler)

        root.setLevel(level)


def _add_questions(server: MCPServer[Any], tools_of: ToolServiceOf) -> None:
    @server.tool(annotations=READS)
    async def list_models(
        query: Annotated[str, Field(description="Words of the id, such as `veo 3`")] = "",
        kind: Literal["video", "image"] | None = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
        *,
        context: Here,
    ) -> dict[str, Any]:
        """Find models, by words of their ids; says how many more there are, and the nearest."""
        return await _run(tools_of(context).models(query, kind, limit))

    @server.tool(annotations=READS)
    async def plan_video(
        model: Model,
        request: VideoGenerationRequest,
        fallbacks: Fallbacks | None = None,
        *,
        context: Here,
    ) -> dict[str, Any]:
        """Say what would be sent for a video: nothing is bought."""
        return await _run(tools_of(context).plan("video", model, fallbacks or [], _json(request)))

    @server.tool(annotations=READS)
    async def plan_image(
        model: Model,
        request: ImageGenerationRequest,
        fallbacks: Fallbacks | None = None,
        *,
        context: Here,
    ) -> dict[str, Any]:
        """Say what would be sent for images: nothing is bought."""
        return await _run(tools_of(context).plan("image", model, fallbacks or [], _json(request)))

    @server.tool(annotations=READS)
    async def quote_video(
        model: Model,
        request: VideoGenerationRequest,
        fallbacks: Fallbacks | None = None,
        *,
        context: Here,
    ) -> dict[str, Any]:
        """Say what a video costs; its confirmation_id is what generate takes."""
        return await _run(tools_of(context).quote("video", model, fallbacks or [], _json(request)))

    @server.tool(annotations=READS)
    async def quote_image(
        model: Model,
        request: ImageGenerationRequest,
        fallbacks: Fallbacks | None = None,
        *,
        context: Here,
    ) -> dict[str, Any]:
        """Say what images cost; the confirmation_id is what generate takes."""
        return await _run(tools_of(context).quote("image", model, fallbacks or [], _json(request)))


def _add_work(server: MCPServer[Any], tools_of: ToolServiceOf) -> None:
    @server.tool(annotations=BUYS)
    async def generate(
        confirmation_id: Annotated[str, Field(max_length=100)],
        wait_seconds: Wait = 45,
        *,
        context: Here,
    ) -> dict[str, Any]:
        """Buy what was quoted; the same id never buys twice, so that a call may be repeated."""

        async def report_progress(percent: float, status: str) -> None:
            await context.report_progress(percent, WHOLE, status)

        return await _run(
            tools_of(context).generate(confirmation_id, wait_seconds, report_progress)
        )

    @server.tool(annotations=READS)
    async def job_status(job_id: JobId, *, context: Here) -> dict[str, Any]:
        """Say where a job stands, what it cost, and where its results are."""
        return await _run(tools_of(context).job(job_id))

    @server.tool(annotations=READS)
    async def list_jobs(
        limit: Annotated[int, Field(ge=1, le=50)] = 20, *, context: Here
    ) -> list[dict[str, Any]]:
        """List the newest jobs, those that were ordered elsewhere in the same ledger, too."""
        return await _run(tools_of(context).jobs(limit))

    @server.tool(annotations=STOPS)
    async def cancel_job(job_id: JobId, *, context: Here) -> dict[str, Any]:
        """Ask the provider to stop a job; it may be billed all the same."""
        return await _run(tools_of(context).cancel(job_id))


def _add_results(server: MCPServer[Any], tools_of: ToolServiceOf) -> None:
    @server.tool(annotations=READS)
    async def fetch_result(
        job_id: JobId, number: Annotated[int, Field(ge=1, le=10_000)] = 1, *, context: Here
    ) -> ResourceLink:
        """Return a link to a result, which the client can read as a resource."""
        path = await _run(tools_of(context).file(job_id, number))
        return ResourceLink(
            type="resource_link",
            name=path.name,
            uri=f"tarash://jobs/{job_id}/results/{number}",
            mime_type=type_of(path),
            size=path.stat().st_size,
            description=tools_of(context).described(path),
        )

    @server.resource(
        "tarash://jobs/{job_id}/results/{number}",
        name="result",
        description="The bytes of a finished result, counted from 1.",
        mime_type="application/octet-stream",
    )
    async def result(job_id: str, number: str, context: Here) -> bytes:
        try:
            path = await tools_of(context).file(job_id, int(number))
        except (ValueError, TarashException, Refusal) as error:
            raise ResourceNotFoundError(f"There is no such result: {error}") from error

        return await to_thread.run_sync(Path.read_bytes, path)


def _asked(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those that are the client's own matter."""
    foreign = ADDED.difference(tool.input_schema["properties"])
    return {name: value for name, value in arguments.items() if name not in foreign}


def _check_names(tool: Tool, arguments: dict[str, Any]) -> None:
    """Check that a tool takes all the arguments that it is called with.

    Raises:
        ToolError: It doesn't; the message has the nearest that it takes.
    """
    takes: list[str] = list(tool.input_schema["properties"])
    problems = []
    for name in arguments:
        if name in takes:
            continue

        near = difflib.get_close_matches(name, takes, 1)
        meant = f"did you mean {near[0]!r}?" if near else ""
        if name in FIELDS and "request" in takes:
            meant = f"it is a field of 'request': {{'request': {{{name!r}: …}}}}"

        problems.append(
            f"{tool.name} takes no {name!r}; {meant or 'it takes ' + ' and '.join(takes)}"
        )

    if problems:
        needs = tool.input_schema.get("required", ())
        lacking = [f"{name}: it is missing" for name in needs if name not in arguments]
        raise ToolError(f"invalid_request: {'; '.join([*lacking, *problems])}")


def _json(request: VideoGenerationRequest | ImageGenerationRequest) -> dict[str, Any]:
    return request.model_dump(mode="json", exclude_defaults=True)


async def _run(work: Awaitable[T]) -> T:
    """Return what a tool comes to; errors become words that the model can read."""
    try:
        return await work
    except (TarashException, Refusal) as error:
        raise ToolError(message_of(error)) from error
    except pydantic.ValidationError as error:
        raise ToolError(_misuse(error)) from error


def _misuse(error: pydantic.ValidationError) -> str:
    """Return what is wrong with what a tool was called with, as a model can mend it."""
    findings = error.errors(include_input=False, include_url=False, include_context=False)
    return "invalid_request: " + "; ".join(
        f"{'.'.join(map(str, finding['loc']))}: {rule_of(finding)}" for finding in findings
    )
