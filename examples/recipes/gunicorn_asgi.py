"""Settings of gunicorn for ASGI, with uvicorn's worker; uvicorn alone needs none of this.

    pip install ".[fal]" fastapi gunicorn uvicorn-worker
    gunicorn --config gunicorn_asgi.py app:app

Its own limit on a shutdown comes before gunicorn's, so that the lifespan's end, with
`await gateway.aclose(grace=0)`, is reached before the worker is killed.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from uvicorn_worker import UvicornWorker

graceful_timeout = 30


class Worker(UvicornWorker):
    """Cancels what still runs 10 seconds before gunicorn kills it, and on SIGQUIT too."""

    CONFIG_KWARGS = {  # noqa: RUF012  (as its base has it)
        **UvicornWorker.CONFIG_KWARGS,
        "timeout_graceful_shutdown": graceful_timeout - 10,
    }

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Pass on what Ctrl-C in gunicorn sends, which uvicorn does not listen to."""
        super().handle_exit(sig, frame)
        os.kill(os.getpid(), signal.SIGTERM)


worker_class = Worker
