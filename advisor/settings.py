"""What people write in advisor.yaml, in types. `docs/configuration.md` is made from the descriptions here."""

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from advisor.core.units import Unit, read
from advisor.faults import did_you_mean
from advisor.secrets import Secret

__all__ = [
    "COMMON",
    "SUB_BLOCKS",
    "AccountSettings",
    "AdvisorFile",
    "DigestSettings",
    "EmailSettings",
    "IncludedFile",
    "LogSettings",
    "Moment",
    "NotifySettings",
    "RetentionSettings",
    "RulesSettings",
    "SentrySettings",
    "ServiceSettings",
    "SlackSettings",
    "StackSettings",
    "UsersSettings",
    "WebSettings",
]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        ZoneInfo(value)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError, and some names are folders.
        pass
    except KeyError:
        pass
    else:
        return value
    known = {name.lower(): name for name in available_timezones()}
    near = did_you_mean(
        value.lower().replace("-", "_"), known, otherwise="write such as Europe/Lisbon or UTC"
    )
    for lower, name in known.items():
        near = near.replace(f"`{lower}`", f"`{name}`")
    raise ValueError(f"`{value}` is no time zone; {near}")


def _seconds(value: Any) -> Any:
    match value:
        case str():
            seconds, unit = read(value)
            if unit is not Unit.SECONDS:
                raise ValueError(f"`{value}` is no time; write such as 30s or 5m")
            return seconds
        case int() | float():
            raise ValueError(f"`{value}` of what? Write such as {value}s or {value}m")
        case _:
            return value


def _dollars_a_month(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(
        r"(?P<amount>.*?)\s*(?:(?:/|per|a)\s*(?P<period>mo|month|y|yr|year))?", value.strip()
    )
    try:
        amount, unit = read(match["amount"] if match else value)
    except ValueError:
        unit = None
    if unit not in {Unit.USD, Unit.COUNT}:
        raise ValueError(f"`{value}` is no sum of dollars; write such as $60/mo")
    yearly = match is not None and (match["period"] or "").startswith("y")
    return amount / 12 if yearly else amount


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str | Secret) else value


def _listen(value: Any) -> Any:
    if value is False or value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"127.0.0.1:{value}"
    if isinstance(value, str) and value:
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s/]*):(\d{1,5})", value)
        if match is None or int(match[2]) > 65535:
            raise ValueError(
                f"`{value}` is no address; write host and port, such as 127.0.0.1:8080, or false"
            )
        if not match[1]:
            return f"0.0.0.0:{match[2]}"
    return value


def _when(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(?:every\s+)?([A-Za-z]+)(?:\s+at)?\s+(\d{1,2}):(\d{2})", value.strip())
    if match is None:
        raise ValueError(f"`{value}` is no time of a week or day; write such as monday 09:00 or day 09:00")
    word, hour, minute = match[1].lower(), int(match[2]), int(match[3])
    if hour > 23 or minute > 59:
        raise ValueError(f"`{match[2]}:{match[3]}` is no time of day; write 00:00 to 23:59")
    if word in {"day", "daily"}:
        return Moment(weekday=None, hour=hour, minute=minute)
    days = [day for day in WEEKDAYS if word == day or word == day[:3]]
    if not days:
        raise ValueError(f"`{match[1]}` is no day; {did_you_mean(word, (*WEEKDAYS, 'day'))}")
    return Moment(weekday=WEEKDAYS.index(days[0]), hour=hour, minute=minute)


_KEY = StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
Key = Annotated[str, _KEY]
Zone = Annotated[str, BeforeValidator(_zone)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
DollarsAMonth = Annotated[float, BeforeValidator(_dollars_a_month), Field(ge=0)]


class Written(BaseModel):
    """What all parts of advisor.yaml share: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: Any) -> Any:
        """A key with nothing after it is as good as left out, such as a section whose lines are comments."""
        return (
            {key: value for key, value in data.items() if value is not None}
            if isinstance(data, dict)
            else data
        )


class Moment(Written):
    """A time of the week, or of each day."""

    weekday: int | None = Field(None, description="0 is Monday; none: each day.")
    hour: int
    minute: int

    @property
    def cron(self) -> dict[str, str | int]:
        """Return the fields of APScheduler's cron trigger."""
        day = {} if self.weekday is None else {"day_of_week": WEEKDAYS[self.weekday][:3]}
        return {**day, "hour": self.hour, "minute": self.minute}

    def __str__(self) -> str:
        day = "day" if self.weekday is None else WEEKDAYS[self.weekday]
        return f"{day} {self.hour:02}:{self.minute:02}"


class AccountSettings(Written):
    """Where a provider bills. Other keys (a token, an organisation) are for the provider's collector."""

    model_config = ConfigDict(extra="allow")

    provider: str = Field(description="Who sells it: `supabase`, `fly`, `resend`, ...")
    plan: str = Field("", description="The plan's key in the catalogue.")
    timezone: Zone = Field("UTC", description="The time zone in which the account's periods begin.")
    billing_day: int = Field(1, ge=1, le=31, description="The day of the month on which a period begins.")
    seats: int = Field(1, ge=0, description="Seats that are paid for.")
    spend_cap: bool | None = Field(None, description="Whether the provider stops at the plan's limits.")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        "USD", description="Of the bill."
    )
    rate: float | None = Field(
        None, gt=0, description="What a dollar is in `currency`, such as 0.92; empty: prices are in dollars."
    )
    tax: float = Field(0.0, ge=0, le=1, description="Part that is added to prices: 0.23 is 23 %.")
    discount: float = Field(0.0, ge=0, le=1, description="Part that is taken off prices.")
    term: Literal["monthly", "yearly"] = Field("monthly", description="How long the account is bound.")
    credits: float = Field(0.0, ge=0, description="Dollars that the provider gives, a month.")
    limits: dict[str, Any] = Field(
        default_factory=dict, description="Limits that you know better, by metric."
    )

    @model_validator(mode="after")
    def _rate_of_a_currency(self) -> "AccountSettings":
        if self.rate is not None and self.currency == "USD":
            raise ValueError(
                "`rate` says what a dollar is in another currency; write `currency:` too, such as EUR"
            )
        return self


class ServiceSettings(Written):
    """One use of a provider, under a role. Other keys (a project, a URL) are for the provider's collector."""

    model_config = ConfigDict(extra="allow")

    account: str = Field("", description="The account it is billed to; empty: one of its own.")
    provider: str = Field("", description="Who sells it; empty: the account's provider.")
    product: str = Field("", description="Which of the provider's products: `r2` of `cloudflare`.")
    role: str = Field("", description="What it is for: `database`, `backend`, `email`, ...; empty: its key.")
    plan: str = Field("", description="The plan's key in the catalogue; empty: the account's plan.")
    size: str = Field("", description="The size of the machine, where the provider sells sizes.")
    interval: Annotated[Seconds, Field(ge=1, le=86400)] | None = Field(
        None, description="How often it is polled, such as `60s` or `15m`; empty: as its collector says."
    )
    limits: dict[str, Any] = Field(
        default_factory=dict, description="Limits that you know better, by metric."
    )


#: The keys of a service that are not for its collector, and the blocks that add a source to any service.
COMMON = frozenset(ServiceSettings.model_fields)
SUB_BLOCKS = ("postgresql", "prometheus", "http", "manual", "focus")


class UsersSettings(Written):
    """How the stack's users are counted: one statement on a database of the stack."""

    service: str = Field("database", description="The service whose `dsn` is asked.")
    sql: str = Field(min_length=1, description="A statement that answers with one number.")


class StackSettings(Written):
    """One product in one environment."""

    product: str = Field("", description="What people call it; empty: the stack's key.")
    environment: str = Field("production", description="`production`, `staging`, ...")
    timezone: Zone = Field("", description="Where its days and months begin; empty: the file's `timezone`.")
    packs: tuple[str, ...] = Field((), description="The rule packs that are judged.")
    owner: str = Field("", description="Who is told and asked.")
    labels: dict[str, str] = Field(
        default_factory=dict, description="Your own words, for grouping and silences."
    )
    budget: DollarsAMonth | None = Field(None, description="Dollars a month: `$60/mo`; `$720/yr` is divided.")
    facts: dict[str, Any] = Field(
        default_factory=dict, description="Metrics that only you know: `{team_size: 3}`."
    )
    needs: dict[str, bool] = Field(
        default_factory=dict, description="Answers to the packs' questions, yes or no."
    )
    users: UsersSettings | None = Field(None, description="How the users are counted.")
    services: dict[Key, ServiceSettings] = Field(default_factory=dict, description="Its services, by key.")


class RulesSettings(Written):
    """Rules of your own, and what you change of the packs'."""

    files: tuple[str, ...] = Field((), description="Files with rules; a relative path starts at this file.")
    disable: tuple[str, ...] = Field((), description="Rule ids that are not judged; `*` stands for any text.")
    override: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Keys of a rule that are replaced, by rule id."
    )


class SlackSettings(Written):
    """A webhook, or a bot's token and a channel."""

    webhook: Secret | None = Field(None, description="The URL of an incoming webhook.")
    token: Secret | None = Field(None, description="A bot's token, with the right chat:write.")
    channel: str = Field("", description="With a token: the channel's name or id.")

    @model_validator(mode="after")
    def _one_way(self) -> "SlackSettings":
        if self.webhook is not None and (self.token is not None or self.channel):
            raise ValueError(
                "has a webhook and a token or channel; keep one way: `webhook`, or `token` and `channel`"
            )
        if self.webhook is None and (self.token is None or not self.channel):
            raise ValueError("needs `webhook`, or `token` and `channel`; write one of them")
        return self


class EmailSettings(Written):
    """A mail server, the sender and who is written to."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    smtp: Secret = Field(description="`smtps://user:${PASSWORD}@host:465`, or `smtp://` for STARTTLS.")
    sender: str = Field(alias="from", description="The sender's address.")
    to: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        min_length=1, description="One address or a list of them."
    )

    @model_validator(mode="after")
    def _addresses(self) -> "EmailSettings":
        for address in (self.sender, *self.to):
            if not re.search(r"[^@\s]@[^@\s]", address):
                raise ValueError(f"`{address}` is no address; write such as me@example.com")
        return self


class NotifySettings(Written):
    """The channels that messages go to; several may be given."""

    slack: SlackSettings | None = Field(None, description="Slack.")
    email: EmailSettings | None = Field(None, description="E-mail by SMTP.")
    stdout: bool = Field(False, description="Standard output.")


class DigestSettings(Written):
    """When the report goes out. What is told daily goes out at the same time of each day."""

    every: Annotated[Moment, BeforeValidator(_when)] = Field(
        Moment(weekday=0, hour=9, minute=0), description="`monday 09:00`, or `day 09:00` for each day."
    )
    timezone: Zone = Field("", description="Of that time; empty: the file's `timezone`.")


class SentrySettings(Written):
    """Where the advisor's own errors and its signs of life go."""

    dsn: Secret = Field(description="The project's DSN.")
    environment: str = Field("production", description="Which installation this is.")
    monitor: Key = Field("scaling-advisor", description="The cron monitor that is checked in with.")


class WebSettings(Written):
    """The page, the API and /metrics."""

    listen: Annotated[str, BeforeValidator(_listen)] = Field(
        "127.0.0.1:8080", description="Host and port, or `false` for none. There is no login: keep it inside."
    )


class RetentionSettings(Written):
    """How long history is kept."""

    raw_days: int = Field(35, ge=8, le=36500, description="Days for which each reading is kept.")
    rollup_days: int = Field(1100, ge=32, le=36500, description="Days for which the daily roll-ups are kept.")


class LogSettings(Written):
    """How the advisor's own log looks; it goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: JSON unless on a terminal."
    )


class IncludedFile(Written):
    """A file that `include` names: stacks and their accounts."""

    accounts: dict[Key, AccountSettings] = Field(default_factory=dict, description="Accounts, by key.")
    stacks: dict[Key, StackSettings] = Field(default_factory=dict, description="Stacks, by key.")


class AdvisorFile(IncludedFile):
    """The whole of advisor.yaml."""

    store: Secret = Field(
        Secret("sqlite:///advisor.db"),
        description="`sqlite:///file` beside this file, or `postgresql://...`.",
    )
    timezone: Zone = Field("UTC", description="Where days, weeks and months begin.")
    include: tuple[str, ...] = Field((), description="Further files with stacks, such as `stacks.d/*.yaml`.")
    rules: RulesSettings = Field(RulesSettings(), description="Rules of your own.")
    notify: NotifySettings = Field(NotifySettings(), description="Who is told, and how.")
    digest: DigestSettings = Field(DigestSettings(), description="The report.")
    heartbeat: Secret | None = Field(
        None, description="A URL that is called after each round, of a service that notices when that stops."
    )
    sentry: SentrySettings | None = Field(None, description="Sentry.")
    web: WebSettings = Field(WebSettings(), description="The page.")
    retention: RetentionSettings = Field(RetentionSettings(), description="History.")
    log: LogSettings = Field(LogSettings(), description="The log.")
