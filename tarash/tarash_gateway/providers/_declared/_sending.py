"""How a declared provider is asked: uploads, the body, and what its answer names."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..._data._exchange import Begun, Operation, Payload, RawResult
from ..._http._aiohttp import aiohttp
from ..._http._client import HttpResponse, join, unreadable
from ..._support._mime import named
from ..._support._paths import value_at
from ...exceptions import UnsupportedOperationError, ValidationError
from ...mapping import apply_field_mappers
from .._forms import add_file, written
from .._result_facts import amount, id_text, mapping
from ._account import DeclaredAccount
from ._answers import last_event, last_line
from ._asked import asks_for, filled_in, form_of, has, own_id, whole
from ._choosing import check_media, fits, form_for, narrowed, placed, siblings, with_parts
from ._client import check_plain
from ._mappers import mappers_of
from ._names import merged, picked, put
from ._parts import first_of, is_for
from ._stages import Submit
from ._takes import Model, Take, Total, joints_of, rules_of

if TYPE_CHECKING:
    from ..._data._exchange import Call, Request
    from ..._data._types import MediaContent
    from ...catalog import ModelSpec


class DeclaredSending(DeclaredAccount):
    """The stages up to the answer of a submit."""

    def answers_at_once(self, call: Call) -> bool:
        """Tell whether a call's answer is its result."""
        return self._submit_of(call.kind, call.config.model, call.request).at_once

    def _submit_of(self, kind: str, model: str, request: Any) -> Submit:
        for way in self.said.submit:
            if is_for(way, kind, model) and fits(way, request):
                return way

        raise UnsupportedOperationError(
            f"{self.said.title} has no way to make this {kind} with {model}; see what the model "
            "takes with describe_model()"
        )

    # ---------------------------------------------------------------------------------------- model
    def form_of(self, call: Call) -> Model | None:
        """Return the form of the model that a call means; None for ids that nobody knows."""
        forms = self.said.forms_of(call.kind, call.config.model)
        return form_for(forms, placed(forms, call.request)) if forms else None

    def resolve_spec(self, call: Call, spec: ModelSpec) -> ModelSpec:
        """Return what the form takes that a call means, less what this request has no place for.

        Raises:
            ValidationError: There are more media than the model takes together.
        """
        forms = self.said.forms_of(call.kind, spec.model)
        form = self.form_of(call)
        if form is None or spec.source == "registered" or self._goes_by_schema(spec):
            return spec

        if spec.source == "live":
            form = narrowed(self.said, form, mapping(spec.facts.get("row")))

        refuses = any(take.refused is not None for take in form.takes.values())
        if len(forms) > 1 or spec.source == "live" or refuses:
            mappers = mappers_of(self.said, call.kind, form, refusing=True)
            spec = replace(spec, mappers=mappers, joints=joints_of(form), rules=rules_of(form))

        request = placed(forms, call.request)
        check_totals(form, request, spec.model)
        out = {name for name, take in form.takes.items() if not fits(take, request)}
        kept = {name: mapper for name, mapper in spec.mappers.items() if name not in out}
        others = siblings(self.said, call.kind, spec.model, request)
        return replace(spec, mappers=kept, alternatives={**others, **spec.alternatives})

    def _goes_by_schema(self, spec: ModelSpec) -> bool:
        """Tell whether what was read of a model stands in the place of what is declared."""
        how = self.said.schemas_for(spec.kind)
        return spec.source == "live" and not (how is not None and how.in_rows)

    # ----------------------------------------------------------------------------------------- body
    def build(self, call: Call, spec: ModelSpec) -> Payload:
        """Return the body: what is declared, what was mapped, then `extra_params`, which win."""
        self.check_kind(call)
        way = self._submit_of(call.kind, spec.model, call.request)
        model = self.form_of(call)
        sent_as = (model.sent_as if model is not None else None) or spec.model
        extra = call.request.extra_params
        mappers = {name: mapper for name, mapper in spec.mappers.items() if name not in extra}
        takes = {} if model is None or self._goes_by_schema(spec) else model.takes
        body: dict[str, Any] = copy.deepcopy(way.body)
        if model is not None:
            body = merged(body, model.body)

        if way.model_at:
            put(body, way.model_at, sent_as)

        for name, value in apply_field_mappers(mappers, call.request).items():
            take = takes.get(name)
            body = body if take is None else merged(body, take.beside)
            for place, part in placed_parts(take, name, value):
                put(body, place, part)

        if way.own_id is not None:
            put(body, way.own_id, own_id(call))

        places = {name: take.at or name for name, take in takes.items() if take.at or "." in name}
        path, left = with_query(self._path(way, call), way, extra)
        theirs = extras(left, places, way)
        check_media(spec.mappers, takes, call.request, theirs)
        body = with_parts(body, theirs, takes)
        return Payload(
            path,
            body,
            headers=self._headers(way, call, body),
            inside=way.schema_at,
        )

    def _path(self, way: Submit, call: Call) -> str:
        model = self.form_of(call)
        sent_as = (model.sent_as if model is not None else None) or call.config.model
        values = {**self.settings(call.config.provider_config), "model": sent_as}
        request = placed(self.said.forms_of(call.kind, call.config.model), call.request)
        usual = next((way.paths[name] for name in way.paths if asks_for(request, name)), way.path)
        return self.path_of((model.path if model is not None else None) or usual, values)

    def _headers(self, way: Submit, call: Call, body: Mapping[str, Any]) -> dict[str, str]:
        headers = dict(way.headers)
        if way.fresh_id_header is not None:
            headers[way.fresh_id_header] = str(uuid.uuid5(uuid.NAMESPACE_URL, own_id(call)))

        if any(names(body, reference) for reference in self.said.media.references):
            headers |= self.said.media.reference_headers

        upload = self.said.upload
        if upload is not None and upload.prefix and names(body, upload.prefix):
            headers |= upload.submit_headers

        return headers

    # --------------------------------------------------------------------------------------- upload
    async def _upload(self, client: Any, media: MediaContent) -> str:
        """Hand bytes to the provider; return the reference to send in their place."""
        how = self.said.upload
        assert how is not None  # noqa: S101  (else there is no such method)
        if how.largest is not None and len(media["content"]) > how.largest:
            raise ValidationError(
                f"{self.said.title} takes files of {how.largest} bytes, and these are "
                f"{len(media['content'])}; give a smaller file, or a public URL"
            )

        url = self.address_of(client, how.path, {})
        kind = {"Content-Type": media["content_type"]}
        about = {"name": named("input", media["content_type"]), "size": len(media["content"])}
        fields = filled_in(how.fields, {**about, "content_type": media["content_type"]})
        if how.sends == "body":
            answer = await client.send(url, media["content"], kind)
        elif how.sends == "multipart" and how.put_to is None:
            form = aiohttp.FormData(default_to_multipart=True)
            for name, value in fields.items():
                form.add_field(name, written(value))

            add_file(form, how.file, media, "input")
            answer = await client.send_form(url, form)
        elif how.method == "GET":
            answer = await client.get(url)
        else:
            answer = await client.post(url, json=fields)

        body = answer.object()
        if self.rules.is_refusal(body):
            raise self.rules.in_good_answer(answer)

        target = value_at(body, how.put_to)
        if how.put_to is not None and not isinstance(target, str):
            raise unreadable(answer.status, answer.body)

        if isinstance(target, str):
            headers = value_at(body, how.put_headers)
            theirs = {str(name).title(): str(headers[name]) for name in headers or ()}
            url = whole(client, target)
            await client.put(url, content=media["content"], headers={**kind, **theirs})

        reference = value_at(body, how.reference)
        if isinstance(reference, bool) or not isinstance(reference, str | int) or reference == "":
            raise unreadable(answer.status, answer.body)

        return f"{how.prefix}{reference}"

    # --------------------------------------------------------------------------------------- submit
    async def submit(
        self, client: Any, payload: Payload, call: Call
    ) -> Operation | RawResult | Begun:
        """Send the body once; an error inside a good answer is one."""
        way = self._submit_of(call.kind, call.config.model, call.request)
        if way.plain_key:
            check_plain(self.said, client.account.key)

        if way.sends in ("form", "multipart"):
            form = form_of(payload.body, way)
            answer = await client.submit(payload.target, form=form, headers=payload.headers)
        else:
            body = [payload.body] if way.sends == "array" else payload.body
            answer = await client.submit(payload.target, json=body, headers=payload.headers)

        if way.answers != "json":
            if answer.is_cut:  # it may be the first line of several, and the media in the others
                raise unreadable(answer.status, answer.body)

            answer = last_line(answer) if way.answers == "lines" else last_event(answer)

        if answer.content is None and self.rules.is_refusal(answer.body):
            raise self.rules.in_good_answer(answer, paid=True)

        return self.begun(self.accepted(client, answer, call), answer.body)

    def accepted(self, client: Any, answer: HttpResponse, call: Call) -> Operation | RawResult:
        """Return the job that an answer names, or the result that it is."""
        way = self._submit_of(call.kind, call.config.model, call.request)
        if way.at_once and way.answers == "events" and self._broke_off(answer, call):
            raise unreadable(answer.status, answer.body)  # before the image: it may be billed

        if way.at_once or (way.may_answer and self._is_result(answer, call)):
            is_object = answer.is_json and isinstance(answer.body, dict | list)
            if answer.content is None and not is_object:
                raise unreadable(answer.status, answer.body)  # of a proxy: nobody knows

            media = {"content": answer.content, "content_type": answer.content_type or ""}
            raw = answer.body if answer.content is None else dict(answer.headers)
            held: Any = (media,) if answer.content is not None else ()
            beside = self.beside(raw, call.kind, call.config.model)
            return RawResult(raw, {**self.ends_of(call), **beside}, held)

        job_id = id_text(value_at(answer.object(), way.id))
        if not job_id:
            raise unreadable(answer.status, answer.body)

        cost = amount(value_at(answer.body, way.cost))
        job = self.job_of(client, call, job_id, self._path(way, call), cost)
        url = value_at(answer.body, way.url)
        return replace(job, urls={"poll": url}) if isinstance(url, str) and url else job

    def job_of(
        self, client: Any, call: Call, job_id: str, path: str, cost: float | None = None
    ) -> Operation:
        """Return a job, with the path of its submit where something asks for it by that."""
        data: dict[str, Any] = {"path": path} if self.needs_path else {}
        data |= {} if cost is None else {"cost": cost}
        return self.operation(client, call, job_id, **data)

    def job_named(self, client: Any, payload: Payload, call: Call, job_id: str) -> Operation:
        """Return the job of a submit whose answer was lost, by its id."""
        return self.job_of(client, call, job_id, payload.path)

    def _broke_off(self, answer: HttpResponse, call: Call) -> bool:
        """Tell whether an answer is events of which none holds a result, nor why there is none."""
        body = answer.body
        if not isinstance(body, dict) or "events" not in body:
            return False

        why = self.flags(body, call.kind, call.config.model)
        return not (self._is_result(answer, call) or why)

    def _is_result(self, answer: HttpResponse, call: Call) -> bool:
        if answer.content is not None:
            return True

        result = first_of(self.said.result, call.kind, call.config.model)
        paths: Sequence[Any] = () if result is None else result.media.get(call.kind, ())
        return any(isinstance(value, str) for path in paths for value in picked(answer.body, path))

    def beside(self, body: Any, kind: str = "video", model: str = "") -> dict[str, Any]:
        """Return what stands beside the media."""
        raise NotImplementedError

    def flags(self, body: Any, kind: str, model: str) -> list[str]:
        """Return which flags say that there is no result."""
        raise NotImplementedError

    def ends_of(self, call: Call) -> dict[str, Any]:
        """Return when the addresses in an answer of this moment end."""
        result = first_of(self.said.result, call.kind, call.config.model)
        if result is None or result.lifetime is None:
            return {}

        return {"expires_at": (datetime.now(UTC) + timedelta(seconds=result.lifetime)).isoformat()}

    def address_of(self, client: Any, path: str, values: Mapping[str, str]) -> str:
        """Return the URL of a path with its names filled in."""
        settings = self.settings(client.account.settings)
        return join(client.account.base_url, self.path_of(path, {**settings, **values}))


def placed_parts(take: Take | None, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield where a parameter's value goes, or each of several that are no list."""
    place = (None if take is None else take.at) or name
    if take is not None and take.several_at is not None and isinstance(value, list):
        yield (place, value[0]) if len(value) == 1 else (take.several_at, value)
        return

    if take is None or take.numbered is None or not isinstance(value, list):
        yield place, value
        return

    for number, one_of_them in enumerate(value, start=1):
        yield (
            (place if number == 1 else take.numbered.replace("{number}", str(number))),
            one_of_them,
        )


def check_totals(model: Model, request: Request, name: str) -> None:
    """Refuse more media than a model takes together.

    Raises:
        ValidationError: There are more; the message says which count.
    """
    roles = [image.get("type", "reference") for image in request.image_list]
    # A place for several roles holds so many of them together; one role is counted by `fit`.
    lists = [
        Total(of=take.roles, most=take.most)
        for take in model.takes.values()
        if take.most is not None and len({*take.roles} & {*roles}) > 1 and fits(take, request)
    ]
    for total in (*model.totals, *lists):
        given = sum(role in total.of for role in roles)
        given += sum(role not in roles and has(request, role) for role in total.of)
        if given > total.most and fits(total, request):
            raise ValidationError(
                f"{name} takes {total.most} media of {' and '.join(total.of)} together, and there "
                f"are {given}; remove {given - total.most}"
            )


def with_query(path: str, way: Submit, extra: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the path with what stands in the address, and the own parameters that are left."""
    asked = {name: written(extra[name]) for name in way.in_query if name in extra}
    rest = {name: value for name, value in extra.items() if name not in asked}
    mark = "&" if "?" in path else "?"
    return (f"{path}{mark}{urlencode(asked)}" if asked else path), rest


def extras(given: Mapping[str, Any], places: Mapping[str, str], way: Submit) -> dict[str, Any]:
    """Return the provider's own parameters where the body has them.

    One that is declared goes to its place, and `settings.x` into an object `settings` in which
    declared ones are; all others go where such parameters land.
    """
    body: dict[str, Any] = {name: given[name] for name in way.extra_beside if name in given}
    rest = {name: value for name, value in given.items() if name not in {*places, *body}}
    objects = {place.partition(".")[0] for place in places.values() if "." in place}
    dotted = [name for name in rest if "." in name and name.partition(".")[0] in objects]
    inner = {name: rest.pop(name) for name in dotted}
    if rest and way.extra_at is not None:
        put(body, way.extra_at, rest)
    else:
        body.update(rest)

    inner |= {places[name]: given[name] for name in given.keys() & places.keys()}
    for place, value in inner.items():
        part: dict[str, Any] = {}
        put(part, place, value)
        body = merged(body, part)

    return body


def names(body: Any, prefix: str) -> bool:
    """Tell whether some text in a body begins with a prefix."""
    if isinstance(body, str):
        return body.startswith(prefix)

    parts = body.values() if isinstance(body, Mapping) else body if isinstance(body, list) else ()
    return any(names(part, prefix) for part in parts)
