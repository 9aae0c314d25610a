"""Keys that no header can hold, errors that hold what they failed at, and settings of any name."""

from __future__ import annotations

import json
import tomllib
import traceback
from pathlib import Path
from typing import Any

import pydantic
import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    Registry,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway._support._secrets import (
    Key,
    Secrets,
    plain_key,
    shown_of,
    why_more_than_a_key,
)
from tarash.tarash_gateway._support._tracebacks import chain_of
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.providers._declared._adapter import DeclaredAdapter
from tarash.tarash_gateway.providers._declared._model import ProviderDeclaration
from tarash.tarash_gateway.testing import Simulator
from tests.contract.cases import CASES, Case, wire_of

ASTER = Path(__file__).parents[1] / "contract/declared/aster.toml"
CANARY = "canary-93f1d07a44be"
ONE_OF_EACH = list({case.provider: case for case in CASES}.values())
BAD = {
    "a curly quote": f"{CANARY}\u201d",
    "a quote and a line": f"\u201c{CANARY}\u201d\n",
    "a zero-width space": f"{CANARY}\u200b",
    "a byte order mark": f"\ufeff{CANARY}",
    "an umlaut": f"{CANARY}ü",
    "a line break inside": f"{CANARY}\nX-Other: 1",
    "a null": f"{CANARY}\0",
    "a delete": f"{CANARY}\x7f",
    "a tab": f"{CANARY}\t{CANARY}",
    "an ellipsis": f"{CANARY}…",
    "half an emoji": f"{CANARY}\ud83d",
}


def everything(error: BaseException) -> str:
    parts = [f"{shown_of(one)}{one.args!r}" for one in chain_of(error)]
    return "".join([*parts, *traceback.format_exception(error)])


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
@pytest.mark.parametrize("kind", BAD)
async def test_a_key_that_no_header_holds_is_refused_before_anything(case: Case, kind: str) -> None:
    with Simulator([wire_of(case.provider)]) as simulator:
        config = case.config(BAD[kind], simulator.base_url(case.provider))
        async with Gateway() as gateway:
            make = getattr(gateway, f"generate_{case.kind}_async")
            with pytest.raises(AuthenticationError) as caught:
                await make(config, case.request())

        assert simulator.requests(case.provider) == []

    assert "key" in str(caught.value)
    assert "U+" in str(caught.value)
    if config.api_key is not None:  # else it is a token among the provider's own settings
        assert "api_key= on the config" in str(caught.value)

    assert caught.value.submission == "not_sent"
    assert CANARY not in everything(caught.value)


@pytest.mark.parametrize(
    ("provider", "model", "variables", "named"),
    [
        ("openai", "gpt-image-2", {"OPENAI_API_KEY": f"{CANARY}”"}, "OPENAI_API_KEY"),
        ("fal", "fal-ai/veo3.1", {"FAL_KEY": f"{CANARY}”"}, "FAL_KEY"),
        ("google", "veo-3.1", {"GEMINI_API_KEY": f"{CANARY}”\n"}, "GEMINI_API_KEY"),
        ("stability", "core", {"STABILITY_KEY": f"{CANARY}”"}, "STABILITY_KEY"),
        ("luma", "ray-3.2", {"LUMA_AGENTS_API_KEY": f"{CANARY}”"}, "LUMA_AGENTS_API_KEY"),
    ],
)
async def test_the_variable_that_holds_it_is_named(
    provider: str,
    model: str,
    variables: dict[str, str],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("FAL_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "STABILITY_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    config = VideoGenerationConfig(provider=provider, model=model)
    async with Gateway() as gateway:
        with pytest.raises(AuthenticationError, match=f"the variable {named},") as caught:
            await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))

    assert CANARY not in everything(caught.value)


async def test_white_space_around_a_key_is_not_sent() -> None:
    with Simulator(["fal"]) as simulator:
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key=f" {CANARY}\r\n",
            base_url=simulator.base_url("fal"),
        )
        async with Gateway() as gateway:
            await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))

        assert simulator.requests("fal")[0].headers["authorization"] == f"Key {CANARY}"


# ---------------------------------------------------------------- what an exception holds of itself
def holding() -> dict[str, Exception]:
    """Return errors that keep the whole of what they failed at."""
    found: dict[str, Exception] = {}

    def keep(name: str, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001  (whichever it is)
            found[name] = error.with_traceback(None)

    class Strict(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(hide_input_in_errors=True)
        number: int

    keep("encode", f"{CANARY}”".encode, "ascii")
    keep("decode", f"{CANARY}”".encode().decode, "ascii")
    keep("json", json.loads, f'{{"key": "{CANARY}" "x": 1}}')
    keep("pydantic", Strict.model_validate, {"number": CANARY})
    keep("int", int, CANARY)
    keep("key", {}.__getitem__, CANARY)
    noted = ValueError("no")
    noted.add_note(f"with {CANARY}")
    found["note"] = noted
    attribute = ValueError("no")
    attribute.__dict__["sent"] = [{"headers": CANARY}]
    found["attribute"] = attribute
    return found


HOLDING = holding()


@pytest.mark.parametrize("name", HOLDING)
@pytest.mark.parametrize("where", ["itself", "cause", "context", "group", "deep"])
def test_no_error_keeps_a_secret_that_it_failed_at(name: str, where: str) -> None:
    inner = HOLDING[name]
    outer: BaseException = RuntimeError("outer")
    if where == "itself":
        outer = inner
    elif where == "cause":
        outer.__cause__ = inner
    elif where == "context":
        outer.__context__ = inner
    elif where == "group":
        outer = ExceptionGroup("several", [OSError("other"), inner])
    else:
        outer.__cause__ = ExceptionGroup("several", [OSError("other")])
        outer.__cause__.__context__ = inner

    assert CANARY in everything(outer), "else this proves nothing"
    for made in (Secrets([CANARY]).error(outer), Secrets([Key(CANARY)]).outside(outer)):
        assert CANARY not in everything(made)


async def test_a_handler_that_chokes_on_the_key_does_not_keep_it() -> None:
    class Choking:
        async def generate_video_async(self, config: Any, *_others: Any) -> Any:
            config.api_key.encode("ascii")

    registry = Registry()
    registry.register_provider("choking", Choking())
    config = VideoGenerationConfig(provider="choking", model="m", api_key=f"{CANARY}”")
    async with Gateway(registry=registry) as gateway:
        with pytest.raises(TarashException, match="UnicodeEncodeError") as caught:
            await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))

    assert "".join(map(shown_of, chain_of(caught.value))).count(CANARY) == 0


# ---------------------------------------------------------------------------------------- settings
NAMES = ("passwd", "pwd", "pass", "auth", "signature", "x", "cookie", "gcp_project_pin", "region")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [CANARY, [CANARY], {"inner": CANARY}])
async def test_a_setting_of_any_name_is_a_secret(name: str, value: Any) -> None:
    ledger = MemoryLedger()
    with Simulator(["fal"]) as simulator:
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key="a-key-of-a-test",
            base_url=simulator.base_url("fal"),
            provider_config={name: value, "min_poll_interval": 0.1},
        )
        async with Gateway(ledger=ledger) as gateway:
            await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))

    records = await ledger.jobs()
    assert records[0].chain[0]["provider_config"] == {"min_poll_interval": 0.1}
    for shown in (repr(config), str(config), config.model_dump_json(), repr(records)):
        assert CANARY not in shown

    assert config.provider_config[name] == value
    assert config.model_dump()["provider_config"][name] == value


def test_a_provider_says_which_settings_are_no_secrets() -> None:
    class Cellar:
        open_settings = ("gpus",)

        async def generate_video_async(self, *_arguments: Any) -> Any:
            raise NotImplementedError

    Registry().register_provider("cellar-of-a-test", Cellar())
    config = VideoGenerationConfig(
        provider="cellar-of-a-test", model="m", provider_config={"gpus": 4, "pin": 123456}
    )
    assert json.loads(config.model_dump_json())["provider_config"] == {"gpus": 4}
    assert "'gpus': 4" in repr(config)
    assert "123456" not in repr(config)


# ------------------------------------------------------------------- copied with what was around it
AROUND = {
    "double quotes": '"{}"',
    "single quotes": "'{}'",
    "backticks": "`{}`",
    "quotes and a line": ' "{}"\r\n',
    "white space in quotes": "' {} '",
}
BEFORE = {
    "Bearer": "the word 'Bearer'",
    "bearer": "the word 'bearer'",
    "Key": "the word 'Key'",
    "Token": "the word 'Token'",
    "FAL_KEY=": "the name of a variable",
    "export OPENAI_API_KEY=": "the name of a variable",
    "RUNWAYML_API_SECRET: ": "the name of a variable",
    "Bearer:": "the word 'Bearer'",
    "Token:": "the word 'Token'",
    "TOKEN=": "the name of a variable",
    "api_key=": "the name of a variable",
    "Authorization: Bearer": "the name of a header",
    "x-api-key: ": "the name of a header",
    '"': None,
}
KEYED = [case for case in ONE_OF_EACH if case.config("x", "http://x").api_key is not None]


@pytest.mark.parametrize("case", KEYED, ids=str)
async def test_what_was_copied_around_a_key_is_not_sent(case: Case) -> None:
    with Simulator([wire_of(case.provider)]) as simulator:
        simulator.keys[case.provider] = [CANARY]  # others are refused
        async with Gateway() as gateway:
            make = getattr(gateway, f"generate_{case.kind}_async")
            base_url = simulator.base_url(case.provider)
            for around in AROUND if case.provider == "fal" else ["quotes and a line"]:
                await make(case.config(AROUND[around].format(CANARY), base_url), case.request())

            with pytest.raises(AuthenticationError):
                await make(case.config(f"other-{CANARY}", base_url), case.request())


@pytest.mark.parametrize("case", KEYED, ids=str)
async def test_what_was_copied_before_a_key_is_named_and_nothing_sent(case: Case) -> None:
    with Simulator([wire_of(case.provider)]) as simulator:
        base_url = simulator.base_url(case.provider)
        async with Gateway() as gateway:
            make = getattr(gateway, f"generate_{case.kind}_async")
            for before, said in BEFORE.items():
                with pytest.raises(AuthenticationError) as caught:
                    await make(case.config(f"{before} {CANARY}", base_url), case.request())

                part = "has a quote at one end" if said is None else f"begins with {said}"
                assert part in str(caught.value)
                assert "copy it again, by itself" in str(caught.value)
                assert caught.value.submission == "not_sent"
                assert CANARY not in everything(caught.value)

        assert simulator.requests(case.provider) == []


async def test_halves_of_a_key_may_be_quoted_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)
    monkeypatch.setenv("FAL_KEY_ID", '"one"')
    monkeypatch.setenv("FAL_KEY_SECRET", f"'{CANARY}'")
    with Simulator(["fal"]) as simulator:
        simulator.keys["fal"] = [f"one:{CANARY}"]
        config = VideoGenerationConfig(
            provider="fal", model="fal-ai/veo3.1", base_url=simulator.base_url("fal")
        )
        async with Gateway() as gateway:
            await gateway.generate_video_async(config, VideoGenerationRequest(prompt="A cat"))


@pytest.mark.parametrize(
    "key",
    [
        "id:secret", "key:secret", "token:secret", "my-key:secret", "key_id:secret",
        "FAL_KEY:secret", "one:c2VjcmV0==", "c2VjcmV0=", "c2VjcmV0==", "ABCKEY==", "TOKEN==",
        "AB_CD=", "a'b'c", "keystone", "keystone=x", "sk-key=x", "Bearer", "my secret key", "a b c",
    ],
)  # fmt: skip
def test_a_key_may_hold_what_looks_like_it(key: str) -> None:
    assert plain_key(key) == key
    assert why_more_than_a_key(key) is None


HEADER, VARIABLE, WORD = "the name of a header", "the name of a variable", "the word "


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("Authorization:Bearer abc", HEADER), ("authorization: abc", HEADER),
        ("Authorization=Bearer abc", HEADER), ("X-Api-Key:abc", HEADER), ("x-key:abc", HEADER),
        ("api-key:abc", HEADER), ("x-goog-api-key:abc", HEADER), ("Key: abc", HEADER),
        ("Ocp-Apim-Subscription-Key:abc", HEADER),
        ("Bearer: abc", WORD), ("Bearer:abc", WORD), ("bearer abc", WORD), ("Token: abc", WORD),
        ("TOKEN=abc", VARIABLE), ("KEY=abc", VARIABLE), ("api_key=abc", VARIABLE),
        ("apiKey=abc", VARIABLE), ("fal_key=abc", VARIABLE), ("fal_key = abc", VARIABLE),
        ("api_key: abc", VARIABLE), ("FAL_KEY: abc", VARIABLE), ("export KEY=abc", VARIABLE),
        ("set mine=abc", VARIABLE), ("$env:FAL_KEY = abc", VARIABLE), ("HF_X=abc==", VARIABLE),
    ],
)  # fmt: skip
def test_a_key_with_what_stood_before_it_is_none(key: str, said: str) -> None:
    """A header without a space behind its colon, and a variable in small letters, went out."""
    why = why_more_than_a_key(plain_key(key))
    assert why is not None
    assert why.startswith(f"begins with {said}")


@pytest.mark.parametrize(
    ("auth", "taken"),
    [
        ('type = "header"', True),
        ('type = "header"\nheader = "x-key"', False),
        ('type = "header"\nprefix = "Token "', False),
        ('type = "bearer"', False),
    ],
)
def test_a_key_that_is_the_whole_header_keeps_its_scheme(auth: str, *, taken: bool) -> None:
    said = tomllib.loads(ASTER.read_text())
    said["account"]["auth"] = tomllib.loads(auth)
    adapter = DeclaredAdapter(ProviderDeclaration.model_validate(said))
    config = VideoGenerationConfig(
        provider="aster", model="clip-1", api_key=f"Basic {CANARY}", base_url="https://x.example"
    )
    if taken:
        assert account(adapter, config, None).key.reveal() == f"Basic {CANARY}"
    else:
        with pytest.raises(AuthenticationError, match="begins with the word 'Basic'"):
            account(adapter, config, None)
