"""What the vendor of a declaration says of its jobs, one or a list, and how it refuses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tarash.tarash_gateway.testing import _media
from tarash.tarash_gateway.testing._declarations._places import place, place_each, read_at
from tarash.tarash_gateway.testing._declarations._reading import Declaration, Table
from tarash.tarash_gateway.testing._declarations._samples import sample
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._script import Script

Publish = Callable[[str, bytes], str]
_UNAUTHORIZED = 401
_PAGE = 100
_FAILED = "The work came to nothing"
_REFUSED = "This was held back"


class Bodies:
    """Makes the bodies of one declaration."""

    def __init__(self, declaration: Declaration) -> None:
        self.said = declaration

    def good(self) -> dict[str, Any]:
        """Return what an answer has that is no error."""
        body: dict[str, Any] = {}
        for flag in self.said.inside:
            if flag.get("unless"):
                place(body, flag["at"], flag["unless"][0])

        return body

    def error(
        self, message: str, code: str | None = None, at: str | None = None, value: Any = True
    ) -> dict[str, Any]:
        """Return the body of an error."""
        body: dict[str, Any] = {}
        place(body, self.said.message, message)
        if code is not None and self.said.code is not None:
            place(body, self.said.code, int(code) if code.isdigit() else code)

        if at is not None:
            place(body, at, value)

        return body

    def of_status(self, status: int, message: str) -> dict[str, Any]:
        """Return the body of an error that isn't about one job, with a code that no rule has."""
        rule = self.said.means("account") if status == _UNAUTHORIZED else None
        if rule is not None:
            return self.of_rule(rule, message, None)

        has_numbers = any(
            isinstance(value, int) for flag in self.said.inside for value in flag.get("unless", ())
        )
        return self.error(message, f"{90_000 + status}" if has_numbers else f"error_{status}")

    def of_rule(self, rule: Table | None, message: str, code: str | None) -> dict[str, Any]:
        """Return the body of an error that a rule is about."""
        if rule is None:
            return self.error(message, code)

        code = code if rule.get("code") is None else sample(rule["code"], code or "")
        value = True if rule.get("value") is None else sample(rule["value"], "")
        return self.error(sample(rule.get("words"), message), code, rule.get("at"), value)

    # ----------------------------------------------------------------------------------------- jobs
    def status(self, poll: Table, *words: str, prefer: str = "") -> str | None:
        """Return the vendor's word for the first of ours that it has one for."""
        for word in words:
            theirs: list[str] = [term for term, ours in poll["statuses"].items() if ours == word]
            preferred = (term for term in theirs if prefer and prefer in term.lower())
            if theirs:
                return next(preferred, theirs[0])

        return None

    def open(self, poll: Table, job_id: str, phase: str, progress: float, place_in: int) -> Any:
        """Return the body of a job that is not over."""
        words = ("queued", "processing") if phase == "queued" else ("processing", "queued")
        body = self._job(poll, job_id, self.status(poll, *words) or "a word that nobody declared")
        if phase != "queued" and poll.get("progress"):
            place(body, poll["progress"], progress * poll.get("whole_progress", 100))

        if phase == "queued" and poll.get("queue_position"):
            place(body, poll["queue_position"], place_in)

        return body

    def _job(self, poll: Table, job_id: str, word: str) -> dict[str, Any]:
        body = {} if poll.get("items") else self.good()
        place(body, poll.get("item_id", "id"), job_id)
        is_number = word.lstrip("-").isdigit()
        place(body, poll.get("status", "status"), int(word) if is_number else word)
        return body

    def ended(self, poll: Table, job_id: str, script: Script) -> tuple[int, dict[str, Any]] | None:
        """Return how a job ends without a result; None for one with."""
        moderated = self.said.means("moderation", in_job=self._envelops(poll))
        if script.outcome == "moderated" and script.error_type != "flag" and moderated is not None:
            rule, message = moderated, script.error_message or _REFUSED
        elif script.outcome == "failed":
            rule, message = self.said.means("failed") or {}, script.error_message or _FAILED
        else:
            return None

        body = self.of_rule(rule, message, script.error_type)
        word = self.status(poll, "failed")
        if word is None or (rule.get("ends_job") and rule.get("status")):
            return script.error_status or next(iter(rule.get("status", ())), 400), body

        return script.error_status or 200, both(self._job(poll, job_id, word), body)

    def listed(self, poll: Table, jobs: list[Any]) -> Any:
        """Return a job; or a list of jobs, where it stands in one."""
        if not poll.get("items"):
            return jobs[0]

        body = self.good()
        place(body, poll["items"], jobs)
        return body

    def _envelops(self, poll: Table) -> bool:
        """Tell whether a code beside a job is about the answer, and not about the job."""
        return not poll.get("items") and any(
            flag["at"] == self.said.code for flag in self.said.inside
        )

    def cancelled(self, poll: Table, job_id: str) -> dict[str, Any] | None:
        """Return the body of a job that was stopped; None where there is no word for it."""
        word = self.status(poll, "failed", prefer="cancel")
        return None if word is None else self._job(poll, job_id, word)

    # --------------------------------------------------------------------------------------- result
    def finished(
        self, poll: Table | None, result: Table, job: "Wanted", script: Script, publish: Publish
    ) -> dict[str, Any]:
        """Return the body of a job that is done, with all that stands in it."""
        body = self.good()
        if poll is not None:
            body = self._job(poll, job.id, self.status(poll, "completed") or "completed")

        if script.result is not None:
            return {**body, **script.result}

        if result.get("cost") and script.billable_units is not None:
            self._place_picked(body, result["cost"], [script.billable_units])

        if result.get("fetch_id"):
            place(body, result["fetch_id"], f"file-{job.id}")

        for name, path in result.get("facts", {}).items():
            if name == "duration" and job.kind == "video":
                place(body, path, job.seconds)

        held_back = script.outcome == "moderated" or script.error_type == "flag"
        if held_back:
            for flag in result.get("refused", ())[:1]:
                place(body, flag["at"], next(iter(flag.get("values", ())), True))

        in_job = not result.get("fetch")
        if in_job and script.outcome != "no_media" and not held_back:
            self.place_media(body, result, job, script, publish)

        return body

    def place_media(
        self, body: dict[str, Any], result: Table, job: "Wanted", script: Script, publish: Publish
    ) -> None:
        """Write the media into a body, where the declaration says that they are."""
        count = job.count if script.outputs is None else script.outputs
        made: list[str] = []
        for number in range(count):
            name = "video.mp4" if job.kind == "video" else f"{number}.png"
            content = job.content()
            in_body = result.get("base64") or _is_base64(result, job.kind)
            made.append(_media.base64_of(content) if in_body else publish(name, content))

        for path in list(result["media"].get(job.kind, ()))[:1]:
            self._place_picked(body, path, made)

    @staticmethod
    def _place_picked(body: dict[str, Any], path: str | Table, values: list[Any]) -> None:
        """Write values at a place, or into a list of things of which they are some."""
        if isinstance(path, str):
            place_each(body, path, values)
            return

        items: list[dict[str, Any]] = []
        for value in values:
            item: dict[str, Any] = {}
            place(item, path["where"]["at"], next(iter(path["where"].get("values", ())), True))
            place(item, path["at"], value)
            items.append(item)

        place(body, path["items"], items)

    @staticmethod
    def item(listing: Table, job: JobRecord, model: str, own_id: str | None) -> dict[str, Any]:
        """Return a job as a list shows it."""
        item: dict[str, Any] = {}
        place(item, listing.get("id", "id"), job.id)
        if listing.get("own_id"):
            place(item, listing["own_id"], own_id)

        if listing.get("created"):
            place(item, listing["created"], job.submitted_at.isoformat())

        if listing.get("model"):
            place(item, listing["model"], model)

        if listing.get("sent"):
            place(item, listing["sent"], job.payload)

        for sent, shown in listing.get("shows", {}).items():
            value = read_at(job.payload, sent)
            if value is not None:
                place(item, shown, value)

        return item


def page_of(
    bodies: Bodies,
    table: Table,
    jobs: Sequence[JobRecord],
    asked: dict[str, str],
    item: Callable[[JobRecord], dict[str, Any]],
) -> dict[str, Any]:
    """Return the page of a list that a request is for, by `page`, `offset` or `cursor`.

    Args:
        bodies: Makes what stands around a list.
        table: The declared list, of `list` or of a poll's `many`.
        jobs: What there is, newest first.
        asked: What the request says in the places of the list's names.
        item: Makes a job as the list shows it.
    """
    size = int(table.get("most") or table.get("page_size") or _PAGE)
    stated = asked.get("page") or asked.get("cursor") or ""
    first = (int(stated) - 1) * size if stated.isdigit() else 0
    if asked.get("offset", "").isdigit():
        first = int(asked["offset"])

    further = len(jobs) > first + size
    body = bodies.good()
    place(body, table["items"], [item(job) for job in jobs[first : first + size]])
    if table.get("more"):
        place(body, table["more"], further)

    if table.get("next") and further:
        place(body, table["next"], str(first // size + 2))

    return body


def status_item(poll: Table, job_id: str, body: Any) -> dict[str, Any]:
    """Return a job as a poll's `many` shows it: its id, and where it stands by what a poll says."""
    many, at = poll["many"], poll.get("status", "status")
    item: dict[str, Any] = {}
    place(item, many.get("id", "id"), job_id)
    place(item, many.get("status") or at, read_at(body, at))
    return item


def both(body: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two bodies say, also in the objects that they share."""
    made = dict(body)
    for name, value in other.items():
        mine = made.get(name)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            made[name] = both(mine, value)
        else:
            made[name] = value

    return made


class Wanted:
    """What a submit asks for."""

    def __init__(self, job_id: str, kind: str, model: Table, payload: Mapping[str, Any]) -> None:
        self.id = job_id
        self.kind = kind
        self._payload = payload
        self._takes: Table = model.get("takes", {})

    def _asked(self, *fields: str) -> Any:
        for name, take in self._takes.items():
            if take.get("from") in fields:
                value = read_at(self._payload, (take.get("at") or name).partition("[]")[0])
                if value is not None:
                    return value

        return None

    @property
    def count(self) -> int:
        """How many."""
        number = self._asked("n", "number_of_videos")
        return int(number) if isinstance(number, int) or str(number).isdigit() else 1

    @property
    def seconds(self) -> float:
        """How long."""
        length = str(self._asked("duration_seconds") or "5").removesuffix("s")
        return float(length) if length.replace(".", "", 1).isdigit() else 5.0

    def content(self) -> bytes:
        """Return the bytes of what was made."""
        if self.kind == "image":
            return _media.image_bytes()

        ratio = self._asked("aspect_ratio") or "16:9"
        return _media.video_for({"aspect_ratio": ratio, "duration": self.seconds})

    def missing(self) -> str | None:
        """Return a parameter that has to be there, and is not."""
        for name, take in self._takes.items():
            conditional = take.get("has") or take.get("lacks")
            if take.get("required") and not conditional:
                path = (take.get("at") or name).partition("[]")[0]
                if read_at(self._payload, path) in (None, "", []):
                    return path

        return None


def _is_base64(result: Table, kind: str) -> bool:
    path = next(iter(result["media"].get(kind, ())), "")
    name = path if isinstance(path, str) else path["at"]
    return kind == "image" and ("b64" in name or "base64" in name)
