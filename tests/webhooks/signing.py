"""Signs webhooks as the vendors' pages say: by hand, with nothing of the package's own code.

HMAC after RFC 2104, Ed25519 after RFC 8032 in plain integers: slow, and independent.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, PRIME - 2, PRIME) % PRIME
BLOCK = 64
Point = tuple[int, int, int, int]


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256, made of two hashes."""
    key = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in key) + message).digest()
    return hashlib.sha256(bytes(one ^ 0x5C for one in key) + inner).digest()


def _root(y: int) -> int:
    square = (y * y - 1) * pow(CURVE * y * y + 1, PRIME - 2, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME

    return PRIME - x if x % 2 else x


_Y = 4 * pow(5, PRIME - 2, PRIME) % PRIME
BASE: Point = (_root(_Y), _Y, 1, _root(_Y) * _Y % PRIME)


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % PRIME
    b = (one[1] + one[0]) * (other[1] + other[0]) % PRIME
    c, d = 2 * one[3] * other[3] * CURVE % PRIME, 2 * one[2] * other[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME)


def _times(number: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _sum(found, point)

        point, number = _sum(point, point), number >> 1

    return found


def _packed(point: Point) -> bytes:
    inverse = pow(point[2], PRIME - 2, PRIME)
    x, y = point[0] * inverse % PRIME, point[1] * inverse % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _secret(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    number = int.from_bytes(digest[:32], "little")
    return number & (1 << 254) - 8 | 1 << 254, digest[32:]


@cache
def public_key(seed: bytes) -> bytes:
    """Return the public key of a seed."""
    return _packed(_times(_secret(seed)[0], BASE))


@cache
def ed25519(seed: bytes, message: bytes) -> bytes:
    """Return the signature of a message."""
    number, prefix = _secret(seed)
    once = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % ORDER
    point = _packed(_times(once, BASE))
    told = hashlib.sha512(point + public_key(seed) + message).digest()
    rest = (once + int.from_bytes(told, "little") * number) % ORDER
    return point + rest.to_bytes(32, "little")


def jwks(*seeds: bytes) -> dict[str, object]:
    """Return what a provider publishes for its keys, beside one of another kind."""
    keys: list[dict[str, str]] = [{"kty": "RSA", "kid": "old", "n": "AQAB", "e": "AQAB"}]
    for number, seed in enumerate(seeds):
        x = base64.urlsafe_b64encode(public_key(seed)).decode().rstrip("=")
        keys.append({"kty": "OKP", "crv": "Ed25519", "kid": f"key-{number}", "x": x})

    return {"keys": keys}


def b64(value: bytes) -> str:
    """Return base64 as text."""
    return base64.b64encode(value).decode()


def now() -> int:
    """Return Unix seconds."""
    return int(datetime.now(UTC).timestamp())


Headers = dict[str, str]
Sign = Callable[[bytes, int, bytes, str], Headers]
"""Of a body, the time in Unix seconds, a secret or a seed, and an id, the headers."""


def standard_hmac(body: bytes, at: int, key: bytes, name: str) -> Headers:
    """Sign as Standard Webhooks v1."""
    signature = b64(hmac_sha256(key, f"{name}.{at}.".encode() + body))
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }


def wavespeed(body: bytes, at: int, key: bytes, name: str) -> Headers:
    """Sign as WaveSpeed: as Standard Webhooks, with a version and an encoding of its own."""
    signature = hmac_sha256(key, f"{name}.{at}.".encode() + body).hex()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v3,{signature}",
    }


def standard_ed25519(body: bytes, at: int, key: bytes, name: str) -> Headers:
    """Sign as Standard Webhooks v1a."""
    signature = b64(ed25519(key, f"{name}.{at}.".encode() + body))
    return {
        "Webhook-Id": name,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": f"v1a,{signature}",
    }


def openrouter(body: bytes, at: int, key: bytes, name: str) -> Headers:
    """Sign as OpenRouter: a comma between time and body."""
    del name
    signature = hmac_sha256(key, f"{at},".encode() + body).hex()
    return {"X-OpenRouter-Signature": f"t={at},v1={signature}"}


def fal(body: bytes, at: int, key: bytes, name: str) -> Headers:
    """Sign as fal: over the digest of the body."""
    digest = hashlib.sha256(body).hexdigest()
    signature = ed25519(key, f"{name}\nuser-7\n{at}\n{digest}".encode())
    return {
        "X-Fal-Webhook-Request-Id": name,
        "X-Fal-Webhook-User-Id": "user-7",
        "X-Fal-Webhook-Timestamp": str(at),
        "X-Fal-Webhook-Signature": signature.hex(),
    }


def bria(body: bytes, at: int, key: bytes, name: str) -> Headers:
    """Sign as Bria: with a key that is made of the API token."""
    derived = hmac_sha256(key, b"bria-webhook-signing-v1")
    signature = hmac_sha256(derived, f"{name}.{at}.".encode() + body).hex()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1={signature}",
    }


@dataclass(frozen=True)
class Signer:
    """One way to sign, with the key that signs and the name of the header with the signature."""

    sign: Sign
    key: bytes
    signature: str
    time: str

    def __call__(self, body: bytes, at: int, name: str = "job-1") -> Headers:
        return self.sign(body, at, self.key, name)


SEED = bytes(range(32))
SECRET = b"0123456789abcdef0123456789abcdef"
SIGNERS: Mapping[str, Signer] = {
    "standard": Signer(standard_hmac, SECRET, "webhook-signature", "webhook-timestamp"),
    "wavespeed": Signer(wavespeed, b64(SECRET).encode(), "webhook-signature", "webhook-timestamp"),
    "raw": Signer(standard_hmac, b64(SECRET).encode(), "webhook-signature", "webhook-timestamp"),
    "ed25519": Signer(standard_ed25519, SEED, "Webhook-Signature", "Webhook-Timestamp"),
    "openrouter": Signer(openrouter, SECRET, "X-OpenRouter-Signature", "X-OpenRouter-Signature"),
    "fal": Signer(fal, SEED, "X-Fal-Webhook-Signature", "X-Fal-Webhook-Timestamp"),
    "bria": Signer(bria, SECRET, "webhook-signature", "webhook-timestamp"),
}
