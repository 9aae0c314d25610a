"""The vendor that a declaration describes, as a wire of the simulator."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from tarash.tarash_gateway.testing._declarations._account import Account
from tarash.tarash_gateway.testing._declarations._bodies import Bodies, Wanted, page_of, status_item
from tarash.tarash_gateway.testing._declarations._places import (
    Place,
    answered,
    asked_by,
    body_of,
    filled,
    lacks_file,
    place,
    read_at,
    type_of,
)
from tarash.tarash_gateway.testing._declarations._reading import Declaration, Table, is_for
from tarash.tarash_gateway.testing._job_record import JobRecord
from tarash.tarash_gateway.testing._public import serve_bytes
from tarash.tarash_gateway.testing._records import RecordedRequest, Step
from tarash.tarash_gateway.testing._script import Script
from tarash.tarash_gateway.testing._wire import Handler, Reply, Route
from tarash.tarash_gateway.testing._wires._context import WireContext

_OK, _REFUSED = 200, 400


class DeclaredWire(Account):
    """One declaration's endpoints: submit, poll, result, cancel, list, uploads, check.

    Args:
        declaration: What it says.
        context: What a wire has of the simulator.
    """

    nowhere = "There is no {method} {path} here"

    def __init__(self, declaration: Declaration, context: WireContext) -> None:
        super().__init__(declaration, context)
        self._base = context.origin + declaration.base_path
        self._bodies = Bodies(declaration)
        self._files: dict[str, tuple[bytes, str]] = {}
        self._jobs: dict[str, tuple[str, str, str, str | None]] = {}
        """Of each job: kind, model, the path of its submit, and its own id."""
        self.routes: Sequence[Route] = list(self._routes())

    # --------------------------------------------------------------------------------------- routes
    def _routes(self) -> "list[Place]":
        declaration = self._said
        routes: list[Place] = self._price_places(declaration.base_path)
        for way in declaration.submits:
            for path in declaration.paths(way):
                routes += self._at("POST", path, self._or_price(self._submit), "submit")

        for poll in declaration.polls:
            method = str(poll.get("method", "GET"))
            routes += self._at(method, poll["path"], self._poll, "poll")

        for how in declaration.cancels:
            routes += self._at(how.get("method", "DELETE"), how["path"], self._cancel, "cancel")

        for listing in [*declaration.lists, *(poll["many"] for poll in declaration.sharing)]:
            method = str(listing.get("method", "GET"))
            routes += self._at(method, listing["path"], self._list, "list")

        for result in declaration.results:
            if result.get("fetch"):
                routes += self._at("GET", result["fetch"], self._fetch, "result")

        routes += self._at("GET", "_files/{name}", self._file, "download")
        if declaration.upload is not None:
            has_bytes = not declaration.upload.get("put_to")
            step: Step = "upload" if has_bytes else "upload_init"
            method = str(declaration.upload.get("method", "POST"))
            routes += self._at(method, declaration.upload["path"], self._upload, step)
            routes.append(Place("PUT", "/_uploads/{name}", self._handed, "upload", public=True))

        if declaration.check is not None:
            routes += self._at("GET", declaration.check, self._check, None)

        # What is most exact first: `tasks/mine` before `tasks/{id}`.
        return sorted(routes, key=lambda route: route.rank)

    def _at(self, method: str, template: str, handler: Handler, step: Step | None) -> "list[Place]":
        """Return the routes of a path: below the declared base URL, and at the bare origin."""
        paths = [template]
        if "{path}" in template:
            submits = [path for way in self._said.submits for path in self._said.paths(way)]
            paths = [template.replace("{path}", path) for path in submits]

        bases = dict.fromkeys([self._said.base_path, ""])
        plain = ["/" + path.partition("?")[0].strip("/") for path in paths]
        return [Place(method, base + path, handler, step) for path in plain for base in bases]

    def error(self, status: int, message: str) -> Reply:
        """Answer with the declared places for words and code."""
        return Reply.json(self._bodies.of_status(status, message), status)

    async def _check(self, _request: RecordedRequest) -> Reply:
        return Reply.json(self._bodies.good())

    # --------------------------------------------------------------------------------------- submit
    async def _submit(self, request: RecordedRequest) -> Reply:
        ways = [
            way
            for way in self._said.submits
            if any(self._is_at(path, request) for path in self._said.paths(way))
        ]
        for way in ways:
            body = body_of(request, str(way.get("sends", "json")))
            if body is None:
                continue

            named = self._model(way, request, body)
            if named is not None:
                return await self._accepted(way, request, body, named)

        if all(body_of(request, str(way.get("sends", "json"))) is None for way in ways):
            return self.error(415, f"The body is no {ways[0].get('sends', 'json')}")

        return self.error(404, "There is no such model")

    def _model(
        self, way: Table, request: RecordedRequest, body: Mapping[str, Any]
    ) -> tuple[Table, str] | None:
        """Return the model that a submit is for: as the body or the path says it."""
        at = way.get("model_at", "model")
        sent = request.path_values.get("model") or (read_at(body, at) if at else None)
        if sent is None:
            for model in self._said.models:
                if is_for(way, model["kind"], model["ids"][0]):
                    return model, model["ids"][0]

            return None

        named = [
            (model, name)
            for model, name in self._said.named(str(sent), way.get("kind"))
            if is_for(way, model["kind"], name)
            and any(self._is_at(path, request) for path in self._said.paths_of(way, model))
        ]
        return self._said.best(named, way, lambda path: self._is_at(path, request))

    async def _accepted(
        self, way: Table, request: RecordedRequest, body: dict[str, Any], named: tuple[Table, str]
    ) -> Reply:
        model, name = named
        kind = str(model["kind"])
        job_id = uuid.uuid4().hex
        wanted = Wanted(job_id, kind, model, body)
        lacking = [
            header for header in way.get("headers", {}) if header.lower() not in request.headers
        ]
        is_plain = not model.get("schema") and self._said.forms(name) == 1
        missing = wanted.missing() if is_plain else None
        if lacking or missing:
            return self.error(_REFUSED, f"{', '.join(lacking) or missing} is missing")

        poll = None if way.get("at_once") else self._said.stage(self._said.polls, kind, name)
        result = self._said.stage(self._said.results, kind, name) or {}

        def end(script: Script) -> tuple[int, Any]:
            return self._end(poll, result, wanted, script)

        job = self._context.state.accept(job_id, name, body, request, end)
        own = read_at(body, way["own_id"]) if way.get("own_id") else None
        path = request.path.removeprefix(self._said.base_path).strip("/")
        self._jobs[job_id] = (kind, name, path, own)
        if poll is None:
            await self._context.until_ended(job)
            return answered(way, job.result_body, job.result_status)

        answer = self._bodies.good()
        place(answer, way.get("id", "id"), job_id)
        if way.get("url"):
            values = {"id": job_id, "path": path, "model": name}
            place(answer, way["url"], f"{self._base}/{filled(poll['path'], values)}")

        return answered(way, answer, 200)

    def _end(
        self, poll: Table | None, result: Table, wanted: Wanted, script: Script
    ) -> tuple[int, Any]:
        """Return how a job ends: the status and the body of what settles it."""
        if poll is None:
            return self._end_at_once(result, wanted, script)

        failed = self._bodies.ended(poll, wanted.id, script)
        if failed is not None:
            return failed

        body = self._bodies.finished(poll, result, wanted, script, self._publish(result, wanted))
        if result.get("fetch") and script.outcome not in ("no_media", "moderated"):
            fetched = self._fetched(result, wanted, script)
            if isinstance(fetched, dict):
                body = {**body, "result": fetched}

        return 200, body

    def _end_at_once(self, result: Table, wanted: Wanted, script: Script) -> tuple[int, Any]:
        if script.outcome == "failed":
            status = script.error_status or 500
            return status, self._bodies.error(script.error_message or "Failed", script.error_type)

        rule = self._said.means("moderation")
        if script.outcome == "moderated" and script.error_type != "flag" and rule is not None:
            status = script.error_status or next(iter(rule.get("status", ())), _REFUSED)
            message = script.error_message or "This was held back"
            return status, self._bodies.of_rule(rule, message, script.error_type)

        publish = self._publish(result, wanted)
        return 200, self._bodies.finished(None, result, wanted, script, publish)

    def _publish(self, result: Table, wanted: Wanted) -> Any:
        def publish(name: str, content: bytes) -> str:
            if not result.get("authorised"):
                return self._context.publish(wanted.id, name, content)

            self._files[f"{wanted.id}-{name}"] = (content, type_of(name))
            return f"{self._base}/_files/{wanted.id}-{name}"

        return publish

    # ----------------------------------------------------------------------------------------- poll
    async def _poll(self, request: RecordedRequest) -> Reply:
        poll, ids = self._asked(self._said.polls, request)
        jobs = [job for job_id in ids.split(",") if (job := self._context.state.look(job_id))]
        if not jobs and not poll.get("items"):
            return self.error(404, "There is no such job")

        answers = []
        for job in jobs:
            kind, name, _, _ = self._jobs.get(job.id, ("", "", "", None))
            poll = self._said.stage(self._said.polls, kind, name) or poll
            answers.append(self._now(poll, job))

        if len(answers) == 1 and answers[0][0] != _OK:
            return Reply.json(answers[0][1], answers[0][0])

        bodies = [body for status, body in answers if status == _OK]
        return Reply.json(self._bodies.listed(poll, bodies))

    def _now(self, poll: Table, job: JobRecord) -> tuple[int, Any]:
        """Return status and body of a job as it stands."""
        now = self._context.state.clock()
        phase = job.phase(now)
        if phase != "ended":
            progress, queue = job.progress(now), job.queue_position(now)
            return 200, self._bodies.open(poll, job.id, phase, progress, queue)

        if job.cancelled:
            body = self._bodies.cancelled(poll, job.id)
            return (200, body) if body else (404, self._bodies.error("It was cancelled"))

        body = job.result_body
        hops = any("fetch" in result for result in self._said.results)
        if hops and isinstance(body, dict) and "result" in body:
            body = {name: value for name, value in body.items() if name != "result"}

        return job.result_status, body

    def _asked(self, tables: Sequence[Table], request: RecordedRequest) -> tuple[Table, str]:
        """Return which stage a request is for, and which job: by path, query or body."""
        meant = [table for table in tables if self._is_at(table["path"], request)]
        for table in meant:
            if "id" in request.path_values:
                return table, request.path_values["id"]

            for name, value in parse_qsl(table["path"].partition("?")[2]):
                if value == "{id}":
                    return table, request.query.get(name, "")

            if request.method == "POST":
                body = body_of(request, "json") or {}
                return table, str(read_at(body, table.get("item_id", "id")) or "")

        return (meant or list(tables))[0], ""

    def _is_at(self, template: str, request: RecordedRequest) -> bool:
        places = self._at(request.method, template, self._check, None)
        return any(place.match(request.method, request.path) is not None for place in places)

    # --------------------------------------------------------------------------------------- result
    async def _fetch(self, request: RecordedRequest) -> Reply:
        named = [*request.path_values.values(), *request.query.values()]
        ids = [value.removeprefix("file-") for value in named]
        job = next((job for job_id in ids if (job := self._context.state.find(job_id))), None)
        if job is None or self._phase(job) != "ended":
            return self.error(404, "There is no such result")

        body = job.result_body
        if isinstance(body, dict) and "result" in body:
            return Reply.json(body["result"])

        kind, name, _, _ = self._jobs[job.id]
        models = self._said.named(name, kind)
        model: Table = models[0][0] if models else {}
        content = Wanted(job.id, kind, model, job.payload).content()
        if job.script.outcome in ("no_media", "moderated"):
            return Reply.json(self._bodies.good())

        kind_of = type_of("video.mp4" if kind == "video" else "0.png")
        return serve_bytes(content, kind_of, request.headers.get("range"))

    def _fetched(self, result: Table, wanted: Wanted, script: Script) -> dict[str, Any] | None:
        """Return what the second request answers; None for the bytes themselves."""
        media = {
            kind: [at.removeprefix("result.") for at in paths if str(at).startswith("result.")]
            for kind, paths in result["media"].items()
        }
        if not media.get(wanted.kind):
            return None

        body = self._bodies.good()
        shown = {**result, "media": media}
        self._bodies.place_media(body, shown, wanted, script, self._publish(result, wanted))
        return body

    async def _file(self, request: RecordedRequest) -> Reply:
        stored = self._files.get(request.path_values["name"])
        if stored is None:
            return self.not_found(request)

        return serve_bytes(*stored, request.headers.get("range"), request.headers.get("if-range"))

    # --------------------------------------------------------------------------------------- cancel
    async def _cancel(self, request: RecordedRequest) -> Reply:
        how, job_id = self._asked(self._said.cancels, request)
        state = self._context.state
        job = state.find(job_id)
        if job is None:
            return self.error(404, "There is no such job")

        now = state.clock()
        states = how.get("states", ("queued", "processing"))
        phase = {"queued": "queued", "running": "processing"}.get(job.ask_to_cancel(now))
        if phase is None:
            return self.error(409, "The job has ended")

        if phase not in states and job.script.cancel != "queued_ok":
            return self.error(409, f"A job that is {phase} can't be stopped")

        if job.script.cancel != "ignored":
            job.end(now, cancelled=True)

        return Reply.json(self._bodies.good())

    # ----------------------------------------------------------------------------------------- list
    async def _list(self, request: RecordedRequest) -> Reply:
        """Answer with a page, for whoever searches for a job, or asks where many stand, or both."""
        declaration = self._said
        listing = next(
            (listing for listing in declaration.lists if self._is_at(listing["path"], request)), {}
        )
        meant = (poll for poll in declaration.sharing if self._is_at(poll["many"]["path"], request))
        poll = next(meant, {})
        many = poll.get("many", {})
        asked = {**asked_by(many, request), **asked_by(listing, request)}
        own, model = asked.get("own_id"), asked.get("model")
        jobs = [
            job
            for job in self._context.state.listed()
            if is_for(listing or poll, *self._jobs[job.id][:2])
            and own in (None, self._jobs[job.id][3])
            and model in (None, self._jobs[job.id][1])
        ]

        table = {**many, **listing}

        def item(job: JobRecord) -> dict[str, Any]:
            shown = self._bodies.item(table, job, self._jobs[job.id][1], self._jobs[job.id][3])
            status = status_item(poll, job.id, self._now(poll, job)[1]) if many else {}
            return {**shown, **status}

        return Reply.json(page_of(self._bodies, table, jobs, asked, item))

    # --------------------------------------------------------------------------------------- upload
    async def _upload(self, request: RecordedRequest) -> Reply:
        how = self._said.upload or {}
        name = uuid.uuid4().hex
        if lacks_file(how, request):
            return self.error(_REFUSED, f"The form has no file {how.get('file', 'file')}")

        body = self._bodies.good()
        place(body, how["reference"], name)
        if how.get("put_to"):
            place(body, how["put_to"], f"{self._context.origin}/_uploads/{name}")

        return Reply.json(body)

    async def _handed(self, _request: RecordedRequest) -> Reply:
        return Reply()
