"""Settings of gunicorn for routes that are plain functions, as Flask's and Django's are.

    pip install ".[fal]" flask gunicorn
    FAL_KEY=… TARASH_LEDGER=sqlite:///videos.db \
        gunicorn --chdir examples/recipes --config gunicorn_conf.py flask_app:app

On SIGTERM gunicorn waits for `graceful_timeout` seconds, and kills what still runs: nobody could
ask a provider to stop any more. So the calls are ended a little earlier.
"""

from __future__ import annotations

import signal
import threading
from typing import Any

from tarash.tarash_gateway import close

GOODBYE_SECONDS = 8
"""What a provider may need to answer, and a little more."""

worker_class = "gthread"
threads = 16
graceful_timeout = 30


def post_worker_init(worker: Any) -> None:
    """End the calls in time when the worker is to stop."""
    goes_on = signal.getsignal(signal.SIGTERM)
    grace = max(0, worker.cfg.graceful_timeout - GOODBYE_SECONDS)

    def stop(number: int, frame: Any) -> None:
        threading.Thread(target=close, kwargs={"grace": grace}).start()
        if callable(goes_on):
            goes_on(number, frame)

    signal.signal(signal.SIGTERM, stop)


def worker_int(_worker: Any) -> None:
    """End the calls at once on Ctrl-C and SIGQUIT."""
    close(grace=0)
