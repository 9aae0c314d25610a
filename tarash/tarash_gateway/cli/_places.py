"""Where a job's result is to go, written down with the job: so that whoever goes on saves it there.

A ledger may be shared, and whoever writes to it must not choose where files appear on somebody
else's machine. So a place is sealed with a key that only this user has, in a file of their own, and
counts on the machine that it was written on. Nothing is ever overwritten by it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._data._events import AttemptEvent
from .._data._observers import NOTED
from .._data._template import Template
from ..ledger._records import JobRecord
from ._errors import CommandError
from ._ledger import data_folder
from ._save import STANDARD_OUTPUT

LABEL = "place"
"""What observers call it; no user's labels begin as it does in a ledger."""
KEY_NAME = "places.key"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class WantedPlace:
    """Writes down with a job where its result is to go: an observer of its beginning."""

    text: str
    key: bytes

    def __call__(self, event: AttemptEvent) -> None:
        """Events of attempts are of no interest."""

    def opened(self, about: AttemptEvent) -> dict[str, str]:
        """Return what is written down with a job that begins."""
        content = {"host": platform.node(), "place": self.text}
        sealed = {**content, "seal": _seal(self.key, about.job_id, content)}
        return {LABEL: json.dumps(sealed)}


def wanted(output: str | None) -> WantedPlace | None:
    """Return what writes a place down; None where there is none that another command could use.

    Args:
        output: What `--output` said. Only places on the disk are written down: what a command may
            do at an object store is its environment's, which another command need not have.
    """
    if output is None or output == STANDARD_OUTPUT:
        return None

    template = Template.parse(output)
    key = _key(make=True) if template.is_local else None
    if key is None:
        return None

    ends_as_folder = "/" if template.names_a_folder else ""
    # By the text, since what is in braces is no part of a path yet.
    place = os.path.abspath(os.path.expanduser(template.text))  # noqa: PTH100, PTH111
    return WantedPlace(place.rstrip("/") + ends_as_folder, key)


def place_of(record: JobRecord | None) -> str | None:
    """Return where a job's result is to go; None where nobody has said so on this machine.

    A place that another user, another machine or a changed record names is none.
    """
    written = None if record is None else record.labels.get(f"{NOTED}{LABEL}")
    if record is None or written is None:
        return None

    try:
        sealed: Any = json.loads(written)
        content = {name: str(sealed[name]) for name in ("host", "place")}
        seal = str(sealed["seal"])
    except (ValueError, TypeError, KeyError):
        return None

    key = _key(make=False)
    if key is None or content["host"] != platform.node():
        return None

    is_ours = hmac.compare_digest(seal.encode(), _seal(key, record.id, content).encode())
    return content["place"] if is_ours else None


def _seal(key: bytes, job_id: str, content: dict[str, str]) -> str:
    sealed = json.dumps([job_id, content], sort_keys=True).encode()
    return hmac.new(key, sealed, hashlib.sha256).hexdigest()


def _key(*, make: bool) -> bytes | None:
    """Return this user's key for places; None where there can be none that nobody else knows."""
    try:
        path = data_folder() / KEY_NAME
        if make and not path.exists():
            _make_key(path)

        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            key = file.read(KEY_BYTES + 1)
    except (CommandError, OSError):
        return None

    if os.name == "posix":
        others = state.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if others or state.st_uid != os.getuid():
            return None

    return key if len(key) == KEY_BYTES else None


def _make_key(path: Path) -> None:
    """Make the key, whole and at once: another command may be about to, too.

    Raises:
        OSError: It can't be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))

        with suppress(FileExistsError):  # the other one's, which is as good
            os.link(name, path)
    finally:
        Path(name).unlink()
