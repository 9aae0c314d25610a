"""Published media can be fetched over HTTP, from wherever they were published."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tarash.tarash_gateway._support import _portal
from tarash.tarash_gateway.media import _loopback, samples

CONTENT = bytes(range(256)) * 4


def publish(media: bytes | Path = CONTENT, kind: str = "image/png", name: str = "a.png") -> str:
    return asyncio.run(_loopback.publish(media, kind, name))


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, Message[str, str], bytes]:
    assert url.startswith("http://127.0.0.1:")
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(url, headers=asked, method=method)  # noqa: S310  (asserted above)
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310  (as above)
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_a_whole_item_is_served_with_its_type() -> None:
    status, headers, content = fetch(publish())
    assert (status, content) == (200, CONTENT)
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == "1024"
    assert headers["Accept-Ranges"] == "bytes"


def test_head_says_the_same_without_a_body() -> None:
    status, headers, content = fetch(publish(), "HEAD")
    assert (status, content) == (200, b"")
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == "1024"


@pytest.mark.parametrize(
    ("wanted", "first", "after"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-9999", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-9999", 0, 1024),
    ],
)
def test_a_range_is_served(wanted: str, first: int, after: int) -> None:
    status, headers, content = fetch(publish(), Range=wanted)
    assert (status, content) == (206, CONTENT[first:after])
    assert headers["Content-Range"] == f"bytes {first}-{after - 1}/1024"


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(wanted: str) -> None:
    status, headers, _ = fetch(publish(), Range=wanted)
    assert status == 416
    assert headers["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "pages=1-2", "bytes=0-" + "9" * 99],
)
def test_a_range_that_makes_no_sense_is_ignored(wanted: str) -> None:
    status, _, content = fetch(publish(), Range=wanted)
    assert (status, content) == (200, CONTENT)


def test_unknown_addresses_are_not_found() -> None:
    url = publish()
    token = urlsplit(url).path.split("/")[1]
    assert len(token) >= 22
    for other in (url.replace(token, token[::-1]), url.replace(f"/{token}", ""), url + "/x"):
        assert fetch(other)[0] == 404


def test_nothing_but_reading_is_possible() -> None:
    assert fetch(publish(), "DELETE")[0] == 405


def test_a_bundled_clip_is_served_from_its_file() -> None:
    sample = samples.pick_video("9:16", None, 8)
    url = publish(sample.path, sample.content_type, "video.mp4")
    status, headers, content = fetch(url)
    assert (status, content) == (200, sample.read())
    assert headers["Content-Type"] == "video/mp4"
    assert url.endswith("/video.mp4")
    assert publish(sample.path, sample.content_type, "video.mp4") == url


def test_two_loops_one_after_the_other_share_one_server() -> None:
    urls = [publish(b"one"), publish(b"two")]
    assert len({urlsplit(url).port for url in urls}) == 1
    assert [fetch(url)[2] for url in urls] == [b"one", b"two"]


def test_loops_in_several_threads_publish_at_once() -> None:
    urls: dict[int, str] = {}
    threads = [
        threading.Thread(
            target=lambda number=number: urls.update({number: publish(b"%d" % number)})
        )
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {fetch(url)[2] for url in urls.values()} == {b"%d" % number for number in range(8)}


def test_a_blocking_caller_publishes_on_the_background_loop() -> None:
    url = _portal.call(lambda _caller: _loopback.publish(CONTENT, "image/png", "a.png"))
    assert fetch(url)[2] == CONTENT


def test_the_oldest_item_makes_room_but_files_stay() -> None:
    sample = samples.pick_video()
    clip = publish(sample.path, sample.content_type, "video.mp4")
    first = publish(b"first")

    async def publish_many() -> list[str]:
        return [
            await _loopback.publish(b"%d" % number, "text/plain", "n")
            for number in range(_loopback.MOST_ITEMS)
        ]

    others = asyncio.run(publish_many())
    assert fetch(first)[0] == 404
    assert fetch(others[0])[2] == b"0"
    assert fetch(clip)[0] == 200


def test_a_name_is_part_of_the_address_and_nothing_more() -> None:
    url = publish(name="../a b?.png")
    assert urlsplit(url).path.count("/") == 2
    assert fetch(url)[2] == CONTENT


def test_several_requests_go_over_one_connection() -> None:
    parts = urlsplit(publish())
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    for _ in range(3):
        connection.request("GET", parts.path)
        with connection.getresponse() as answer:
            assert answer.read() == CONTENT

    connection.close()


EXIT = """
import asyncio, atexit
from http.client import HTTPConnection
from urllib.parse import urlsplit
from tarash.tarash_gateway.media import _loopback

connections = []
# Registered first, so run last: the connection is still open when the server is to end.
atexit.register(lambda: connections[0].close())
parts = urlsplit(asyncio.run(_loopback.publish(b"x", "image/png", "a.png")))
connections.append(HTTPConnection(parts.hostname, parts.port))
connections[0].request("GET", parts.path)
print(connections[0].getresponse().read())
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_server_ends_with_the_process_without_a_word() -> None:
    ended = run(EXIT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "b'x'\n", "")


FORK = """
import asyncio, os, sys
from urllib.request import urlopen
from tarash.tarash_gateway.media import _loopback

def publish(content):
    return asyncio.run(_loopback.publish(content, "image/png", "a.png"))

parent = publish(b"parent")
child = os.fork()
if not child:
    own = publish(b"child")
    assert own.rsplit("/", 2)[0] != parent.rsplit("/", 2)[0]
    assert urlopen(own).read() == b"child"
    assert urlopen(parent).read() == b"parent"
    os._exit(0)

assert os.waitpid(child, 0)[1] == 0
assert urlopen(parent).read() == b"parent"
print("both")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_serves_its_own() -> None:
    ended = run("import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORK)
    assert ended.stdout == "both\n", ended.stderr
