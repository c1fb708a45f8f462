"""Redis and Valkey, wherever they run, by INFO: memory, clients, commands, evictions, hits, replicas.

API     Its own protocol: AUTH, INFO, and CONFIG GET maxmemory where INFO does not tell it. One connection a
        poll; no client library.
Token   a `url` redis://user:password@host:6379, rediss:// with TLS. The user needs `+info`, and optionally
        `+config|get`.
Quirks  The server knows no plan. `maxmemory` 0 is no limit, and then memory has none but the plan's. Counters
        begin anew with a restart (another run_id) or CONFIG RESETSTAT: amounts come with the second poll. CPU
        is that of the main thread, which cannot use more than one core. A cluster is asked node by node.
        Managed hosts leave out fields: what is missing is a gap. Bytes sent are no billed egress: left out.
        There is no official machine-readable description.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors.redis.resp import Address, Denied, ask, refused
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Unexpected, Verified

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "parse", "verify"]

PROVIDER = "redis"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "memory", "connections", "commands", "evicted_keys", "cache_hit_rate", "error_rate", "cpu",
        "replication_lag",
    )
)  # fmt: skip
SCOPES = ("+info", "+config|get")
INTERVAL = 60.0
ABOUT = About(
    title="Redis",
    access=(
        Access(
            Tier.READ,
            "+info",
            "memory, clients, commands, evictions, hits",
            "state and version of the server",
        ),
        Access(
            Tier.READ,
            "+config|get",
            "maxmemory, where INFO does not tell it",
            "the server's configuration, passwords of other servers in it included",
        ),
    ),
    delay="none",
    connect=(
        "ACL SETUSER advisor on >PASSWORD -@all +info +config|get",
        "Put its address into `url:` as ${NAME}: rediss://advisor:PASSWORD@host:6379.",
    ),
    open=("what managed hosts leave out of INFO",),
)

_COUNTERS = (
    "total_commands_processed",
    "evicted_keys",
    "keyspace_hits",
    "keyspace_misses",
    "total_error_replies",
    "used_cpu_user_main_thread",
    "used_cpu_sys_main_thread",
)


class Settings(BaseModel):
    """What advisor.yaml says about a service that is a Redis server."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr = Field(description="redis://user:password@host:6379, or rediss:// with TLS.")
    timeout: float = Field(10.0, gt=0, le=25, description="Seconds that a poll may take.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the server reports now; counters as amounts since `poll.previous`.

    Raises:
        CollectError: It cannot be reached, refuses the user, or does not speak the protocol.
        InputError: The url is none.
    """
    address = Address.parse(settings.url.get_secret_value())
    info, limit = await ask(address, [["INFO"], ["CONFIG", "GET", "maxmemory"]], settings.timeout)
    if isinstance(info, Denied):
        raise refused(address, "INFO", SCOPES[0])
    if not isinstance(info, str):
        raise Unexpected(f"{address.place}: INFO is no text; is it a Redis server?")
    known = fields(info)
    if "used_memory" not in known and "connected_clients" not in known:
        raise Unexpected(f"{address.place}: `used_memory` is missing in INFO; is it a Redis server?")
    if "maxmemory" not in known and isinstance(limit, list) and len(limit) == 2 and isinstance(limit[1], str):
        known["maxmemory"] = limit[1]
    return parse(known, poll.now.astimezone(UTC), poll.previous, address.place)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return whose the connection is, by INFO.

    Raises:
        CollectError: As `collect`.
    """
    address = Address.parse(settings.url.get_secret_value())
    (info,) = await ask(address, [["INFO", "server"]], settings.timeout)
    if isinstance(info, Denied):
        raise refused(address, "INFO", SCOPES[0])
    del poll
    return Verified(address.user or "the default user", (SCOPES[0],))


def fields(info: str) -> dict[str, str]:
    """Return the fields of INFO: a line each, split at the first colon. Pure."""
    lines = (line.strip() for line in info.splitlines())
    return {
        k: v for k, found, v in (line.partition(":") for line in lines if not line.startswith("#")) if found
    }


def parse(info: Mapping[str, str], now: datetime, previous: Mapping[str, Any], where: str) -> Answer:
    """Turn fields into readings, limits and gaps; `previous` is what the last poll kept. Pure.

    Raises:
        Unexpected: A field that is a number is none.
    """
    readings: list[Reading] = []
    terms: list[Term] = []
    gaps: list[Gap] = []
    for key, metric in ("used_memory", "memory"), ("connected_clients", "connections"):
        value = _number(info, key, where)
        if value is None:
            gaps.append(Gap(metric, f"{where}: INFO has no `{key}`", (metric,)))
        else:
            readings.append(Reading(metric, value, now))
    most = _number(info, "maxmemory", where)
    if most:
        terms += [Term("limit", most, where, now, "memory", kind) for kind in (Limit.QUOTA, Limit.AVAILABLE)]
    else:
        why = "`maxmemory` is 0" if most == 0 else "neither INFO nor CONFIG tells `maxmemory`"
        gaps.append(Gap("limit of memory", f"{where}: {why}: state the plan's under `limits:`", ("memory",)))
    clients = _number(info, "maxclients", where)
    if clients:
        terms.append(Term("limit", clients, where, now, "connections", Limit.MAX))
    else:
        why = "INFO has no `maxclients` (before Redis 7.0, or the host hides it): state it under `limits:`"
        gaps.append(Gap("limit of connections", f"{where}: {why}", ("connections",)))
    lag = _lag(info)
    if lag is not None:
        readings.append(Reading("replication_lag", lag, now))
    counters = {key: value for key in _COUNTERS if (value := _number(info, key, where)) is not None}
    keep = {"at": now.timestamp(), "run_id": info.get("run_id", ""), "counters": counters}
    if not previous.get("counters"):
        gaps.append(Gap("amounts", f"{where}: counters give amounts with the next poll", ("commands",)))
    else:
        readings += _amounts(counters, keep, previous, now)
    return Answer(readings, terms, gaps, keep)


def _amounts(
    counters: Mapping[str, float], keep: Mapping[str, Any], previous: Mapping[str, Any], now: datetime
) -> list[Reading]:
    since = datetime.fromtimestamp(previous["at"], UTC)
    if since >= now:
        return []
    again = keep["run_id"] != previous.get("run_id", "")
    grown: dict[str, float] = {}
    for key, value in counters.items():
        before = previous["counters"].get(key)
        if before is not None:  # One that fell began anew: what it shows came since.
            grown[key] = value if again or value < before else value - before
    readings = [
        Reading(metric, grown[key], now, since)
        for key, metric in (("total_commands_processed", "commands"), ("evicted_keys", "evicted_keys"))
        if key in grown
    ]
    hits, misses = grown.get("keyspace_hits"), grown.get("keyspace_misses")
    if hits is not None and misses is not None and hits + misses > 0:
        readings.append(Reading("cache_hit_rate", hits, now, since, of=hits + misses))
    errors, commands = grown.get("total_error_replies"), grown.get("total_commands_processed")
    if errors is not None and commands:
        readings.append(Reading("error_rate", min(errors, commands), now, since, of=commands))
    user, system = grown.get("used_cpu_user_main_thread"), grown.get("used_cpu_sys_main_thread")
    if user is not None and system is not None and not again:
        readings.append(Reading("cpu", (user + system) / (now - since).total_seconds(), now))
    return readings


def _lag(info: Mapping[str, str]) -> float | None:
    """Return how long ago the slowest replica was heard of, in seconds; None where there is none."""
    lags = []
    for key, value in info.items():
        if key.startswith("slave") and key[5:].isdigit():
            told = dict(pair.partition("=")[::2] for pair in value.split(","))
            if told.get("lag", "").isdigit():
                lags.append(float(told["lag"]))
    return max(lags, default=None)


def _number(info: Mapping[str, str], key: str, where: str) -> float | None:
    if key not in info:
        return None
    try:
        value = float(info[key])
    except ValueError:
        raise Unexpected(f"{where}: `{key}` of INFO is no number") from None
    return value if 0 <= value < float("inf") else None
