"""How fast a result is saved, beside what `curl` takes for the same file on the same connection.

The file goes to memory where there is some (`/dev/shm`): both would wait for the disk, and ours
waits until the disk has really got it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarash.tarash_gateway import VideoGenerationResponse

MEGABYTES = 512
RUNS = 7
# In a process of its own, so that it doesn't share our interpreter; the kernel does the sending.
SERVER = """
import os, socket, sys, threading
path = sys.argv[1]
size = os.path.getsize(path)
head = f"HTTP/1.1 200 OK\\r\\nContent-Type: video/mp4\\r\\nContent-Length: {size}\\r\\n\\r\\n"

def answer(connection):
    with connection, open(path, "rb") as file:
        request = b""
        while b"\\r\\n\\r\\n" not in request:
            request += connection.recv(65536) or b"\\r\\n\\r\\n"
        connection.sendall(head.encode())
        offset = 0
        while offset < size:
            offset += os.sendfile(connection.fileno(), file.fileno(), offset, size - offset)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=answer, args=(connection,), daemon=True).start()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    memory = Path("/dev/shm")  # noqa: S108  (nothing but room is wanted of it)
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    source = folder / "source.mp4"
    with source.open("wb") as file:
        for _ in range(MEGABYTES):
            file.write(b"\0\0\0\x18ftypmp42" + bytes(1024 * 1024 - 12))
    command = [sys.executable, "-c", SERVER, str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}/a.mp4"
        finally:
            server.kill()


def seconds(work: Callable[[], object], target: Path) -> float:
    """Return how long a download into a new file takes."""
    target.unlink(missing_ok=True)
    start = time.perf_counter()
    work()
    taken = time.perf_counter() - start
    assert target.stat().st_size == MEGABYTES * 1024 * 1024
    return taken


@pytest.mark.bench
@pytest.mark.skipif(sys.platform != "linux", reason="it needs sendfile, and curl")
def test_download(folder: Path, url: str) -> None:
    """Prints the figures; asserts only that the files were whole."""
    target = folder / "a.mp4"
    response = VideoGenerationResponse(
        request_id="r", status="completed", raw_response=None, video=url
    )
    curl, ours = [], []
    for _ in range(RUNS):  # by turns, so that whatever else goes on hits both
        command = ["curl", "--silent", "--output", str(target), url]
        curl.append(seconds(lambda: subprocess.run(command, check=True), target))  # noqa: B023
        ours.append(seconds(lambda: response.save(target), target))

    theirs, our = min(curl), min(ours)  # the runs that were disturbed least
    print(
        f"\ndownload of {MEGABYTES} MB: ours {MEGABYTES / our:.0f} MB/s, curl "
        f"{MEGABYTES / theirs:.0f} MB/s, ratio {theirs / our:.2f}"
    )
