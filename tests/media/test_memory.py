"""However large a result is, saving it takes little memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media.serving import block_at, large_file

MEGABYTE = 1024 * 1024
MOST = 50 * MEGABYTE
"""What a save may take over the process as it was before."""
# The high-water mark of the process itself: what `getrusage` says includes whoever started it.
SAVING = """
import re, sys
from pathlib import Path
from tarash.tarash_gateway import VideoGenerationResponse

def peak():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])

def save(url, place):
    VideoGenerationResponse(
        request_id="r", status="completed", raw_response=None, video=url
    ).save(place)

small, large, place = sys.argv[1:]
save(small, f"{place}/small.mp4")
before = peak()
save(large, f"{place}/large.mp4")
print(peak() - before)
"""

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def taken_by(size: int, folder: Path) -> int:
    """Return the bytes of memory that saving a file of this size took."""
    with large_file(MEGABYTE) as small, large_file(size) as large:
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", SAVING, small, large, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )

    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


@only_linux
def test_more_than_the_memory_it_may_take(tmp_path: Path) -> None:
    size = 64 * MEGABYTE
    assert taken_by(size, tmp_path) < MOST

    expected, offset = hashlib.sha256(), 0
    while offset < size:
        part = block_at(offset, size - offset)
        expected.update(part)
        offset += len(part)
    with (tmp_path / "large.mp4").open("rb") as saved:
        assert hashlib.file_digest(saved, "sha256").digest() == expected.digest()


@only_linux
@pytest.mark.soak
def test_two_gigabytes(tmp_path: Path) -> None:
    assert taken_by(2048 * MEGABYTE, tmp_path) < MOST
    assert (tmp_path / "large.mp4").stat().st_size == 2048 * MEGABYTE
