"""Settings of collectors that exist only in tests."""

from pydantic import BaseModel, SecretStr


class Everything(BaseModel, frozen=True, extra="forbid"):
    """A collector with a credential in each place where one can be."""

    dsn: SecretStr
    token: SecretStr
    headers: dict[str, SecretStr]
    url: SecretStr
    written_out: SecretStr
