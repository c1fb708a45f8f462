"""Fly.io: memory, CPU over its baseline, machines, traffic, response times, errors and volumes of one app.

API     Machines API: GET /v1/apps/{app}, .../machines, .../volumes on api.machines.dev. Managed Prometheus:
        GET /prometheus/{org}/api/v1/query and query_range on api.fly.io. GraphQL on api.fly.io: the standing
        of the organisation's bill.
Token   read-only token of the organisation: `fly tokens create readonly ORG`.
Quirks  There is no usage, cost or invoice API: nothing here is a bill. A shared CPU may use 1/16 of a core
        for good (`fly_instance_cpu_baseline`); more is taken from a balance, and without one the machine is
        throttled. CPU here is use over that baseline: above 1 the balance shrinks. Times of machines are in
        centiseconds. Traffic is counted at the edge proxies; what leaves by another way or crosses regions in
        private is billed and not in it, so egress is estimated. Proxies restart, so counters are read by
        increase(). Metrics are kept for about 15 days. The Machines API has no official description that
        could be had; its samples rest on the docs. GraphQL is what the official client uses, without public
        documentation: it may change. Not confirmed: by which GB egress is billed, whether a read-only token
        may see the standing of the bill, which standings hold machines back (read from their names), the
        rate limits of Prometheus and GraphQL.
"""

from datetime import datetime
from functools import partial
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors.fly import machines, series
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence, Reading
from advisor.polling import graphql
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified
from advisor.polling.fetch import get_json
from advisor.polling.reply import plain

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "fly"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "memory", "cpu", "instances", "disk_used", "disk_size", "egress", "requests", "error_rate",
        "response_time", "restricted",
    )
)  # fmt: skip
SCOPES = ("readonly",)
# No budget: the limit of the Machines API is one request a second of each kind and app, so that apps share
# nothing, and once a minute is a sixtieth of it.
INTERVAL = 60.0
ABOUT = About(
    title="Fly.io",
    access=(
        Access(
            Tier.READ,
            "readonly",
            "machines, volumes and metrics of every app of the organisation",
            "names, regions, sizes and configuration of all apps; environment variables, yet no secrets",
        ),
        Access(
            Tier.PRIVILEGED,
            "deploy token of one app",
            "nothing: it sees one app only, and may not read Prometheus everywhere",
            "everything in that app: a leaked one can deploy and destroy it",
        ),
    ),
    spec="fly/fly-api.schema.graphql",
    confidence=Confidence.DOCUMENTED,
    open=(
        "whether a read-only token may read billingStatus",
        "which standings of a bill hold machines back",
        "rate limits of Prometheus and GraphQL",
        "which GB egress is billed by",
    ),
    dashboard="https://fly.io/dashboard",
    delay="a minute",
    connect=(
        "Run `fly tokens create readonly ORG`; it lasts 20 years unless you give an --expiry.",
        "Put the whole of it, `FlyV1` included, into `token:` as ${NAME}.",
        "Write the app's name as `app:`.",
    ),
    example={"app": "shop-api", "org": "acme", "token": "FlyV1 fm2_example"},
)

_MACHINES = "https://api.machines.dev"
_FLY = "https://api.fly.io"
_BILL = "query Standing($slug: String!) { organization(slug: $slug) { slug billingStatus } }"


class Settings(BaseModel):
    """What advisor.yaml says about an app at Fly.io."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A read-only token of the organisation, `FlyV1` included.")
    app: str = Field(min_length=1, description="The app's name.")
    org: str = Field("", description="The organisation's slug; empty: it is asked for once.")
    base_url: str = Field(
        "",
        description="Another address, for both api.machines.dev and api.fly.io.",
        pattern="^(https?://.*)?$",
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the app uses now, and by bucket what is new since the last poll.

    Raises:
        CollectError: Fly.io cannot be reached or refuses, or nothing could be read.
    """
    org = settings.org or str(poll.previous.get("org", "")) or await _org(poll, settings)
    ways = series.Server(
        poll, f"{_base(settings, _FLY)}/prometheus/{quote(org, safe='')}", _headers(settings)
    )
    covered = poll.previous.get("covered", {})
    pieces = [
        Piece("machines", lambda: _list(poll, settings, "machines"), ("instances",)),
        Piece("volumes", lambda: _list(poll, settings, "volumes"), ("disk_used", "disk_size")),
        Piece("standing of the bill", lambda: _standing(poll, settings, org), ("restricted",)),
        Piece("memory", lambda: series.memory(ways, settings.app), ("memory",)),
        Piece("cpu", lambda: series.cpu(ways, settings.app), ("cpu",)),
        *(
            Piece(
                name,
                partial(series.buckets, ways, settings.app, name, covered.get(name)),
                wanted.metrics,
                {name: covered[name]} if name in covered else {},
            )
            for name, wanted in series.COUNTED.items()
        ),
    ]
    answer = await together(pieces)
    known = {name: answer.keep[name] for name in series.COUNTED if name in answer.keep}
    return Answer(answer.readings, answer.terms, answer.gaps, {"org": org, "covered": known}, answer.evidence)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the app: tells whether the token sees it and whose it is. Rights and expiry are not told."""
    return Verified(whose=await _org(poll, settings))


def _headers(settings: Settings) -> dict[str, str]:
    """Return the header: macaroons (fm1r_, fm2_) have a scheme of their own, older tokens are Bearer."""
    token = settings.token.get_secret_value().strip()
    token = token.removeprefix("Bearer ").strip()
    if token.startswith(("fm1", "fm2")):
        token = f"FlyV1 {token}"
    return {"Authorization": token if token.startswith("FlyV1 ") else f"Bearer {token}"}


def _base(settings: Settings, host: str) -> str:
    return (settings.base_url or host).rstrip("/")


async def _app(poll: Poll, settings: Settings, rest: str = "") -> Body:
    path = f"/v1/apps/{quote(settings.app, safe='')}{rest}"
    answer = await get_json(
        poll.http,
        _base(settings, _MACHINES) + path,
        where="Fly.io's Machines API",
        now=poll.now,
        headers=_headers(settings),
        right="readonly",
    )
    return Body(answer, "Fly.io's Machines API")


async def _org(poll: Poll, settings: Settings) -> str:
    return (await _app(poll, settings))["organization"].text("slug")


async def _list(poll: Poll, settings: Settings, what: str) -> Answer:
    body = await _app(poll, settings, f"/{what}")
    return (machines.machines if what == "machines" else machines.volumes)(body, poll.now)


async def _standing(poll: Poll, settings: Settings, org: str) -> Answer:
    data = await graphql.ask(
        poll.http,
        f"{_base(settings, _FLY)}/graphql",
        _BILL,
        {"slug": org},
        where="Fly.io's GraphQL",
        now=poll.now,
        headers=_headers(settings),
        right="readonly",
    )
    return standing(data.body, poll.now)


#: What these do is read from their names. PAST_DUE and SOURCE_REQUIRED only ask for payment.
_RESTRICTING = frozenset({"DELINQUENT", "SUSPENDED", "TRIAL_ENDED"})


def standing(data: Body, now: datetime) -> Answer:
    """Return whether the organisation is restricted for its bill, Fly.io's own word as evidence. Pure."""
    status = data["organization"].text("billingStatus")
    reading = Reading("restricted", float(status in _RESTRICTING), now)
    return Answer([reading], evidence={"Standing of the bill": [{"Fly.io says": plain(status, 30)}]})
