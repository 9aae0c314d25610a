"""From `pip install` to the first mock video: `python -m tests.benchmarks.first_video`.

Makes an environment of its own, installs the checkout with the extra `server` into it, and then
does what somebody new does: `tarash serve --mock`, the page, one order, its file. No provider's key
is needed. It ends with 1 where the part after the installation takes longer than it may.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 15.0
MODEL = "fal/fal-ai/veo3.1"


def main() -> int:
    """Measure, and print what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        begun = time.monotonic()
        subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
        scripts = place / "venv" / ("Scripts" if os.name == "nt" else "bin")
        install = [str(scripts / "python"), "-m", "pip", "install", "--quiet", f"{ROOT}[server]"]
        subprocess.run(install, check=True)
        print(f"installed         {time.monotonic() - begun:6.1f} s", flush=True)

        begun = time.monotonic()
        command = [str(scripts / "tarash"), "serve", "--mock", "--port", "0", "--media", folder]
        hidden = ("TARASH_", "FAL_", "PYTHONPATH")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
        )
        try:
            size = _first_video(server, begun)
            spent = time.monotonic() - begun
        finally:
            server.terminate()
            server.wait(30)

        print(f"in all            {spent:6.1f} s of {MOST_SECONDS:g} s, {size} bytes")
        return int(spent > MOST_SECONDS)


def _first_video(server: subprocess.Popen[str], begun: float) -> int:
    """Order a video from the server, as its own words say, and return how large it is."""
    said: dict[str, str] = {}
    assert server.stdout is not None
    for line in server.stdout:
        name, _, value = line.strip().partition("  ")
        said[name] = value.strip()
        if name.startswith("Try"):
            break

    print(f"server is up      {time.monotonic() - begun:6.1f} s", flush=True)
    page = _ask(said["Page"])
    assert b"<html" in page.lower()
    print(f"page is there     {time.monotonic() - begun:6.1f} s", flush=True)
    key, url = said["Admin key"], f"{said['Server']}/v1/videos"
    order = json.dumps({"model": MODEL, "prompt": "A cat playing piano"}).encode()
    video = json.loads(_ask(url, key, order))
    while video["status"] in ("queued", "in_progress"):
        time.sleep(0.1)
        video = json.loads(_ask(f"{url}/{video['id']}", key))

    content = _ask(f"{url}/{video['id']}/content", key)
    assert content[4:8] == b"ftyp", video
    print(f"video is here     {time.monotonic() - begun:6.1f} s", flush=True)
    return len(content)


def _ask(url: str, key: str = "", body: bytes | None = None) -> bytes:
    """Make a request of the server on this machine."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"

    request = urllib.request.Request(url, body, headers)  # noqa: S310  (the server has said it)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (as above)
        found: bytes = answer.read()
        return found


if __name__ == "__main__":
    sys.exit(main())
