"""Signs requests as AWS and the S3-compatible ask for it (Signature Version 4).

The signature is botocore's, of the optional extra `aws`: no algorithm of our own is to be trusted. Its clock
is the machine's, for a server refuses what is more than a quarter of an hour off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from advisor.errors import InputError

__all__ = ["Keys", "signed"]

_ANSWERED_BY_THE_CLIENT = frozenset({"host", "content-length"})


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key, its secret, and for temporary ones their session token."""

    access: str
    secret: SecretStr = field(repr=False)
    session: SecretStr | None = field(default=None, repr=False)


def signed(
    keys: Keys,
    method: str,
    url: str,
    *,
    service: str,
    region: str,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
) -> dict[str, str]:
    """Return the headers to send with this request: `headers`, and those that sign it.

    `url` holds its whole query, percent-encoded (RFC 3986: a space is `%20`). On its way the client may write
    `%2F` in it as `/`, which changes nothing: the server signs the values anew. `service` is the name for
    signing, such as "s3" or "monitoring".

    Raises:
        InputError: The extra `aws` is not installed.
    """
    try:
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
    except ModuleNotFoundError:
        raise InputError(
            "signed requests need the extra `aws`: install it with `pip install 'scaling-advisor[aws]'`"
        ) from None
    session = keys.session.get_secret_value() if keys.session is not None else None
    credentials = Credentials(keys.access, keys.secret.get_secret_value(), session)
    request = AWSRequest(method=method, url=url, headers=dict(headers or {}), data=content)
    # S3 signs the path as it is sent and the hash of the body in a header; the others do not.
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(credentials, service, region).add_auth(request)
    return {
        name: str(value)
        for name, value in request.headers.items()
        if name.lower() not in _ANSWERED_BY_THE_CLIENT
    }
