"""Azure OpenAI's resource: OpenAI's wire below /openai/v1, and the older paths of deployments.

Checked against openai 3.52 with both of its clients.
"""

from tarash.tarash_gateway.testing._records import RecordedRequest
from tarash.tarash_gateway.testing._wire import Handler, Reply, Route
from tarash.tarash_gateway.testing._wires import _openai_bodies as bodies
from tarash.tarash_gateway.testing._wires.openai import OpenAIWire

_DEPLOYMENT = "/openai/deployments/{deployment}"


class AzureOpenAIWire(OpenAIWire):
    """One resource; it knows every deployment that it is asked for."""

    nowhere = "Resource not found"
    credential_header = "api-key"
    root = "/openai/v1"

    def image_routes(self, generate: Handler, edit: Handler) -> list[Route]:
        """Return where images are made, by the v1 paths and by those of deployments."""

        def dated(handler: Handler) -> Handler:
            async def answer(request: RecordedRequest) -> Reply:
                is_dated = bool(request.query.get("api-version"))
                return await handler(request) if is_dated else self.not_found(request)

            return answer

        return [
            *super().image_routes(generate, edit),
            Route("POST", f"{_DEPLOYMENT}/images/generations", dated(generate), step="submit"),
            Route("POST", f"{_DEPLOYMENT}/images/edits", dated(edit), step="submit"),
        ]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the envelope, where codes are statuses."""
        return bodies.error(status, message, code=str(status))


wire = AzureOpenAIWire
