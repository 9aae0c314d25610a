"""Models that take other things in other requests: forms of one id, sets of parameters."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.providers import declared_provider, read_declaration
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.testing._declarations._reading import Declaration

FRAME = {"image": "https://example.com/a.png", "type": "first_frame"}
LAST = {"image": "https://example.com/b.png", "type": "last_frame"}
FRAME_TAKES: dict[str, Any] = {
    "frame": {
        "from": "image_list",
        "roles": ["first_frame"],
        "most": 1,
        "required": True,
        "at": "parts[]",
        "part": {"type": "frame"},
        "value_at": "url",
    },
    "last": {
        "from": "image_list",
        "roles": ["last_frame"],
        "most": 1,
        "at": "parts[]",
        "part": {"type": "last"},
        "value_at": "url",
    },
}
SAID: dict[str, Any] = {
    "name": "forms",
    "title": "Forms",
    "account": {"base_url": "https://forms.example", "auth": {"type": "jwt"}},
    "submit": [
        {"path": "new/{model}", "kind": "video", "model_at": "", "plain_key": True},
        {"path": "v1/pictures", "kind": "image"},
    ],
    "poll": {"path": "{path}/{id}", "statuses": {"done": "completed"}},
    "result": {"media": {"video": ["url"], "image": ["pictures[]"]}},
    "sets": {
        "all": {
            "prompt": {"from": "prompt", "required": True},
            "seconds": {"from": "duration_seconds", "allowed": [5, 10], "default": 5},
            "lines": {"from": "resolution", "allowed": ["720p", "1080p"], "default": "720p"},
            "cuts": {"from": "extra_params", "at": "settings.cuts", "default": False},
        }
    },
    "models": [
        {
            "ids": ["kite", "kite-*"],
            "kind": "video",
            "lacks": ["first_frame", "generate_audio"],
            "sets": ["all"],
            "takes": {"ratio": {"from": "aspect_ratio", "default": "16:9"}},
            "limits": [
                {"when": "resolution", "values": ["1080p"], "limits": "duration_seconds", "to": [5]}
            ],
        },
        {
            "ids": ["kite", "kite-*"],
            "kind": "video",
            "lacks": ["first_frame"],
            "path": "loud/{model}",
            "sets": ["all"],
            "takes": {
                "lines": {"from": "resolution", "allowed": ["1080p"], "default": "1080p"},
                "sound": {"from": "generate_audio", "form": "unsent", "allowed": [True]},
            },
        },
        {
            "ids": ["kite", "kite-*"],
            "kind": "video",
            "has": ["first_frame"],
            "path": "frames/{model}",
            "sets": ["all"],
            "takes": FRAME_TAKES,
            "beside": [{"these": ["last_frame"], "those": ["first_frame"]}],
        },
        {"ids": ["text-only"], "kind": "video", "sets": ["all"]},
        {
            "ids": ["kite"],
            "kind": "image",
            "takes": {"words": {"from": "prompt", "required": True}},
        },
    ],
}


@pytest.fixture
def gateway() -> Gateway:
    registry = Registry()
    registry.register(declared_provider(SAID))
    return Gateway(registry=registry)


def config(model: str = "kite", **changes: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig(provider="forms", model=model, **changes)


def request(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest.model_validate({"prompt": "A kite", **fields})


@pytest.mark.parametrize(
    ("fields", "path", "sent"),
    [
        ({}, "new/kite", {"ratio": "16:9", "lines": "720p"}),
        ({"generate_audio": False}, "new/kite", {"ratio": "16:9", "lines": "720p"}),
        ({"generate_audio": True}, "loud/kite", {"lines": "1080p"}),
        (
            {"image_list": [FRAME, LAST]},
            "frames/kite",
            {
                "lines": "720p",
                "parts": [
                    {"type": "frame", "url": FRAME["image"]},
                    {"type": "last", "url": LAST["image"]},
                ],
            },
        ),
    ],
)
def test_a_request_chooses_the_form_of_its_model(
    gateway: Gateway, fields: dict[str, Any], path: str, sent: dict[str, Any]
) -> None:
    plan = gateway.plan_video(config(), request(**fields))
    assert plan.endpoint == f"https://forms.example/{path}"
    usual = {"prompt": "A kite", "seconds": 5, "settings": {"cuts": False}}
    assert plan.payload == {**usual, **sent}


def test_a_lone_image_is_put_where_the_model_takes_one(gateway: Gateway) -> None:
    plan = gateway.plan_video(config("kite-2"), request(image_list=[FRAME["image"]]))
    assert plan.endpoint == "https://forms.example/frames/kite-2"
    # `kite-2` is a model by its pattern, and is said to be none that is known by name.
    assert [one.sent for one in plan.adjustments] == ["kite-2", "first_frame"]


def test_a_parameter_of_the_providers_own_goes_to_its_place(gateway: Gateway) -> None:
    extra = {"cuts": True, "mood": "calm", "settings": {"deep": 1}}
    payload = gateway.plan_video(config(), request(extra_params=extra)).payload
    assert payload["settings"] == {"cuts": True, "deep": 1}
    assert payload["mood"] == "calm"
    assert "cuts" not in payload


def test_limits_and_company_hold(gateway: Gateway) -> None:
    asked = request(resolution="1080p", duration_seconds=10)
    assert gateway.plan_video(config(), asked).payload["seconds"] == 5
    with pytest.raises(ValidationError, match="first_frame"):
        gateway.plan_video(config(), request(image_list=[LAST]))


def test_another_model_is_named_where_this_one_lacks_a_place(gateway: Gateway) -> None:
    with pytest.raises(ValidationError, match="use kite"):
        gateway.plan_video(config("text-only"), request(image_list=[FRAME]))


def test_one_id_is_two_models_where_it_makes_both(gateway: Gateway) -> None:
    image = ImageGenerationConfig(provider="forms", model="kite")
    plan = gateway.plan_image(image, ImageGenerationRequest(prompt="A kite"))
    assert plan.payload == {"model": "kite", "words": "A kite"}
    assert plan.endpoint == "https://forms.example/v1/pictures"


def test_a_frame_and_a_kind_have_a_short_form() -> None:
    takes = {
        name: {"from": take["roles"][0]}
        | {one: value for one, value in take.items() if one not in ("from", "roles", "most")}
        for name, take in FRAME_TAKES.items()
    }
    models = [
        {name: value for name, value in one.items() if (name, value) != ("kind", "video")}
        | ({"takes": takes} if one.get("takes") is FRAME_TAKES else {})
        for one in SAID["models"]
    ]
    assert models != SAID["models"]
    assert read_declaration(SAID | {"models": models}) == read_declaration(SAID)


async def test_an_id_and_a_secret_are_refused_where_only_a_key_opens() -> None:
    registry = Registry()
    registry.register(declared_provider(SAID))
    async with Gateway(registry=registry) as one:
        with pytest.raises(ValidationError, match="make a plain API key") as caught:
            await one.generate_video_async(config(api_key="an-id:a-secret"), request())

    assert caught.value.submission == "not_sent"


def test_names_that_lead_nowhere_are_told() -> None:
    models = [{**SAID["models"][0], "sets": ["any"]}]
    with pytest.raises(ValidationError, match="sets has no any"):
        read_declaration({**SAID, "models": models})


# ------------------------------------------------------------------------------ what forms share
COMMON: dict[str, Any] = {
    "ids": ["kite", "kite-*"],
    "sets": ["all"],
    "body": {"mark": False},
    "totals": [{"of": ["reference"], "most": 3}],
    "shutdown": "2030-01-01",
}
FORMS: list[dict[str, Any]] = [
    {
        "lacks": ["first_frame"],
        "path": "loud/{model}",
        "takes": {"lines": {"from": "resolution", "allowed": ["1080p"], "default": "1080p"}},
        "totals": [{"of": ["asset"], "most": 1}],
        "mask": "black",
    },
    {"has": ["first_frame"], "sets": ["framed"], "body": {"fast": True}, "mask": "white"},
]
SETS = {**SAID["sets"], "framed": FRAME_TAKES}


def of_models(*models: dict[str, Any]) -> dict[str, Any]:
    return {**SAID, "sets": SETS, "models": [*models, *SAID["models"][3:]]}


def test_forms_have_what_their_model_says_and_their_own() -> None:
    """One entry with forms is what several entries of the same ids are: nothing is said twice."""
    shared = {name: COMMON[name] for name in ("ids", "shutdown")}
    loud, framed = FORMS
    apart = (
        {
            **shared,
            **loud,
            "sets": ["all"],
            "body": {"mark": False},
            "totals": [*COMMON["totals"], *loud["totals"]],
        },
        {
            **shared,
            **framed,
            "sets": ["all", "framed"],
            "body": {"mark": False, "fast": True},
            "totals": COMMON["totals"],
        },
    )
    whole = read_declaration(of_models({**COMMON, "forms": FORMS}))
    assert whole.model_dump() == read_declaration(of_models(*apart)).model_dump()
    again = read_declaration(whole.model_dump(by_alias=True, exclude_defaults=True))
    assert again.model_dump() == whole.model_dump()


def test_the_simulator_reads_forms_as_the_adapter_does() -> None:
    said = of_models({**COMMON, "forms": FORMS})
    ours = [model.model_dump(by_alias=True) for model in read_declaration(said).models]
    theirs = Declaration(said).models
    assert len(ours) == len(theirs) == 4
    for mine, played in zip(ours, theirs, strict=True):
        assert list(mine["takes"]) == list(played["takes"])
        assert len(mine["totals"]) == len(played.get("totals", ()))
        assert (mine["path"], mine["body"]) == (played.get("path"), played.get("body", {}))
        for name in ("ids", "has", "lacks"):
            assert list(mine[name]) == played.get(name, []), name


@pytest.mark.parametrize(
    ("forms", "words"),
    [
        ("[[models.forms]]\nids = ['b']", r"ids: there is no such key"),
        ("[[models.forms]]\nsets = ['any']", r"sets has no any"),
        ("[[models.forms]]\nhas = ['mask_image']", r"it takes nothing"),
        (
            "[[models.forms]]\nsets = ['all']\n[[models.forms]]\nsets = ['all']",
            r"the id 'a' twice, for the same requests",
        ),
    ],
)
def test_what_is_wrong_with_a_form_is_named(forms: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        "name = 'a'\ntitle = 'A'\naccount = { base_url = 'https://a.example' }\n"
        "submit = { path = 'a', at_once = true }\nresult = { media = { video = ['url'] } }\n"
        f"sets.all.prompt = {{ from = 'prompt' }}\n[[models]]\nids = ['a']\n{forms}\n"
    )
    with pytest.raises(ValidationError, match=words) as caught:
        read_declaration(file)

    if "ids" in forms:
        assert "a.toml:10: models.0.forms.0.ids" in str(caught.value)


def test_a_place_in_a_new_part_of_a_list_is_one_path() -> None:
    short = {
        name: {one: value for one, value in take.items() if one != "value_at"}
        | {"at": f"parts[].{take['value_at']}"}
        for name, take in FRAME_TAKES.items()
    }
    changed = {**SAID, "models": [*SAID["models"]]}
    changed["models"][2] = {**SAID["models"][2], "takes": short}
    assert read_declaration(changed).model_dump() == read_declaration(SAID).model_dump()


# ------------------------------------------------------------------------------------ short forms
TIERS: dict[str, Any] = {"from": "resolution", "default": "std"}
MUTE: dict[str, Any] = {"from": "generate_audio", "default": "off"}


def taking(**takes: Any) -> list[dict[str, Any]]:
    return [{"ids": ["kite"], "sets": ["all"], "takes": takes}, *SAID["models"][3:]]


@pytest.mark.parametrize(
    ("short", "full"),
    [
        (
            {"from": "references", "most": 3, "required": True},
            {
                "from": "image_list",
                "roles": ["reference", "asset"],
                "most": 3,
                "required": True,
            },
        ),
        (
            {**TIERS, "allowed": {"720p": "std", "1080p": "pro"}},
            {**TIERS, "allowed": ["720p", "1080p"], "words": {"720p": "std", "1080p": "pro"}},
        ),
        (
            {**MUTE, "allowed": {"false": "off"}},
            {**MUTE, "allowed": [False], "words": {"false": "off"}},
        ),
        (
            {"from": "duration_seconds", "allowed": {"5": "short"}},
            {"from": "duration_seconds", "allowed": [5], "words": {"5": "short"}},
        ),
    ],
)
def test_a_short_form_of_a_parameter_is_the_long_one(
    short: dict[str, Any], full: dict[str, Any]
) -> None:
    declarations = [read_declaration(SAID | {"models": taking(it=take)}) for take in (short, full)]
    assert declarations[0].model_dump() == declarations[1].model_dump()


def test_statuses_stand_by_themselves_or_at_our_word() -> None:
    statuses = {"done": "completed", "completed": ["over", "ready"], "failed": ["failed", "lost"]}
    said = SAID | {"poll": {"path": "{path}/{id}", "statuses": statuses}}
    ours = read_declaration(said).poll[0].statuses
    assert ours == {
        "done": "completed",
        "over": "completed",
        "ready": "completed",
        "failed": "failed",
        "lost": "failed",
    }
    assert Declaration(said).polls[0]["statuses"] == ours


def test_what_goes_together_is_said_once_for_all_that_take_both() -> None:
    rules: dict[str, Any] = {
        "apart": [{"these": ["first_frame", "last_frame"], "those": ["asset", "video", "loops"]}],
        "beside": [{"these": ["last_frame"], "those": ["first_frame"]}],
    }
    takes = {**FRAME_TAKES, "film": {"from": "video"}}
    models = read_declaration(SAID | rules | {"models": taking(**takes)}).models
    framed, plain = models[:2]
    assert [rule.model_dump() for rule in framed.apart] == [
        {"these": ("first_frame", "last_frame"), "those": ("video", "loops")}
    ]
    assert [rule.model_dump() for rule in framed.beside] == [
        {"these": ("last_frame",), "those": ("first_frame",)}
    ]
    assert (plain.ids, plain.apart, plain.beside) == (("text-only",), (), ())


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, "new/kite"),
        ({"image_list": [FRAME]}, "framed/kite"),
        ({"image_list": [FRAME["image"]]}, "framed/kite"),
        ({"video": "https://example.com/a.mp4"}, "from-video"),
        ({"video": "https://example.com/a.mp4", "image_list": [FRAME]}, "from-video"),
    ],
)
def test_a_request_goes_where_its_submit_says(fields: dict[str, Any], path: str) -> None:
    paths = {"video": "from-video", "first_frame": "framed/{model}"}
    submit = [{**SAID["submit"][0], "paths": paths}, SAID["submit"][1]]
    takes = {**FRAME_TAKES, "frame": {**FRAME_TAKES["frame"], "required": False}}
    said = SAID | {"submit": submit, "models": taking(**takes, film={"from": "video"})}
    registry = Registry()
    registry.register(declared_provider(said))
    plan = Gateway(registry=registry).plan_video(config(), request(**fields))
    assert plan.endpoint == f"https://forms.example/{path}"
    played = Declaration(said)
    assert played.paths(played.submits[0]) == ["new/{model}", "from-video", "framed/{model}"]


def test_a_price_is_asked_for_at_no_path_that_buys() -> None:
    submit = [{**SAID["submit"][0], "paths": {"video": "from-video"}}, SAID["submit"][1]]
    quote = {"path": "from-video", "amount": "price"}
    with pytest.raises(ValidationError, match="it would buy"):
        read_declaration(SAID | {"submit": submit, "quote": quote})


@pytest.mark.parametrize(
    "name", sorted({row.name for row in shipped().values() if isinstance(row.models, ModuleType)})
)
def test_models_are_read_once_whatever_they_lack(name: str) -> None:
    """Each look-up asks for more than most of them say; Kling's took 3 ms, by reading them anew."""
    models = shipped()[name].models
    assert getattr(models, "NOTHING_OF_THIS_NAME", None) is None
    before = dict(vars(models))
    assert getattr(models, "NOTHING_OF_THIS_NAME", None) is None
    assert {key: value for key, value in vars(models).items() if value is not before[key]} == {}


@pytest.mark.parametrize("name", ["refrence", "colour"])
def test_a_path_for_what_no_request_has_is_refused(name: str) -> None:
    submit = [{**SAID["submit"][0], "paths": {name: "elsewhere"}}, SAID["submit"][1]]
    with pytest.raises(ValidationError, match=f"{name}.* is no field of a request and no role"):
        read_declaration(SAID | {"submit": submit})


def test_a_parameter_of_the_users_own_leads_to_no_other_path() -> None:
    submit = [{**SAID["submit"][0], "paths": {"video": "from-video"}}, SAID["submit"][1]]
    registry = Registry()
    registry.register(declared_provider(SAID | {"submit": submit, "models": taking()}))
    plan = Gateway(registry=registry).plan_video(
        config(), request(extra_params={"video": "https://example.com/a.mp4"})
    )
    assert plan.endpoint.endswith("/new/kite")


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ({"completed": ["done", "ok"], "failed": ["bad", "done"]}, "both completed and failed"),
        ({"done": "completed", "failed": ["bad", "done"]}, "both completed and failed"),
        ({"completed": [["done"]]}, "no text"),
        ({"completed": [{"done": 1}]}, "no text"),
    ],
)
def test_a_status_has_one_meaning(statuses: dict[str, Any], words: str) -> None:
    """A finished job, which is paid for, was read as a failed one."""
    poll = {"path": "{path}/{id}", "statuses": statuses}
    with pytest.raises(ValidationError, match=words):
        read_declaration(SAID | {"poll": poll})


@pytest.mark.parametrize(
    ("take", "words"),
    [
        (
            {"from": "resolution", "allowed": {"720p": "std"}, "words": {"720p": "x"}},
            "leave them out",
        ),
        ({"from": "references", "roles": ["asset"]}, "leave them out"),
    ],
)
def test_a_short_form_and_the_long_one_are_not_mixed(take: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        read_declaration(SAID | {"models": taking(it=take)})


def test_what_another_thread_has_just_read_of_models_is_there() -> None:
    """It was missed by a thread that came between, and a request was planned without its rules."""
    models: Any = shipped()["kling"].models
    assert models.MODELS
    assert type(models).__getattr__(models, "IDS") is models.IDS
