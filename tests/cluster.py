"""A PostgreSQL for the tests: TARASH_TEST_POSTGRES, else a scratch cluster of this run's own.

One cluster serves all of pytest's workers, each of which has a database of its own in it. It runs
as an unprivileged user, since PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

GIVEN = "TARASH_TEST_POSTGRES"
FOLDER = "TARASH_TEST_CLUSTER"
"""Where the run keeps its cluster; pytest's workers inherit it from whoever starts them."""
USERS = ("postgres", "nobody")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "log_min_messages": "fatal",
}


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: one.parts)
    if found:
        return found[-1].parent

    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent


def missing() -> str | None:
    """Say why there is no PostgreSQL to test with; None where there is."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed"

    if os.environ.get(GIVEN):
        return None

    if os.name != "posix" or binaries() is None:
        return f"no PostgreSQL here: install Debian's `postgresql`, or set {GIVEN} to a URL"

    return None


class Cluster:
    """A scratch cluster in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.user = _user()
        self.port = 0

    def run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run one of PostgreSQL's programs as the user to whom the cluster belongs."""
        import pwd  # not there on Windows, where these tests are skipped

        folder = binaries()
        assert folder is not None
        with (self.folder / "programs.log").open("ab") as log:
            done = subprocess.run(
                [folder / program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                extra_groups=None if self.user is None else [],
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )

        if check and done.returncode:
            raise RuntimeError((self.folder / "programs.log").read_text(encoding="utf-8"))

        return done.returncode

    def make(self) -> None:
        """Make the cluster, and start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            shutil.chown(self.folder, self.user)

        self.run("initdb", "-D", "data", "-U", "tarash", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.port = free_port()
        (self.folder / "port").write_text(str(self.port), encoding="ascii")
        lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()]
        lines += [f"port = {self.port}", f"unix_socket_directories = '{self.folder}'"]
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as file:
            file.write("\n".join([*lines, ""]))

        self.start()

    def follow(self, primary: Cluster) -> None:
        """Make a standby of another cluster, and start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            shutil.chown(self.folder, self.user)

        place = ("-h", "127.0.0.1", "-p", str(primary.port), "-U", "tarash")
        self.run("pg_basebackup", "-D", "data", "-R", *place, "-X", "stream", "-c", "fast")
        self.port = free_port()
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as file:
            file.write(f"port = {self.port}\nunix_socket_directories = '{self.folder}'\n")

        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.run("pg_ctl", "-D", "data", "-l", "server.log", "-w", "-t", "120", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` as a crash does."""
        self.run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop", check=False)

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"postgresql://tarash@127.0.0.1:{self.port}/postgres"


def _user() -> str | None:
    """Return the user to run as, where we are root; None for ourselves."""
    if os.geteuid() != 0:
        return None

    import pwd

    known = {one.pw_name for one in pwd.getpwall()}
    return next(name for name in USERS if name in known)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def shared_url() -> str:
    """Return the URL of the run's database server, started by whoever comes first."""
    given = os.environ.get(GIVEN)
    if given:
        return given

    import fcntl

    folder = Path(os.environ[FOLDER])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = Cluster(folder)
        port = folder / "port"
        if port.exists():
            cluster.port = int(port.read_text(encoding="ascii"))
        else:
            cluster.make()

        return cluster.url


def announce() -> None:
    """Say where the run's cluster would be, before pytest starts its workers."""
    name = f"tarash-pg-{os.getpid()}-{time.time_ns()}"
    os.environ.setdefault(FOLDER, str(Path(tempfile.gettempdir()) / name))


def clean_up() -> None:
    """Stop the run's cluster and remove it, where it was started.

    Some tests start pytest themselves: what they inherit is not theirs to stop.
    """
    folder = Path(os.environ.get(FOLDER, ""))
    if not (folder.name.startswith(f"tarash-pg-{os.getpid()}-") and folder.is_dir()):
        return

    cluster = Cluster(folder)
    if (folder / "port").exists():
        cluster.stop()

    shutil.rmtree(folder, ignore_errors=True)
    (folder.parent / f"{folder.name}.lock").unlink(missing_ok=True)
