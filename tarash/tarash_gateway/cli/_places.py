"""Where a job's result is to go, written down with the job: so that whoever goes on saves it there.

A ledger may be shared, and whoever writes to it must not choose where files appear on somebody
else's machine. So a place is sealed with a key that only this user has, in a file of their own, and
counts on the machine that it was written on. What is there by then is overwritten only where the
command that goes on has `--force`.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._data._events import AttemptEvent
from .._data._policies import NOTED
from .._data._template import Template
from ..ledger._contract import JobRecord
from ..media._saving import is_folder
from ._errors import CommandError
from ._ledger import MEMORY, data_folder, url_of
from ._save import STANDARD_OUTPUT

LABEL = "place"
"""What observers call it; no user's labels begin as it does in a ledger."""
KEY_NAME = "places.key"
KEY_BYTES = 32


class PlaceNotKeptError(Exception):
    """A place can't be written down, or does not count; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class WantedPlace:
    """Writes down with a job where its result is to go: an observer of its beginning."""

    text: str
    key: bytes = field(repr=False)

    def __call__(self, event: AttemptEvent) -> None:
        """Events of attempts are of no interest."""

    def opened(self, about: AttemptEvent) -> dict[str, str]:
        """Return what is written down with a job that begins."""
        content = {"host": platform.node(), "place": self.text}
        sealed = {**content, "seal": _seal(self.key, about.job_id, content)}
        return {LABEL: json.dumps(sealed)}


def check_kept(output: str, ledger: str | None, *, make_key: bool) -> None:
    """Check that a place can be written down with a job.

    Args:
        output: What `--output` said.
        ledger: What `--ledger` said.
        make_key: Whether to make the key that places are sealed with, where there is none.

    Raises:
        CommandError: It is no place at all.
        PlaceNotKeptError: It can't be written down.
    """
    if output == STANDARD_OUTPUT:
        raise PlaceNotKeptError("standard output ends with this command")

    try:
        template = Template.parse(output)
        template.check_home()
    except ValueError as error:
        raise CommandError(f"--output: {error}") from None

    if not template.is_local:
        raise PlaceNotKeptError(
            "only places on the disk are: another command may have no access to the object store"
        )

    if url_of(ledger) == MEMORY:
        raise PlaceNotKeptError(f"what is written down in {MEMORY} ends with this command")

    _key(make=make_key)


def wanted(output: str | None) -> WantedPlace | None:
    """Return what writes a place down; None where there is none that another command could use.

    Args:
        output: What `--output` said. Only places on the disk are written down: what a command may
            do at an object store is its environment's, which another command need not have.
    """
    if output is None or output == STANDARD_OUTPUT:
        return None

    template = Template.parse(output)
    try:
        key = _key(make=True) if template.is_local else None
    except PlaceNotKeptError:
        return None

    if key is None:
        return None

    place = Path(_in_full(template.text)).as_posix()
    return WantedPlace(f"{place.rstrip('/')}/" if is_folder(template) else place, key)


def _in_full(text: str) -> str:
    """Return a place in full; what stands before the user's own text has no fields.

    `..` stays as it is: behind a link, it is not what the text seems to say.
    """
    first, _, rest = text.partition("/")
    before = os.path.expanduser(first) if first.startswith("~") else first  # noqa: PTH111
    if before == first:
        if os.path.isabs(text):  # noqa: PTH117  (what is in braces is no part of a path yet)
            return text

        before, rest = str(Path.cwd()), text

    return f"{before.rstrip('/')}/".replace("{", "{{").replace("}", "}}") + rest.lstrip("/")


def place_of(record: JobRecord | None) -> str | None:
    """Return where a job's result is to go; None where nobody has said so on this machine.

    A place that another user, another machine or a changed record names is none.
    """
    try:
        return _read(record)
    except PlaceNotKeptError:
        return None


def why_unused(record: JobRecord | None) -> str | None:
    """Return why the place that is written down with a job does not count; None where it does."""
    try:
        _read(record)
    except PlaceNotKeptError as reason:
        return str(reason)

    return None


def _read(record: JobRecord | None) -> str | None:
    written = None if record is None else record.labels.get(f"{NOTED}{LABEL}")
    if record is None or written is None:
        return None

    try:
        sealed: Any = json.loads(written)
        content = {name: str(sealed[name]) for name in ("host", "place")}
        seal = str(sealed["seal"])
        is_local = Template.parse(content["place"]).is_local
    except (ValueError, TypeError, KeyError):
        is_local = False

    if not is_local:
        raise PlaceNotKeptError("what the ledger has as its place is none")

    if content["host"] != platform.node():
        raise PlaceNotKeptError(
            f"it was to be saved to {content['place']} on the machine {content['host']!r}"
        )

    key = _key(make=False)
    if key is None or not hmac.compare_digest(
        seal.encode(), _seal(key, record.id, content).encode()
    ):
        raise PlaceNotKeptError(
            f"it was to be saved to {content['place']}, which this user's {KEY_NAME} does not "
            "vouch for"
        )

    return content["place"]


def _seal(key: bytes, job_id: str, content: dict[str, str]) -> str:
    sealed = json.dumps([job_id, content], sort_keys=True).encode()
    return hmac.new(key, sealed, hashlib.sha256).hexdigest()


def _key(*, make: bool) -> bytes | None:
    """Return this user's key for places; None where there is none yet.

    Raises:
        PlaceNotKeptError: There can be none that nobody else knows; the message says why.
    """
    path = Path(KEY_NAME)
    try:
        path = data_folder() / KEY_NAME
        if make and not path.exists():
            _make_key(path)

        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            key = file.read(KEY_BYTES + 1)
    except CommandError as error:
        raise PlaceNotKeptError(str(error)) from None
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not make:
            return None

        raise PlaceNotKeptError(
            f"the key that places are sealed with, {path}, can't be "
            f"{'made or ' if make else ''}read: {error.strerror}; see to the rights of its folder"
        ) from None

    _check_key(path, state, key)
    return key


def _check_key(path: Path, state: os.stat_result, key: bytes) -> None:
    about = f"the key that places are sealed with, {path},"
    if os.name == "posix" and state.st_uid != os.getuid():
        raise PlaceNotKeptError(f"{about} belongs to another user; delete it")

    if os.name == "posix" and state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PlaceNotKeptError(f"{about} is open to other users; run `chmod 600 {path}`")

    if len(key) != KEY_BYTES:
        raise PlaceNotKeptError(f"{about} is damaged; delete it, and a new one is made")


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
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave its name to an empty file

        with suppress(FileExistsError):  # the other one's, which is as good
            os.link(name, path)
    finally:
        Path(name).unlink()
