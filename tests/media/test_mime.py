"""Types and endings are the same on every machine, and a server chooses neither."""

from __future__ import annotations

import ast
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import tarash.tarash_gateway
from tarash.tarash_gateway import ImageGenerationResponse, SaveError
from tarash.tarash_gateway._support._mime import ENDINGS, TYPES, ending_of, named, type_by_name
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.media._atomic_file import AtomicFile

PACKAGE = Path(tarash.tarash_gateway.__file__).parent


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_nothing_asks_the_hosts_own_table(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        assert "mimetypes" not in names
        assert not (isinstance(node, ast.ImportFrom) and node.module == "mimetypes")


@pytest.mark.parametrize("ending", TYPES)
def test_an_ending_tells_its_type_in_every_form_of_a_name(ending: str) -> None:
    kind = TYPES[ending]
    assert type_by_name(f"clip.{ending}") == kind
    assert type_by_name(f"https://cdn.example/a.b/clip.{ending.upper()}?x=.html#y.svg") == kind
    assert type_by_name(f"data:{kind};base64,AAAA") == kind
    assert TYPES[ending_of(kind) or ""] == kind


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_type_has_one_ending(kind: str) -> None:
    assert named("input", f"{kind}; charset=binary") == f"input.{ENDINGS[kind]}"


@pytest.mark.parametrize(
    "name", ["", "clip", ".mp4", "https://cdn.example", "https://[/a.mp4", "a.html", "a.mp4/b"]
)
def test_a_name_that_tells_nothing_tells_nothing(name: str) -> None:
    assert type_by_name(name) is None


def test_usual_endings() -> None:
    kinds = ("image/jpeg", "image/jpg", "image/webp", "video/mp4", "audio/x-wav", "audio/mp4")
    assert [ending_of(kind) for kind in kinds] == ["jpg", "jpg", "webp", "mp4", "wav", "m4a"]
    assert ending_of("text/html") is ending_of("application/x-sh") is ending_of(None) is None


# --------------------------------------------------------------------------- chosen by the server
BODIES = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "sh": b"#!/bin/sh\necho gone\n" + bytes(80),
    "odd": bytes(range(1, 100)),
}
DECLARED = (
    *("image/svg+xml", "application/x-sh", "application/javascript", "application/xhtml+xml"),
    *(
        "application/octet-stream",
        "model/gltf+json",
        "image/x-unheard-of",
        "application/x-msdownload",
    ),
)


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, Any]]]:
    facts: dict[str, Any] = {}

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "hold" in facts:
                facts["hold"].wait(60)

            self.send_response(200)
            self.send_header("Content-Type", facts["type"])
            self.end_headers()
            self.wfile.write(facts["body"])

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", facts
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.sh", "a", "a.exe"])
@pytest.mark.parametrize("body", BODIES)
def test_a_server_does_not_choose_the_ending(
    served: tuple[str, dict[str, Any]], tmp_path: Path, body: str, name: str
) -> None:
    url, facts = served
    for number, declared in enumerate(DECLARED):
        facts.update(type=declared, body=BODIES[body])
        response = ImageGenerationResponse(
            request_id="r",
            status="completed",
            raw_response=None,
            content_type=declared,
            images=(f"{url}/{name}",),
        )
        place = response.save(tmp_path / str(number))
        assert place == tmp_path / f"{number}.bin", declared


def test_a_file_on_its_way_to_a_store_is_the_users_own(tmp_path: Path) -> None:
    part = AtomicFile(tmp_path, "tarash-gateway", private=True)
    try:
        assert stat.S_IMODE(part.path.stat().st_mode) == 0o600
    finally:
        part._remove()  # noqa: SLF001  (`discard` needs a loop)


# ---------------------------------------------------------------------------------------- limits
def endless(tmp_path: Path, served: tuple[str, dict[str, Any]], **limits: Any) -> SaveError:
    url, facts = served
    facts.update(type="image/png", body=samples.make_png(40, 30, 1) + bytes(100_000))
    response = ImageGenerationResponse(
        request_id="r", status="completed", raw_response=None, images=(f"{url}/a.png",)
    )
    with pytest.raises(SaveError) as caught:
        response.save(tmp_path / "a", **limits)

    assert list(tmp_path.iterdir()) == []
    return caught.value


def test_a_result_that_is_too_large_is_not_kept(
    served: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    error = endless(tmp_path, served, max_bytes=50_000)
    assert "it has more than 50000 bytes; raise max_bytes=" in str(error)


def test_a_save_that_takes_too_long_ends(
    served: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    held = threading.Event()
    served[1]["hold"] = held
    try:
        error = endless(tmp_path, served, timeout=0.1)  # waited for: the server holds it
    finally:
        held.set()

    assert "it took more than 0.1 s; raise timeout=" in str(error)
