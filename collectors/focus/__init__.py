"""FOCUS files: what services cost by day, from a provider's or a FinOps tool's export.

API     None: a file on this machine, or one GET of `url`: CSV, JSON lines, Parquet with the extra `parquet`.
Token   Whatever the address wants, in `headers`; a file needs a right to read it.
Quirks  A charge falls on the UTC day on which its period begins, so that a subscription's month falls on its
        first day; days without a charge between the first and the last in the file cost nothing. The whole
        file is read at each poll, so that a corrected day is corrected. Versions 1.0 to 1.2 name the columns
        read here alike. There is no official sample that we could hold ours to.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from advisor.collectors._vocabulary import Address
from advisor.collectors.focus.rows import parse, table
from advisor.core.metrics import VOCABULARY
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Unexpected, Unreachable
from advisor.polling.fetch import fetch, place

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect"]

PROVIDER = "focus"
METRICS = (VOCABULARY["cost"],)
SCOPES = ("read",)
INTERVAL = 6 * 3600.0
ABOUT = About(
    title="FOCUS file",
    access=(
        Access(
            Tier.NOTHING, "none: a file that the advisor's user may read", "what each service costs by day"
        ),
        Access(Tier.READ, "whatever the address wants, to read", "the same from an address", "the bill"),
    ),
    delay="as late as the export, a day or more",
    connect=(
        "Let the provider or your FinOps tool export costs by FOCUS, daily.",
        "Name the file or address, and by `service_name` or `provider_name` which rows are this service's.",
    ),
    example={"file": "/var/lib/costs/focus.csv", "provider_name": "Supabase"},
)

#: Bytes of an export; a day of a small company's is some hundred KiB.
MOST = 64 * 2**20
#: Older days are not read again: bills do not change so late.
REACHES_BACK = timedelta(days=400)


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Settings(BaseModel):
    """What advisor.yaml says about a service whose cost stands in a FOCUS file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    file: str = Field("", description="The file, as an absolute path; `.gz` is unpacked.")
    url: Address | None = Field(None, description="Its address, in place of a file.")
    headers: dict[str, SecretStr] = Field({}, description="Sent along, such as Authorization.")
    format: Literal["", "csv", "jsonl", "parquet"] = Field("", description="By default as the name ends.")
    service_name: Names = Field((), description="ServiceName of this service's rows; one or several.")
    provider_name: Names = Field((), description="ProviderName of this service's rows; one or several.")
    sub_account: Names = Field((), description="SubAccountId of this service's rows; one or several.")
    column: Literal["BilledCost", "EffectiveCost"] = Field(
        "BilledCost", description="EffectiveCost spreads what is paid in advance over its time."
    )
    rates: dict[str, float] = Field({}, description="What one of another currency is in US dollars.")

    @field_validator("file")
    @classmethod
    def _absolute(cls, file: str) -> str:
        if file and not Path(file).is_absolute():
            raise ValueError("`file` is an absolute path: where the advisor is started does not matter then")
        return file

    @field_validator("rates")
    @classmethod
    def _above_nothing(cls, rates: dict[str, float]) -> dict[str, float]:
        if any(not 0 < rate < float("inf") for rate in rates.values()):
            raise ValueError("a rate is a number above 0, such as {EUR: 1.08}")
        return rates

    @model_validator(mode="after")
    def _one_place(self) -> "Settings":
        if bool(self.file) == (self.url is not None):
            raise ValueError("name either a `file` or a `url`")
        if not (self.service_name or self.provider_name or self.sub_account):
            raise ValueError(
                "say which rows are this service's: `service_name`, `provider_name` or `sub_account`"
            )
        return self


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the service cost by day, of all days that the file has.

    Raises:
        CollectError: The file cannot be read, the address does not answer, or it is no FOCUS export.
    """
    where, name, body = await _body(poll, settings)
    kind = settings.format or _kind(name, where)
    wanted: Mapping[str, tuple[str, ...]] = {
        "ServiceName": settings.service_name,
        "ProviderName": settings.provider_name,
        "SubAccountId": settings.sub_account,
    }
    found = table(body, kind, where, MOST)
    return parse(
        found, wanted, settings.column, settings.rates, poll.now, poll.now - REACHES_BACK, where=where
    )


async def _body(poll: Poll, settings: Settings) -> tuple[str, str, bytes]:
    """Return what messages call the place, the name, and the bytes."""
    if settings.url is None:
        import asyncio  # A file may lie on a slow disk.

        path = Path(settings.file)
        return f"the file {path}", path.name, await asyncio.to_thread(_read, path)
    url = settings.url.get_secret_value()
    where = f"the export at {place(url)}"
    headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
    reply = await fetch(poll.http, url, where=where, now=poll.now, headers=headers, max_body=MOST)
    return where, url.partition("?")[0].rpartition("/")[2], reply.ok().body


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST:
            raise Unexpected(f"the file {path} is larger than {MOST // 2**20} MiB: export fewer months")
        return path.read_bytes()
    except OSError as error:
        raise Unreachable(
            f"the file {path} cannot be read ({error.strerror or 'no such file'}); it is tried again"
        ) from None


def _kind(name: str, where: str) -> str:
    stem = name.lower().removesuffix(".gz")
    for ending, kind in ((".csv", "csv"), (".jsonl", "jsonl"), (".ndjson", "jsonl"), (".parquet", "parquet")):
        if stem.endswith(ending):
            return kind
    raise Unexpected(f"{where}: its name does not tell what it is: write `format:` csv, jsonl or parquet")
