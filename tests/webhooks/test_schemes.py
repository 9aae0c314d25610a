"""Each way to sign: what is genuine is taken, and whatever anybody makes up is refused."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

from tarash.tarash_gateway.exceptions import TarashException, ValidationError
from tarash.tarash_gateway.webhooks import (
    DerivedHmac,
    DigestEd25519,
    KeyRing,
    Scheme,
    StandardEd25519,
    StandardHmac,
    TimestampedHmac,
    WebhookRefusedError,
    keys_of,
    verify,
)
from tests.webhooks.signing import (
    SECRET,
    SEED,
    SIGNERS,
    Headers,
    b64,
    ed25519,
    fal,
    jwks,
    public_key,
    standard_hmac,
)

NOW = 1_770_000_000
BODY = '{"request_id": "job-1", "status": "OK", "says": "ünïcode"}'.encode()
KEYS = keys_of(jwks(bytes(32), SEED))
SCHEMES: dict[str, Scheme] = {
    "standard": StandardHmac(f"whsec_{b64(SECRET)}"),
    "raw": StandardHmac(f"whsec_{b64(SECRET)}", decoded=False),
    "wavespeed": StandardHmac(f"whsec_{b64(SECRET)}", decoded=False, version="v3", encoding="hex"),
    "ed25519": StandardEd25519("https://keys.example/jwks.json"),
    "openrouter": TimestampedHmac(SECRET.decode()),
    "fal": DigestEd25519("https://keys.example/jwks.json"),
    "bria": DerivedHmac(SECRET.decode()),
}


def _signed(name: str, at: int = NOW, body: bytes = BODY) -> Headers:
    return SIGNERS[name](body, at)


def test_the_signer_is_that_of_the_standards() -> None:
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    assert public_key(seed).hex().startswith("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968c")
    assert ed25519(seed, b"\x72").hex().startswith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f")


def test_the_published_example_of_standard_webhooks() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    scheme = StandardHmac("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent = verify(scheme, headers, b'{"test": 2432232314}', now=1614265330)
    assert (sent.key, sent.sent_at) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)


FORMS: list[Callable[[Headers], Any]] = [
    lambda headers: headers,
    lambda headers: {name.upper(): value for name, value in headers.items()},
    lambda headers: [
        (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
    ],
    lambda headers: {name: [value] for name, value in headers.items()},
    lambda headers: [*headers.items(), ("cookie", "a"), ("cookie", "b"), ("x-odd", "é")],
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SCHEMES)
def test_what_is_genuine_is_taken(name: str, form: Callable[[Headers], Any]) -> None:
    sent = verify(SCHEMES[name], form(_signed(name)), BODY, now=NOW + 1, keys=KEYS)
    assert sent.sent_at == NOW


@pytest.mark.parametrize("late", [-300, 300])
@pytest.mark.parametrize("name", SCHEMES)
def test_clocks_may_differ_by_five_minutes(name: str, late: int) -> None:
    verify(SCHEMES[name], _signed(name), BODY, now=NOW + late, keys=KEYS)


def _other(signature: str) -> str:
    """Return a signature of which one letter in the middle is another."""
    place = len(signature) - 12
    return f"{signature[:place]}{'b' if signature[place] == 'a' else 'a'}{signature[place + 1 :]}"


def _version(signature: str, other: str) -> str:
    pattern = r"\bv[13](?=a?[,=])"
    changed = re.sub(pattern, other, signature)
    return changed if changed != signature else f"{other},"


def _with(part: str, change: Callable[[str], str]) -> Callable[[str, Headers], Headers]:
    def changed(name: str, headers: Headers) -> Headers:
        header = SIGNERS[name].signature if part == "signature" else SIGNERS[name].time
        return {**headers, header: change(headers[header])}

    return changed


def _without(part: str) -> Callable[[str, Headers], Headers]:
    def changed(name: str, headers: Headers) -> Headers:
        header = SIGNERS[name].signature if part == "signature" else SIGNERS[name].time
        return {one: value for one, value in headers.items() if one != header}

    return changed


def _later(text: str) -> str:
    return re.sub(r"(?<!\d)\d{10}(?!\d)", str(NOW + 1), text)


HEADERS: dict[str, Callable[[str, Headers], Headers]] = {
    "no headers": lambda _name, _headers: {},
    "no signature": _without("signature"),
    "no time": _without("time"),
    "an empty signature": _with("signature", lambda _: ""),
    "blanks": _with("signature", lambda _: "   "),
    "another letter": _with("signature", _other),
    "half of it": _with("signature", lambda one: one[: len(one) // 2]),
    "a letter more": _with("signature", lambda one: f"{one}0"),
    "its last letters missing": _with("signature", lambda one: one[:-4]),
    "no comma": _with("signature", lambda _: "nocomma"),
    "two commas": _with("signature", lambda _: "v1,a,b"),
    "a name only": _with("signature", lambda _: "v1,"),
    "an equals sign only": _with("signature", lambda _: "t=,v1="),
    "a newer version": _with("signature", lambda one: _version(one, "v2")),
    "an older version": _with("signature", lambda one: _version(one, "v0")),
    "no version": _with("signature", lambda one: re.sub(r"v[13]a?[,=]", "", one) + "z"),
    "letters beyond ASCII": _with("signature", lambda _: "v1,é=é"),
    "a lone surrogate": _with("signature", lambda _: "v1,\udcff"),
    "a line's end": _with("signature", lambda one: f"{one}\nx"),
    "a null byte": _with("signature", lambda one: f"\0{one}"),
    "not of base64": _with("signature", lambda _: "v1,!!!!"),
    "zeros": _with("signature", lambda one: re.sub(r"[0-9a-zA-Z+/]{40,}", "0" * 64, one)),
    "a very long one": _with("signature", lambda one: one + "A" * 100_000),
    "a thousand of them": _with("signature", lambda one: " ".join([_other(one)] * 1000)),
    "a list of forged ones": _with("signature", lambda one: f"{_other(one)} {_other(one)}"),
    "a later time": _with("time", _later),
    "a time that is none": _with("time", lambda one: re.sub(r"\d{10}", "yesterday", one)),
    "no digits": _with("time", lambda one: re.sub(r"\d{10}", "", one, count=1)),
    "a negative time": _with("time", lambda one: re.sub(r"(\d{10})", r"-\1", one, count=1)),
    "a fraction": _with("time", lambda one: re.sub(r"(\d{10})", r"\1.5", one, count=1)),
    "an endless time": _with("time", lambda one: re.sub(r"\d{10}", "9" * 400, one, count=1)),
    "milliseconds": _with("time", lambda one: re.sub(r"(\d{10})", r"\g<1>000", one, count=1)),
    "other digits": _with("time", lambda one: re.sub(r"\d{10}", "١٧٧٠٠٠٠٠٠٠", one, count=1)),  # noqa: RUF001
    "infinity": _with("time", lambda one: re.sub(r"\d{10}", "inf", one, count=1)),
}
BODIES: dict[str, bytes] = {
    "no body": b"",
    "a byte more": BODY + b" ",
    "a byte less": BODY[:-1],
    "another job": BODY.replace(b"job-1", b"job-2"),
    "written anew": b'{"request_id":"job-1","status":"OK"}',
    "in capitals": BODY.upper(),
}


@pytest.mark.parametrize("forged", HEADERS)
@pytest.mark.parametrize("name", SCHEMES)
def test_headers_that_are_made_up_are_refused(name: str, forged: str) -> None:
    headers = HEADERS[forged](name, _signed(name))
    with pytest.raises(WebhookRefusedError) as caught:
        verify(SCHEMES[name], headers, BODY, now=NOW, keys=KEYS)

    assert caught.value.reason in {"header_missing", "header_malformed", "signature_wrong"} | (
        {"too_old"} if forged == "milliseconds" else set()
    )
    assert caught.value.code == "webhook_refused"


@pytest.mark.parametrize("forged", BODIES)
@pytest.mark.parametrize("name", SCHEMES)
def test_bodies_that_were_changed_are_refused(name: str, forged: str) -> None:
    with pytest.raises(WebhookRefusedError) as caught:
        verify(SCHEMES[name], _signed(name), BODIES[forged], now=NOW, keys=KEYS)

    assert caught.value.reason == "signature_wrong"


@pytest.mark.parametrize("late", [-301, 301, 86_400, -86_400])
@pytest.mark.parametrize("name", SCHEMES)
def test_what_is_sent_again_much_later_is_refused(name: str, late: int) -> None:
    with pytest.raises(WebhookRefusedError, match="clock") as caught:
        verify(SCHEMES[name], _signed(name), BODY, now=NOW + late, keys=KEYS)

    assert caught.value.reason == "too_old"


@pytest.mark.parametrize("name", SCHEMES)
def test_another_key_is_refused(name: str) -> None:
    signer = SIGNERS[name]
    headers = signer.sign(BODY, NOW, bytes(reversed(signer.key)), "job-1")
    with pytest.raises(WebhookRefusedError):
        verify(SCHEMES[name], headers, BODY, now=NOW, keys=KEYS)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("other", SCHEMES)
def test_one_scheme_is_not_another(name: str, other: str) -> None:
    if name == other:
        return

    with pytest.raises(WebhookRefusedError):
        verify(SCHEMES[name], _signed(other), BODY, now=NOW, keys=KEYS)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_header_that_is_there_twice_is_refused(name: str) -> None:
    headers = _signed(name)
    twice = [*headers.items(), (SIGNERS[name].signature, headers[SIGNERS[name].signature])]
    with pytest.raises(WebhookRefusedError) as caught:
        verify(SCHEMES[name], twice, BODY, now=NOW, keys=KEYS)

    assert caught.value.reason == "header_malformed"


@pytest.mark.parametrize("name", ["standard", "raw", "openrouter", "bria"])
def test_a_secret_may_be_replaced_by_another(name: str) -> None:
    ways: dict[str, Callable[[list[str]], Scheme]] = {
        "standard": StandardHmac,
        "raw": lambda given: StandardHmac(given, decoded=False),
        "openrouter": TimestampedHmac,
        "bria": DerivedHmac,
    }
    secret = f"whsec_{b64(SECRET)}" if name in {"standard", "raw"} else SECRET.decode()
    verify(ways[name](["whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0", secret]), _signed(name), BODY, now=NOW)


def test_one_right_signature_among_others_is_enough() -> None:
    headers = _signed("standard")
    right = headers["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {_other(right)} nonsense v1,a,b {right}"
    verify(SCHEMES["standard"], headers, BODY, now=NOW)


def test_what_senders_do_differently_is_understood() -> None:
    spaced = _signed("openrouter")["X-OpenRouter-Signature"].replace(",", ", ")
    verify(SCHEMES["openrouter"], {"X-OpenRouter-Signature": spaced}, BODY, now=NOW)
    capital = _signed("fal")
    capital["X-Fal-Webhook-Signature"] = capital["X-Fal-Webhook-Signature"].upper()
    verify(SCHEMES["fal"], capital, BODY, now=NOW, keys=KEYS)
    unprefixed = StandardHmac(b64(SECRET).rstrip("="))
    verify(unprefixed, _signed("standard"), BODY, now=NOW)
    svix = {
        name.replace("webhook", "svix"): value
        for name, value in standard_hmac(BODY, NOW, SECRET, "job-1").items()
    }
    verify(SCHEMES["standard"], svix, BODY.decode(), now=NOW)


def test_a_body_that_was_parsed_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValidationError, match=r"request\.body, not request\.json"):
        verify(SCHEMES["standard"], _signed("standard"), {"a": 1}, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "tiny", "whsec_ü", "whsec_not base64 at all"])
def test_a_secret_that_is_none_is_refused_at_once_and_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError, match="whsec_") as caught:
        StandardHmac(secret)

    rest = secret.removeprefix("whsec_")
    assert not rest or rest not in str(caught.value)


@pytest.mark.parametrize("name", ["standard", "raw", "openrouter", "bria"])
def test_secrets_are_not_shown(name: str) -> None:
    shown = repr(SCHEMES[name])
    assert SECRET.decode() not in shown
    assert b64(SECRET) not in shown


def test_a_key_that_is_named_is_the_only_one_that_counts() -> None:
    scheme = DigestEd25519("https://keys.example", key_header="key-id")
    headers = fal(BODY, NOW, SEED, "job-1")
    verify(scheme, {**headers, "x-fal-webhook-key-id": "key-1"}, BODY, now=NOW, keys=KEYS)
    for other in ("key-0", "key-9"):
        with pytest.raises(WebhookRefusedError):
            verify(scheme, {**headers, "x-fal-webhook-key-id": other}, BODY, now=NOW, keys=KEYS)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"keys": []}, {"keys": None}, {"keys": [1, {"kty": "RSA"}]},
     {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]},
     {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 7}]},
     {"keys": [{"kty": "OKP", "crv": "X25519", "x": b64(SEED)}]}],
)  # fmt: skip
def test_what_holds_no_key_is_refused(document: Any) -> None:
    with pytest.raises(WebhookRefusedError) as caught:
        keys_of(document)

    assert caught.value.reason == "no_key"


def test_the_error_can_be_pickled() -> None:
    error = WebhookRefusedError("no", reason="too_old")
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.reason) == ("no", "too_old")


class Published:
    """What a provider publishes, and how often it was asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.now = 1000.0
        self.ring = KeyRing(self.fetch, lambda: self.now)

    async def fetch(self, url: str) -> Any:
        assert url == "https://keys.example"
        self.asked += 1
        await asyncio.sleep(0)
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer

        return answer

    async def keys(self, *, anew: bool = False) -> Any:
        return await self.ring.keys("https://keys.example", anew=anew)


async def test_keys_are_kept_for_a_day_and_asked_for_once() -> None:
    published = Published(jwks(SEED), jwks(bytes(32)))
    found = await asyncio.gather(*(published.keys() for _ in range(20)))
    assert all(one == keys_of(jwks(SEED)) for one in found)
    published.now += 23 * 3600
    await published.keys()
    assert published.asked == 1
    published.now += 2 * 3600
    assert await published.keys() == keys_of(jwks(bytes(32)))
    assert published.asked == 2


async def test_forged_signatures_make_nobody_ask_for_keys_again_and_again() -> None:
    published = Published(jwks(SEED))
    for _ in range(100):
        await published.keys(anew=True)
        published.now += 0.1

    assert published.asked == 1
    published.now += 60
    await published.keys(anew=True)
    assert published.asked == 2


async def test_keys_that_are_not_to_be_had_leave_those_of_yesterday() -> None:
    published = Published(jwks(SEED), TarashException("down"))
    await published.keys()
    published.now += 25 * 3600
    assert await published.keys() == keys_of(jwks(SEED))
    none = Published(TarashException("down"), jwks(SEED))
    with pytest.raises(WebhookRefusedError) as caught:
        await none.keys()

    assert caught.value.reason == "no_key"
    none.now += 2
    assert await none.keys() == keys_of(jwks(SEED))
