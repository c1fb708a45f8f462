"""The signed statement (JWT, RS256) by which a Google service account gets an access token. Pure.

Signing is one modular power, so it needs no library for cryptography. It takes no care to take equally long
for all keys: that would matter where a stranger could have thousands of texts signed and time it, and here
one statement is signed at a poll.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ["BadKey", "ServiceKey", "assertion", "service_key", "sign"]

_LASTS = timedelta(minutes=10)
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of RFC 8017, section 9.2.
_PEM = re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----(.+?)-----END", re.DOTALL)
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30


class BadKey(ValueError):
    """The text is no service account's key; its words hold nothing of it."""


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """Whose key it is, and its numbers."""

    email: str
    modulus: int = field(repr=False)
    exponent: int = field(repr=False)


def service_key(text: str) -> ServiceKey:
    """Read the JSON file that Google gives for a service account.

    Raises:
        BadKey: It is something else.
    """
    try:
        found = json.loads(text)
        email, pem = found["client_email"], found["private_key"]
        match = _PEM.search(pem)
        der = base64.b64decode(match[1]) if match else b""
    except (ValueError, TypeError, KeyError, binascii.Error):
        raise BadKey("no JSON with client_email and private_key") from None
    modulus, exponent = _numbers(der)
    return ServiceKey(str(email), modulus, exponent)


def _numbers(der: bytes) -> tuple[int, int]:
    """Return modulus and private exponent of a key in PKCS#8, or in PKCS#1."""
    try:
        parts = _parts(_one(der, _SEQUENCE))
        if len(parts) > 2 and parts[2][0] == _OCTETS:
            parts = _parts(_one(parts[2][1], _SEQUENCE))
        numbers = [int.from_bytes(body, "big") for kind, body in parts if kind == _INTEGER]
        modulus, exponent = numbers[1], numbers[3]
    except (IndexError, ValueError):
        raise BadKey("its private_key is no RSA key") from None
    if modulus.bit_length() < 1024:
        raise BadKey("its private_key is no RSA key")
    return modulus, exponent


def _one(der: bytes, kind: int) -> bytes:
    found, body = next(_elements(der))
    if found != kind:
        raise ValueError
    return body


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    return list(_elements(der))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of what stands one after another in DER."""
    place = 0
    while place < len(der):
        kind, length, place = der[place], der[place + 1], place + 2
        if length & 0x80:
            width = length & 0x7F
            length, place = int.from_bytes(der[place : place + width], "big"), place + width
        if place + length > len(der):
            raise ValueError
        yield kind, der[place : place + length]
        place += length
    if not der:
        raise ValueError


def sign(text: bytes, key: ServiceKey) -> bytes:
    """Return the signature of `text` by RSASSA-PKCS1-v1_5 with SHA-256."""
    width = (key.modulus.bit_length() + 7) // 8
    digest = _SHA256 + hashlib.sha256(text).digest()
    padded = b"\x00\x01" + b"\xff" * (width - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded, "big"), key.exponent, key.modulus).to_bytes(width, "big")


def assertion(key: ServiceKey, scope: str, audience: str, now: datetime) -> str:
    """Return the statement that asks `audience` for a token with `scope`."""
    issued = int(now.timestamp())
    claims = {
        "iss": key.email,
        "scope": scope,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(_LASTS.total_seconds()),
    }
    head = _encoded(json.dumps({"alg": "RS256", "typ": "JWT"}).encode())
    text = f"{head}.{_encoded(json.dumps(claims).encode())}"
    return f"{text}.{_encoded(sign(text.encode(), key))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
