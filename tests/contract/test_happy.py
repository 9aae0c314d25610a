"""What every provider does when all goes well."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ValidationError,
    generate_image,
    generate_video,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Script, Simulator

from .cases import AT_ONCE, CASES, JOBS, ROLES, Case, Images, forms_of
from .conftest import KEY, Run

RANK = {"queued": 0, "processing": 1, "completed": 2, "failed": 2}
PLAN: dict[str, Any] = {"video": plan_video, "image": plan_image}
GENERATE: dict[str, Any] = {"video": generate_video, "image": generate_image}
WITH_IMAGES = [
    pytest.param(case, images, id=f"{case}-{'-'.join(images.roles)}")
    for case in CASES
    for images in case.images
]


def media_of(response: Any) -> Any:
    return getattr(response, "video", None) or response.images


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_request_becomes_a_response(run: Run) -> None:
    response = await run.generate()
    (job,) = run.jobs

    assert response.status == "completed"
    assert media_of(response)
    assert response.raw_response == job.result_body
    assert (run.counters.submits, run.counters.accepted) == (1, 1)
    (attempt,) = response.execution_metadata.attempts
    assert (attempt.status, attempt.submission, attempt.billing) == (
        "success",
        "accepted",
        "certain",
    )
    assert run.outcomes() == ["completed"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_blocking_call_gives_the_same(case: Case, simulator: Simulator) -> None:
    updates: list[Any] = []
    asked = case.config(KEY, simulator.base_url(case.provider))
    response = GENERATE[case.kind](asked, case.request(), updates.append)
    (job,) = simulator.jobs(case.provider)

    assert media_of(response)
    assert response.raw_response == job.result_body
    assert updates[-1].status == "completed"
    assert simulator.counters(case.provider).submits == 1


@pytest.mark.parametrize("case", JOBS, ids=str)
async def test_progress_goes_forward_and_ends_once(run: Run) -> None:
    run.script(Script(queue_polls=1, run_polls=2))
    response = await run.generate()
    told = run.updates

    assert [RANK[one.status] for one in told] == sorted(RANK[one.status] for one in told)
    assert run.terminal() == ["completed"]
    assert {one.status for one in told} == {"queued", "processing", "completed"}
    assert run.counters.polls == 4
    percents = [one.progress_percent for one in told if one.progress_percent is not None]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert all(one != other for one, other in pairwise(told))
    assert {one.request_id for one in told} == {response.request_id}
    assert response.request_id.endswith(run.jobs[0].id)


@pytest.mark.parametrize("case", AT_ONCE, ids=str)
async def test_an_answer_at_once_is_one_update(run: Run) -> None:
    response = await run.generate()
    assert [(one.status, one.progress_percent) for one in run.updates] == [("completed", 100)]
    assert run.updates[0].request_id == response.request_id
    assert run.counters.polls == 0


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_the_providers_own_parameters_go_out_untouched(run: Run) -> None:
    request = run.case.request(extra_params=dict(run.case.extra))
    planned = PLAN[run.case.kind](run.config(), request).payload
    await run.generate(request)
    landed = run.case.landed(run.jobs[0].payload)

    assert dict(run.case.extra).items() <= run.case.landed(planned).items()
    assert {name: landed[name] for name in run.case.extra_sent} == run.case.extra_sent


@pytest.mark.parametrize(("case", "images"), WITH_IMAGES)
async def test_images_go_out_by_their_roles(run: Run, images: Images) -> None:
    response = await run.generate(
        run.case.with_images(images), model=images.model or run.case.model
    )
    sent = b"".join(request.body for request in run.simulator.requests(run.case.provider))

    assert media_of(response)
    for picture, _ in zip(run.case.pictures, images.roles, strict=False):
        assert any(form in sent for form in forms_of(picture))

    assert (run.counters.submits, run.counters.accepted) == (1, 1)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_an_image_that_has_no_place_is_refused_before_anything_is_sent(run: Run) -> None:
    taken = {role for images in run.case.images if not images.model for role in images.roles}
    for role in set(ROLES) - taken:
        with pytest.raises(ValidationError, match=f"'{role}'"):
            await run.generate(run.case.with_images(Images((role,))))

    assert run.simulator.requests(run.case.provider) == []


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_plan_is_what_is_sent(run: Run) -> None:
    planned = PLAN[run.case.kind](run.config(), run.case.request())
    assert run.simulator.requests(run.case.provider) == []
    assert planned.endpoint.startswith(run.origin)

    await run.generate()
    (submit, *_) = run.simulator.requests(run.case.provider)
    assert planned.endpoint.endswith(submit.path)
    assert run.jobs[0].payload.keys() == planned.payload.keys()
