"""Our own routes: plan, quote, jobs by label, events, cancel, media, links."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from typing import Any

import httpx

from tarash.tarash_gateway import VideoJob
from tarash.tarash_gateway.testing import Script, Simulator
from tests.server.conftest import ADMIN, MODEL, Start, Started

ORDER = {"model": MODEL, "prompt": "A cat", "duration": 8, "aspect_ratio": "9:16"}


def events(served: Started, job: str, last: str = "", key: str = ADMIN) -> Generator[Any]:
    """Yield the id and the data of each event of a job."""
    headers = {"Authorization": f"Bearer {key}", **({"Last-Event-ID": last} if last else {})}
    url = f"{served.url}/api/jobs/{job}/events"
    with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        stamp = ""
        for line in answer.iter_lines():
            if line.startswith("id: "):
                stamp = line.removeprefix("id: ")
            elif line.startswith("data: "):
                yield stamp, json.loads(line.removeprefix("data: "))


def test_a_plan_and_a_quote_buy_nothing(served: Started, simulator: Simulator) -> None:
    body = {**ORDER, "fallbacks": ["openai/sora-2"]}
    plan = served.ask("POST", "/api/plan", json=body).json()
    assert plan["payload"]["aspect_ratio"] == "9:16"
    assert plan["fallbacks"][0]["model"] == "sora-2"
    quote = served.ask("POST", "/api/quote", json=body).json()
    assert (quote["provider"], quote["object"]) == ("fal", "quote")
    assert float(quote["fallbacks"][0]["quote"]["high"]) > 0
    wrong = served.ask("POST", "/api/plan", json={**ORDER, "kind": "poem"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "kind")
    assert simulator.counters("fal").submits == 0


def test_a_job_is_one_of_both_worlds(served: Started) -> None:
    key = served.key()
    made = served.ask("POST", "/api/jobs", key, json={**ORDER, "metadata": {"user": "7"}})
    assert made.status_code == 202
    job = made.json()
    assert (job["object"], job["kind"], job["labels"]) == ("job", "video", {"user": "7"})
    video = served.until_ended(job["id"], key)
    assert video["status"] == "completed"
    ended = served.ask("GET", f"/api/jobs/{job['id']}", key).json()
    assert (ended["status"], ended["progress"], len(ended["media"])) == ("completed", 100, 1)
    content = served.ask("GET", ended["media"][0]["url"], key)
    assert content.content == served.ask("GET", f"/v1/videos/{job['id']}/content", key).content
    part = served.ask("GET", ended["media"][0]["url"], key, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_an_image_is_a_job_too(served: Started) -> None:
    body = {"kind": "image", "model": "openai/gpt-image-2", "prompt": "A cat"}
    job = served.ask("POST", "/api/jobs", json=body).json()
    *_, (_, last) = events(served, job["id"])
    assert (last["status"], last["kind"]) == ("completed", "image")
    assert served.ask("GET", last["media"][0]["url"]).headers["content-type"].startswith("image/")


def test_jobs_are_listed_by_label_state_and_kind(mocked: Started) -> None:
    key = mocked.key()
    made = [
        mocked.ask(
            "POST", "/api/jobs", key, json={**ORDER, "metadata": {"user": str(n % 2)}}
        ).json()["id"]
        for n in range(4)
    ]
    mocked.ask("POST", "/api/jobs", json=ORDER)
    for one in made:
        mocked.until_ended(one, key)

    def ids(query: str, who: str = key) -> list[str]:
        answer = mocked.ask("GET", f"/api/jobs?{query}", who)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    assert ids("") == made[::-1]
    assert ids("label=user:1") == [made[3], made[1]]
    assert ids("label=user:1&limit=1") == [made[3]]
    assert ids(f"label=user:1&after={made[3]}") == [made[1]]
    assert ids("state=completed") == made[::-1]
    assert ids("state=failed") == ids("kind=image") == ids("label=user:x") == []
    assert ids("label=key:admin") == []  # which is not this key's to ask for
    assert len(ids("", ADMIN)) == 5
    assert mocked.ask("GET", "/api/jobs?label=user").status_code == 400
    assert mocked.ask("GET", "/api/jobs?state=soon").status_code == 400


def test_events_tell_where_a_job_stands_until_its_end(
    served: Started, simulator: Simulator
) -> None:
    simulator.script("fal", Script(queue_polls=2, run_polls=2, stream=False))
    job = served.ask("POST", "/api/jobs", json=ORDER).json()["id"]
    seen = list(events(served, job))
    statuses = [view["status"] for _, view in seen]
    assert statuses[-1] == "completed"
    assert statuses == sorted(statuses, key=["queued", "in_progress", "completed"].index)
    stamps = [stamp for stamp, _ in seen]
    assert len(set(stamps)) == len(stamps)
    assert list(events(served, job, stamps[-1])) == []
    assert [view["status"] for _, view in events(served, job, "another")] == ["completed"]


def test_a_client_goes_on_after_a_restart(
    start: Start, simulator: Simulator, tmp_path: object
) -> None:
    simulator.script("fal", Script(run_seconds=4, stream=False))
    ledger = f"sqlite:///{tmp_path}/jobs.db"
    first = start(ledger)
    job = first.ask("POST", "/api/jobs", json=ORDER).json()["id"]
    stream = events(first, job)
    stamp, _ = next(stream)
    stream.close()
    first.stop()
    second = start(ledger)
    assert [view["status"] for _, view in events(second, job, stamp)][-1] == "completed"
    assert simulator.counters("fal").accepted == 1


def test_a_cancelled_job_is_cancelled(served: Started, simulator: Simulator) -> None:
    simulator.script("fal", Script(outcome="never", stream=False, cancel="queued_ok"))
    key = served.key()
    job = served.ask("POST", "/api/jobs", key, json=ORDER).json()["id"]
    assert served.ask("POST", f"/api/jobs/{job}/cancel", served.key()).status_code == 404
    answer = served.ask("POST", f"/api/jobs/{job}/cancel", key).json()
    assert (answer["cancel"], answer["job"]["status"]) == ("cancelled", "cancelled")
    assert simulator.counters("fal").cancels == 1
    again = served.ask("POST", f"/api/jobs/{job}/cancel", key).json()
    assert again["job"]["status"] == "cancelled"


def test_a_job_that_its_provider_stops_later_is_cancelled(
    served: Started, simulator: Simulator
) -> None:
    """Its provider says `requested`, and then that the job has failed: nobody hears of that."""
    simulator.script("fal", Script(outcome="never", queue_seconds=0))
    job = served.ask("POST", "/api/jobs", json=ORDER).json()["id"]
    while served.ask("GET", f"/api/jobs/{job}").json()["status"] != "in_progress":
        threading.Event().wait(0.02)

    assert served.ask("POST", f"/api/jobs/{job}/cancel").json()["cancel"] == "requested"
    video = served.until_ended(job)
    assert (video["status"], video["error"]["code"]) == ("cancelled", "cancelled")
    shown = served.ask("GET", f"/api/jobs/{job}").json()
    assert (shown["status"], shown["error"]["code"]) == ("cancelled", "cancelled")
    assert "client_cancelled" not in served.ask("GET", f"/v1/videos/{job}/content").text
    assert served.ask("GET", "/api/jobs?state=cancelled").json()["data"][0]["id"] == job


def test_links_are_for_owners_to_make(mocked: Started) -> None:
    key = mocked.key()
    job = mocked.ask("POST", "/api/jobs", key, json=ORDER).json()["id"]
    early = mocked.ask("POST", f"/api/jobs/{job}/links", key)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "not_ready")
    mocked.until_ended(job, key)
    link = mocked.ask("POST", f"/api/jobs/{job}/links", key, json={"expires_in": 60}).json()
    assert httpx.get(link["url"]).content[4:8] == b"ftyp"
    assert mocked.ask("POST", f"/api/jobs/{job}/links", mocked.key()).status_code == 404
    assert mocked.ask("POST", f"/api/jobs/{job}/links", key, json={"index": 2}).status_code == 404
    odd = mocked.ask("POST", f"/api/jobs/{job}/links", key, json={"expires_in": -1})
    assert odd.status_code == 400


async def test_a_token_is_a_job_in_python(served: Started) -> None:
    job = served.ask("POST", "/api/jobs", json=ORDER).json()["id"]
    token = served.ask("GET", f"/api/jobs/{job}/token").json()["token"]
    assert (await VideoJob.from_token(token).wait_async()).status == "completed"


def test_another_keys_job_is_not_there(mocked: Started) -> None:
    mine, other = mocked.key(), mocked.key()
    job = mocked.ask("POST", "/api/jobs", mine, json=ORDER).json()["id"]
    mocked.until_ended(job, mine)
    tries = [("GET", ""), ("GET", "/events"), ("GET", "/media/1"), ("HEAD", "/media/1"),
             ("GET", "/token"), ("POST", "/cancel"), ("POST", "/links")]  # fmt: skip
    for method, path in tries:
        assert mocked.ask(method, f"/api/jobs/{job}{path}", other).status_code == 404, path


def test_a_job_is_deleted_with_its_results_whatever_it_makes(
    served: Started, simulator: Simulator
) -> None:
    key = served.key()
    image = {"kind": "image", "model": "openai/gpt-image-2", "prompt": "A cat"}
    made = [served.ask("POST", "/api/jobs", key, json=one).json()["id"] for one in (ORDER, image)]
    for one in made:
        while served.ask("GET", f"/api/jobs/{one}", key).json()["status"] != "completed":
            threading.Event().wait(0.02)

        place = f"/api/jobs/{one}/media/1"
        assert served.ask("GET", place, key).status_code == 200
        assert served.ask("DELETE", f"/api/jobs/{one}", served.key()).status_code == 404
        gone = served.ask("DELETE", f"/api/jobs/{one}", key)
        assert gone.json() == {"id": one, "object": "job.deleted", "deleted": True}
        assert served.ask("GET", place, key).status_code == 404

    simulator.script("fal", Script(outcome="never", stream=False, cancel="queued_ok"))
    running = served.ask("POST", "/api/jobs", key, json=ORDER).json()["id"]
    assert served.ask("DELETE", f"/api/jobs/{running}", key).status_code == 200
    assert simulator.counters("fal").cancels == 1
