"""The page in a real browser: by keyboard, loaded again, dark, narrow, and under attack."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tarash.tarash_gateway.testing import Fault, Script, Simulator
from tests.chromium import Browser, Page, browser, needs_chromium
from tests.server.conftest import ADMIN, MODEL, Start, Started

pytestmark = [*needs_chromium, pytest.mark.asyncio(loop_scope="module")]
AXE = "axe-core@4.10.3"
AXE_HASH = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
CUT_OFF = (
    "document.querySelectorAll('.top nav a, main input, main select, main textarea, main button, "
    "main h1, main .badge')].filter((one) => one.getBoundingClientRect().right > innerWidth"
)
"""What has to be seen whole; the page itself never scrolls sideways, and cuts off what is wider."""
EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><b class=evil>b</b>'
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


async def sign_in(page: Page, served: Started, key: str = ADMIN, view: str = "") -> None:
    """Sign in as somebody at the keyboard would."""
    await page.listen()
    await page.open(f"{served.url}/{view}")
    await page.until("document.activeElement?.name == 'key'")
    await page.write(key)
    await page.press("Enter")
    await page.until("!document.querySelector('#top').hidden && !!document.querySelector('h1')")


async def tab_to(page: Page, selector: str) -> None:
    """Go on with Tab until the focus is there: nothing may hold it, or be left out."""
    for _ in range(60):
        if await page.run(f"document.activeElement?.matches({json.dumps(selector)})"):
            return

        await page.press("Tab")

    pytest.fail(f"Tab never comes to {selector}")


async def order(page: Page, prompt: str, *models: str) -> None:
    """Fill in the form of a comparison, wait for the plans and send it."""
    await page.run("document.querySelector('textarea').focus()")
    await page.write(prompt)
    for number, model in enumerate(models, 1):
        await page.run("document.querySelector('[role=combobox]').focus()")
        await page.write(model)
        await page.press("Enter")  # before anything is found: what is typed is meant
        await page.until(f"document.querySelectorAll('.column').length == {number}")

    await page.until(f"document.querySelectorAll('.column .price.number').length == {len(models)}")
    await page.until("!document.querySelector('.deed button').disabled")
    await page.run("document.querySelector('.composer').requestSubmit()")


def badges(state: str) -> str:
    return f"document.querySelectorAll('.column .badge[data-state={state}]').length"


async def test_three_of_the_suggested_models_are_picked_one_after_the_other(
    running: Browser, mocked: Started
) -> None:
    offered = "document.querySelectorAll('.suggested button:not([hidden])')"
    async with running.page() as page:
        await sign_in(page, mocked)
        await page.until(f"{offered}.length == 5")
        for number in range(1, 4):
            await page.run(f"{offered}[0].click()")
            await page.until(f"document.querySelectorAll('.column').length == {number}")
            await page.until(f"{offered}.length == {5 - number}")

        assert await page.run("document.querySelector('.suggested').hidden")


async def test_three_models_are_compared_by_keyboard_alone(
    running: Browser, mocked: Started
) -> None:
    async with running.page() as page:
        await sign_in(page, mocked)
        await tab_to(page, "textarea")
        await page.write("A lighthouse at dawn")
        await tab_to(page, "[role=combobox]")
        for number in range(1, 4):
            shown = "!document.querySelector('.options').hidden"
            await page.until(f"{shown} && document.querySelectorAll('[role=option]').length > 3")
            for _ in range(number):
                await page.press("ArrowDown")

            await page.until("!!document.activeElement.getAttribute('aria-activedescendant')")
            await page.press("Enter")
            await page.until(f"document.querySelectorAll('.column').length == {number}")
            await page.press("ArrowDown")

        await page.press("Escape")
        await page.until("document.querySelector('.deed button').textContent == 'Make 3 videos'")
        total = await page.run("document.querySelector('.total').textContent")
        price = r"\$[1-9]\d*\.\d\d"
        assert re.fullmatch(rf"{price}( \S {price})?( and \d unknown)? in all", total), total
        await tab_to(page, ".deed button")
        await page.press("Enter")
        await page.until(f"{badges('completed')} == 3")
        await page.until("[...document.querySelectorAll('.column video')].every(v => v.duration)")
        assert await page.run("document.querySelectorAll('.column video').length") == 3
        assert "1 attempt" in await page.run("document.querySelector('.columns').innerText")
        said = "document.querySelector('#said').textContent"
        await page.until(f"{said}.endsWith(': Done')")

        await tab_to(page, ".together button")
        await page.press("Enter")
        videos = "[...document.querySelectorAll('.column video')]"
        await page.until(f"{videos}.every(v => !v.paused && v.currentTime > 0)")
        await page.run(f"{videos}[0].pause()")
        await page.until(f"{videos}.every(v => v.paused)")
        await page.run(f"{videos}[1].currentTime = 3")
        await page.until(f"{videos}.every(v => Math.abs(v.currentTime - 3) < 0.3)")
        assert len(mocked.http.get("/api/jobs").json()["data"]) == 3
        assert page.said == []


async def test_a_page_that_is_loaded_again_goes_on_and_cancels(
    running: Browser, served: Started, simulator: Simulator
) -> None:
    simulator.script("fal", Script(outcome="never"))
    async with running.page() as page:
        await sign_in(page, served)
        await order(page, "It never ends", MODEL)
        await page.until(f"{badges('in_progress')} + {badges('queued')} == 1")
        await page.run("window.isOld = true; location.reload()")
        await page.until(f"!window.isOld && {badges('in_progress')} + {badges('queued')} == 1")
        assert await page.run("document.querySelector('textarea').value") == "It never ends"
        assert simulator.counters("fal").accepted == 1

        await page.run("document.querySelector('.column [data-part=stop]').click()")
        await page.until("!!document.querySelector('dialog[open]')")
        await page.press("Escape")
        await page.until("!document.querySelector('dialog')")
        assert simulator.counters("fal").accepted == 1
        await page.run("document.querySelector('.column [data-part=stop]').click()")
        await page.until("!!document.querySelector('dialog .grave')")
        await page.run("document.querySelector('dialog .grave').click()")
        await page.until(f"{badges('cancelled')} + {badges('failed')} == 1")
        await page.run("location.hash = '#/jobs?state=open'")
        await page.until("/No job fits/.test(document.querySelector('main').innerText)")


async def test_a_session_that_ends_asks_for_a_key_and_goes_on(
    running: Browser, mocked: Started
) -> None:
    first = mocked.http.post("/api/keys", json={"name": "first"}).json()
    second = mocked.key()
    theirs = mocked.ask("POST", "/api/jobs", json={"model": MODEL, "prompt": "not yours"}).json()
    async with running.page() as page:
        await sign_in(page, mocked, first["key"], "#/jobs")
        await page.until("/No jobs yet/.test(document.querySelector('main').innerText)")
        names = await page.run("[...document.querySelectorAll('nav a')].map(a => a.textContent)")
        assert names == ["Compare", "Jobs", "Models"]
        mocked.http.delete(f"/api/keys/{first['id']}")
        await page.run("document.querySelector('.head button').click()")
        await page.until("document.activeElement?.name == 'key'")
        assert "session has ended" in await page.run("document.querySelector('main').innerText")
        await page.write("tg_wrong")
        await page.press("Enter")
        await page.until("/not known/.test(document.querySelector('[role=alert]').textContent)")
        await page.write(second)
        await page.press("Enter")
        await page.until("document.querySelector('h1').textContent == 'Jobs'")
        assert "not yours" not in await page.run("document.body.innerText")
        await page.run(f"location.hash = '#/jobs/{theirs['id']}'")
        await page.until("/no such job/.test(document.querySelector('main').innerText)")
        cookies = (await page.tell("Network.getCookies", urls=[mocked.url]))["cookies"]
        assert [(one["httpOnly"], one["sameSite"]) for one in cookies] == [(True, "Strict")]
        assert await page.run("document.cookie") == ""
        await page.run("document.querySelector('.who button').click()")
        await page.until("document.activeElement?.name == 'key'")
        assert (await page.tell("Network.getCookies", urls=[mocked.url]))["cookies"] == []


async def test_what_others_write_is_text_on_every_screen(
    running: Browser, simulator: Simulator, start: Start
) -> None:
    simulator.script("fal", Script(outcome="failed", error_message=EVIL))
    served = start(aliases={"quick": {"chain": [MODEL]}})
    served.http.post("/api/keys", json={"name": EVIL, "models": [EVIL]})
    body = {"model": "quick", "prompt": EVIL, "metadata": {"user": EVIL}}
    served.ask("POST", "/api/jobs", json=body)  # refused, where it has failed at once
    job = served.http.get("/api/jobs").json()["data"][0]
    served.until_ended(job["id"])
    async with running.page() as page:
        await sign_in(page, served)
        for view, shown in (
            ("jobs", EVIL), (f"jobs/{job['id']}", EVIL), ("keys", EVIL), ("models", "veo"),
            ("health", "fal"), (f"jobs?label={quote('user:' + EVIL)}", EVIL),
        ):  # fmt: skip
            await page.run(f"location.hash = {json.dumps('#/' + view)}")
            await page.until(
                f"document.querySelector('main').innerText.includes({json.dumps(shown)})"
            )
            await clean(page)

        await page.run("location.hash = '#/compare'")
        await page.until("!!document.querySelector('textarea')")
        await order(page, EVIL, "quick")
        await page.until(f"{badges('failed')} + {badges('refused')} == 1")
        await page.until(
            f"document.querySelector('.columns').innerText.includes({json.dumps(EVIL)})"
        )
        await page.run("document.querySelector('[role=combobox]').focus()")
        await page.write(f"x/{EVIL}")
        await page.until("/No model fits/.test(document.querySelector('.options').innerText)")
        await page.press("Enter")
        await page.until("!!document.querySelector('.column.impossible')")
        await clean(page)
        # Trusted types: even a script of ours could not make markup of it.
        made = "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'made'; }"
        assert await page.run(f"{made} catch {{ return 'refused'; }} }})()") == "refused"


async def clean(page: Page) -> None:
    """Check that nothing of what others wrote has become part of the page."""
    found = "document.querySelectorAll('main script, main .evil, main img[onerror]').length"
    assert await page.run(found) == 0
    assert await page.run("window.hacked === undefined")


async def test_inputs_are_dropped_named_and_sent(running: Browser, mocked: Started) -> None:
    frames = "fal/fal-ai/veo3.1/first-last-frame-to-video"
    async with running.page() as page:
        await sign_in(page, mocked)
        await page.run(
            f"""(() => {{
                const bytes = Uint8Array.from(atob('{PNG}'), one => one.charCodeAt(0));
                const files = new DataTransfer();
                for (const name of ['a.png', 'b.png'])
                    files.items.add(new File([bytes], name, {{type: 'image/png'}}));
                files.items.add(new File(['x'], 'c.txt', {{type: 'text/plain'}}));
                document.querySelector('.composer').dispatchEvent(
                    new DragEvent('drop', {{dataTransfer: files, cancelable: true}}));
            }})()"""
        )
        roles = "[...document.querySelectorAll('.inputs select')].map(one => one.value)"
        await page.until(f"{roles}.length == 2")
        assert await page.run(roles) == ["first_frame", "last_frame"]
        assert "c.txt" in await page.run("document.querySelector('.drop [role=alert]').textContent")
        await page.run(
            """(() => {
                const files = new DataTransfer();
                files.items.add(new File(['no picture'], 'd.png', {type: 'image/png'}));
                document.querySelector('.composer').dispatchEvent(
                    new DragEvent('drop', {dataTransfer: files, cancelable: true}));
            })()"""
        )
        trouble = "document.querySelector('.drop [role=alert]').textContent"
        await page.until(f"{trouble}.includes('d.png could not be uploaded')")
        assert await page.run(roles) == ["first_frame", "last_frame"]
        await order(page, "Between two frames", frames)
        await page.until(f"{badges('completed')} == 1")
        sent = await page.run("document.querySelector('.column pre').textContent")
        assert "image" in sent
        told = await page.run("[...document.querySelectorAll('.inputs .hint')].map(e => e.hidden)")
        assert told == [True, True]
        # A model that takes none says so before anything is bought.
        await page.run("document.querySelector('[role=combobox]').focus()")
        await page.write(MODEL)
        await page.press("Enter")
        await page.until("!!document.querySelector('.column.impossible .trouble')")


async def test_nothing_is_cut_off_where_it_is_narrow_or_dark(
    running: Browser, mocked: Started, tmp_path: Path
) -> None:
    job = mocked.ask("POST", "/api/jobs", json={"model": MODEL, "prompt": "word" * 60}).json()["id"]
    mocked.until_ended(job)
    mocked.http.post("/api/keys", json={"name": "k" * 90, "models": ["m" * 90]})
    async with running.page() as page:
        await sign_in(page, mocked)
        await order(page, "A cat", MODEL)
        for number, view in enumerate((
            "compare", "jobs", f"jobs/{job}", "models", "keys", "health"
        )):  # fmt: skip
            await page.size(320, 640, dark=bool(number % 2))
            await page.run(f"location.hash = '#/{view}'")
            await page.until(
                "!!document.querySelector('h1') && !document.querySelector('.waiting')"
            )
            if view == "compare":  # what is suggested comes when the catalogue has been read
                await page.until("!!document.querySelector('.suggested button')")

            # Suggestions of other catalogues have longer names.
            await page.run(
                "document.querySelectorAll('.suggested button')"
                ".forEach((one) => { one.textContent = 'fal/' + 'long-name/'.repeat(6); })"
            )
            wide = await page.run("document.documentElement.scrollWidth")
            assert wide <= 320, (view, wide)
            assert await page.run(f"[...{CUT_OFF}).map((one) => one.outerHTML.slice(0, 80))") == []
            await page.photograph(tmp_path / f"{number}.png", whole=True)
            paper = await page.run("getComputedStyle(document.documentElement).backgroundColor")
            assert (paper == "rgb(22, 21, 19)") is bool(number % 2)


async def test_a_job_without_an_answer_to_its_submit_is_unclear(
    running: Browser, served: Started, simulator: Simulator
) -> None:
    """It was called failed, in red, beside the words that it may run and be billed."""
    simulator.fail("fal", "submit", Fault.reset_after())
    assert served.create().status_code >= 500
    async with running.page() as page:
        await sign_in(page, served, view="#/jobs")
        await page.until("!!document.querySelector('td .badge[data-state=unknown]')")
        await page.run("document.querySelector('a.prompt').click()")
        await page.until("!!document.querySelector('.row .badge[data-state=unknown]')")


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core, which is no part of the package: npm fetches it."""
    cache = getattr(pytestconfig, "cache", None)  # it may be switched off
    kept = None if cache is None else Path(cache.mkdir("axe"))
    place = (kept or tmp_path_factory.mktemp("axe")) / f"{AXE_HASH}.js"
    if not place.exists():
        fetched = tmp_path_factory.mktemp("npm")
        try:
            subprocess.run(
                ["npm", "pack", AXE, "--silent"], cwd=fetched, timeout=60, check=True,
                capture_output=True, shell=False,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            pytest.skip(f"npm could not fetch {AXE}, so accessibility was not checked")

        with tarfile.open(next(fetched.glob("*.tgz"))) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            place.write_bytes(script.read())

    assert hashlib.sha256(place.read_bytes()).hexdigest() == AXE_HASH
    return place.read_text()


async def test_axe_finds_no_serious_violation(running: Browser, mocked: Started, axe: str) -> None:
    job = mocked.ask(
        "POST", "/api/jobs", json={"model": MODEL, "prompt": "A cat", "metadata": {"user": "42"}}
    ).json()["id"]
    mocked.until_ended(job)
    mocked.http.post("/api/keys", json={"name": "x", "budget": {"amount": "5"}})
    async with running.page() as page:
        await page.tell("Page.enable")
        await page.tell("Page.setBypassCSP", enabled=True)
        await page.open(mocked.url)
        await page.until("document.activeElement?.name == 'key'")
        found = {"sign in": await violations(page, axe)}
        await page.write(ADMIN)
        await page.press("Enter")
        await page.until("!!document.querySelector('textarea')")
        await order(page, "A cat", MODEL, "runway/gen4.5")
        await page.until(f"{badges('completed')} == 2")
        found["compare"] = await violations(page, axe)
        await page.size(800, 800, dark=True)
        found["compare, dark"] = await violations(page, axe)
        for number, view in enumerate(("jobs", f"jobs/{job}", "models", "keys", "health")):
            await page.size(800, 800, dark=bool(number % 2))
            await page.run(f"location.hash = '#/{view}'")
            await page.until(
                "!document.querySelector('.waiting') && !!document.querySelector('h1')"
            )
            if view == "keys":
                await page.run("document.querySelector('.head button').click()")

            found[view] = await violations(page, axe)

    assert {view: some for view, some in found.items() if some} == {}


async def violations(page: Page, axe: str) -> list[Any]:
    """Return what axe calls serious or worse."""
    if not await page.run("typeof axe == 'object'"):
        await page.run(f"{axe};0")

    found = json.loads(
        await page.run("axe.run(document, {resultTypes: ['violations']}).then(JSON.stringify)")
    )
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


async def test_jobs_are_deleted_from_the_list_and_from_their_own_view(
    running: Browser, mocked: Started
) -> None:
    old, new = (mocked.create(prompt=text).json()["id"] for text in ("The old one", "The new one"))
    for one in (old, new):
        mocked.until_ended(one)

    async def gone(video: str) -> bool:
        return mocked.ask("GET", f"/v1/videos/{video}").status_code == 404

    async with running.page() as page:
        await sign_in(page, mocked, view="#/jobs")
        button = f"document.querySelector('[data-job={json.dumps(new)}] [data-part=delete]')"
        await page.until(f"!!{button}")
        await page.run(f"{button}.click()")
        await page.until("!!document.querySelector('dialog[open]')")
        await page.press("Escape")
        await page.until("!document.querySelector('dialog')")
        assert not await gone(new)

        await page.run(f"{button}.click()")
        await page.until("!!document.querySelector('dialog .grave')")
        await page.run("document.querySelector('dialog .grave').click()")
        await page.until(f"!{button} && document.querySelectorAll('[data-job]').length == 1")
        await page.until("document.activeElement?.dataset.part == 'open'")
        assert await gone(new)
        assert not await gone(old)

        await page.press("Enter")
        await page.until("!!document.querySelector('.job-head [data-part=delete]')")
        await page.run("document.querySelector('.job-head [data-part=delete]').click()")
        await page.until("!!document.querySelector('dialog .grave')")
        await page.run("document.querySelector('dialog .grave').click()")
        await page.until("/No jobs yet/.test(document.querySelector('main').innerText)")
        assert await gone(old)
        assert page.said == []
