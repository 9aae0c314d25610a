"""The FastAPI example's page in a real browser: the bar moves on, and the video plays."""

from __future__ import annotations

from pathlib import Path

from tarash.tarash_gateway.testing import Script, Simulator
from tests.chromium import browser, needs_chromium
from tests.examples.conftest import Serve

pytestmark = needs_chromium


async def test_the_page_shows_the_progress_and_plays_the_video(
    simulator: Simulator, serve: Serve, tmp_path: Path
) -> None:
    simulator.script("openai", Script(outcome="never"), Script())
    service = serve(VIDEO_PROVIDER="openai", VIDEO_MODEL="sora-2")
    async with browser(tmp_path / "browser") as running, running.page() as page:
        await page.tell("Page.navigate", url=service.url)
        await page.until("document.readyState == 'complete' && !!document.forms.length")

        # A job that never ends: its bar has a value that the provider gave.
        order = "document.forms[0].prompt.value = 'A cat'; document.forms[0].requestSubmit()"
        await page.run(order)
        await page.until("document.querySelector('progress').value > 0")
        assert await page.run("document.querySelector('video').hidden")
        assert await page.run("document.querySelector('#status').innerText") == "processing"
        await page.photograph(tmp_path / "progress.png")

        # A page that is loaded again shows the same job, and a link that is none says so.
        await page.run("window.isOld = true; location.reload()")
        await page.until("!window.isOld && document.querySelector('progress')?.value > 0")
        assert simulator.counters("openai").accepted == 1
        token = await page.run("location.hash")
        await page.run("location.hash = '#nonsense'")
        await page.until("/not valid/.test(document.querySelector('#status').innerText)")
        await page.run(f"location.hash = {token!r}")
        await page.until("document.querySelector('progress').value > 0")

        # One that ends at once: it plays.
        await page.run(order)
        await page.until("document.querySelector('video').readyState >= 2")
        # A busy browser may break off a play, and may be asked again.
        await page.until(
            "document.querySelector('video').play().then(() => true, () => false)"
            ".then(playing => playing && document.querySelector('video').currentTime > 0)"
        )
        assert not await page.run("document.querySelector('progress').offsetHeight")
        await page.photograph(tmp_path / "playing.png")

    assert simulator.counters("openai").accepted == 2
