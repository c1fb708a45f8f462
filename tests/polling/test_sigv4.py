"""A signature holds what it should, and no secret is where it should not be."""

import hashlib
import hmac
import sys
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from advisor.errors import InputError
from advisor.polling.sigv4 import Keys, signed

KEYS = Keys("AKIDEXAMPLE", SecretStr("wJalrXUtnFEMI/K7MDENG"), SecretStr("session"))


def expected(method: str, url: str, sent: dict[str, str], region: str, service: str, content: bytes) -> str:
    """The signature, worked out a second time by AWS's own description."""
    parts = urlsplit(url)
    auth = sent["Authorization"]
    names = auth.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    lower = {name.lower(): value for name, value in sent.items()} | {"host": parts.netloc}
    stamp, hashed = lower["x-amz-date"], hashlib.sha256(content).hexdigest()
    headers = "".join(f"{name}:{lower[name]}\n" for name in names)
    query = "&".join(sorted(parts.query.split("&")))
    canonical = "\n".join([method, parts.path, query, headers, ";".join(names), hashed])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4" + KEYS.secret.get_secret_value().encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("service", "method", "url", "content"),
    [
        ("s3", "GET", "https://s3.example.com/shop?list-type=2&continuation-token=a%2Fb%3D", b""),
        ("monitoring", "POST", "https://monitoring.eu-west-1.amazonaws.com/", b"Action=X"),
    ],
)
def test_a_signature_is_that_of_the_description(service: str, method: str, url: str, content: bytes) -> None:
    sent = signed(KEYS, method, url, service=service, region="eu-west-1", content=content)
    assert sent["Authorization"].endswith(expected(method, url, sent, "eu-west-1", service, content))
    assert sent["X-Amz-Security-Token"] == "session"
    assert ("X-Amz-Content-SHA256" in sent) is (service == "s3")


def test_no_secret_is_shown() -> None:
    sent = signed(KEYS, "GET", "https://s3.example.com/shop?a=1", service="s3", region="auto")
    assert KEYS.secret.get_secret_value() not in f"{KEYS!r}{sent}"


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(InputError, match=r"scaling-advisor\[aws\]"):
        signed(KEYS, "GET", "https://s3.example.com/", service="s3", region="auto")
