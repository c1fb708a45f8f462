"""DigitalOcean: Droplets, an App Platform app, a load balancer, a managed database, and the account.

API     GET /v2/droplets (pages by `links.pages.next`), /v2/monitoring/metrics/..., /v2/apps/{id},
        /v2/apps/{id}/metrics/bandwidth_daily, /v2/databases/{uuid}, /v2/account, /v2/customers/my/balance.
Token   a personal access token with custom scopes, all of them to read: droplet:read, monitoring:read,
        app:read, database:read, account:read, and billing:read only for `billing: true`.
Quirks  CPU of a Droplet is cumulative seconds by mode; bandwidth is megabits a second, so that bytes are
        estimated by adding it up; money and bytes are texts. Memory and file systems need the metrics agent
        in the Droplet, and an empty answer may mean that it is missing. App bandwidth comes by UTC day, a day
        late. The REST API measures MySQL alone: of other databases it tells the size, and their own protocol
        tells the rest. Answers about databases hold passwords; none is read. Spaces have no usage API: their
        size can only be listed as of any S3 bucket. No endpoint tells what is left of the transfer pool. Not
        confirmed: how long metrics are kept (14 days is common), how coarse points get over long ranges,
        which label names the class of a load balancer's answers, whether an app's allowance grows with its
        instances (told only for one).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors.digitalocean import apps, droplets, others
from advisor.collectors.digitalocean.matrix import Series, matrix
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap
from advisor.polling.body import Body
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Verified
from advisor.polling.fetch import get_json

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "digitalocean"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "cpu", "memory", "disk_used", "disk_size", "instances", "connections", "egress", "requests",
        "error_rate", "response_time", "cost", "restricted",
    )
)  # fmt: skip
SCOPES = ("droplet:read", "monitoring:read", "app:read", "database:read", "account:read", "billing:read")
INTERVAL = 600.0
ABOUT = About(
    title="DigitalOcean",
    access=(
        Access(
            Tier.READ,
            "droplet:read, monitoring:read, app:read, account:read",
            "Droplets, apps, load balancers, the account's limits and standing",
            "names, sizes, addresses and app specifications",
        ),
        Access(
            Tier.READ,
            "database:read",
            "size and standing of a managed database, and what a MySQL one uses",
            "names and addresses of databases; passwords only with database:view_credentials",
        ),
        Access(Tier.READ, "billing:read", "what the account has used this month, in dollars", "invoices"),
    ),
    products=("digitalocean", "digitalocean-app-platform"),
    spec="digitalocean/digitalocean-v2-cut.json",
    open=(
        "how long metrics are kept and how coarse they get",
        "which label names the class of a load balancer's answers",
        "whether an app's allowance grows with its instances",
    ),
    dashboard="https://cloud.digitalocean.com",
    delay="minutes; app bandwidth a day",
    connect=(
        "Open API, Tokens, Generate New Token; choose Custom Scopes and tick those above, no more.",
        "Give it an expiry, and put it into `token:` as ${NAME}.",
        "Install the metrics agent in each Droplet for memory and disk.",
    ),
    example={
        "token": "dop_v1_example",
        "tag": "web",
        "app": "app-1",
        "load_balancer": "lb-1",
        "database": "db-1",
        "billing": True,
    },
    budget=Budget(5000, 3600, "token", "DigitalOcean API reference, rate limit"),
)

WHERE = "DigitalOcean"
_PAGE = 200
_MOST_PAGES = 20
_MOST_DROPLETS = 12  # Each is six requests, and a tenth of the rate limit is 83 in ten minutes.
_BEFORE = timedelta(minutes=10)  # So that the first value of a stretch has one before it.


class Settings(BaseModel):
    """What advisor.yaml says about a service at DigitalOcean. With none of the ids: all Droplets."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(description="A token with read scopes.")
    tag: str = Field("", description="Only the Droplets with this tag.")
    app: str = Field("", description="An App Platform app's id.")
    load_balancer: str = Field("", description="A load balancer's id.")
    database: str = Field("", description="A managed database cluster's id.")
    billing: bool = Field(False, description="Whether the account's dollars are this service's cost.")
    base_url: str = Field("https://api.digitalocean.com", description="Another address of the API.")

    @property
    def droplets(self) -> bool:
        """Say whether Droplets are meant: by their tag, or because nothing else is named."""
        return bool(self.tag) or not (self.app or self.load_balancer or self.database)


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what is used now, and of amounts what is new since the last poll.

    Raises:
        CollectError: DigitalOcean cannot be reached or refuses, or nothing could be read.
    """
    api = _Api(poll, settings)
    product = poll.service.provider.removeprefix(PROVIDER)
    machines = settings.droplets and not product
    pieces = [Piece("account", partial(api.account, limits=machines), ("restricted",))]
    if machines:
        pieces.append(Piece("Droplets", api.droplets, droplets.METRICS, _kept(poll, "droplets")))
    if settings.app:
        pieces.append(Piece("app", api.app, ("cpu", "memory", "instances"), _kept(poll, "sizes")))
        pieces.append(Piece("app bandwidth", api.app_bandwidth, ("egress",), _kept(poll, "app_days")))
    if settings.load_balancer:
        for name, stat in others.RESPONSE_TIMES.items():
            pieces.append(
                Piece(f"{stat} of response times", partial(api.durations, name), ("response_time",))
            )
        pieces.append(Piece("answers", api.answers, ("requests", "error_rate"), _kept(poll, "answers")))
    if settings.database:
        pieces.append(Piece("database", api.database, ("disk_size", "disk_used", "cpu", "connections")))
    if settings.billing:
        pieces.append(Piece("balance", api.balance, ("cost",), _kept(poll, "balance")))
    answer = await together(pieces)
    gaps = list(answer.gaps)
    if product == "-spaces":
        why = "DigitalOcean has no usage API for Spaces: watch the bucket with `provider: s3-compatible`"
        gaps.append(Gap("Spaces", why, ("storage", "egress")))
    if product == "-app-platform" and not settings.app:
        gaps.append(Gap("app", "which app it is, is not said: write its id as `app:`", ("cpu", "memory")))
    return Answer(answer.readings, answer.terms, gaps, answer.keep, answer.evidence)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Ask for the account: whose the token is. Its scopes and its expiry are not told."""
    account = (await _Api(poll, settings).get("/v2/account", "account:read"))["account"]
    team = account.get("team", "name")
    return Verified(whose=team.text() if team is not None else account.text("email"))


def _kept(poll: Poll, key: str) -> dict[str, Any]:
    return {key: poll.previous[key]} if key in poll.previous else {}


class _Api:
    """One poll's conversation."""

    def __init__(self, poll: Poll, settings: Settings) -> None:
        self.poll = poll
        self.settings = settings
        self.now = poll.now

    async def get(self, path: str, right: str, query: Mapping[str, str] | None = None) -> Body:
        """GET a path."""
        answer = await get_json(
            self.poll.http,
            self.settings.base_url.rstrip("/") + path,
            where=WHERE,
            now=self.now,
            headers={"Authorization": f"Bearer {self.settings.token.get_secret_value()}"},
            params=query,
            right=right,
        )
        return Body(answer, WHERE)

    async def metric(self, path: str, query: Mapping[str, str], since: datetime) -> list[Series]:
        """GET a time series from `since` until now."""
        times = {"start": f"{since.timestamp():.0f}", "end": f"{self.now.timestamp():.0f}"}
        return matrix(await self.get(f"/v2/monitoring/metrics/{path}", "monitoring:read", {**query, **times}))

    async def account(self, *, limits: bool) -> Answer:
        """Give the account's standing, and how many Droplets it may have."""
        return others.account(
            (await self.get("/v2/account", "account:read"))["account"], self.now, limits=limits
        )

    async def droplets(self) -> Answer:
        """Give what each Droplet uses."""
        found, gaps = await self._listed()
        active = [one for one in found if one.text("status") == "active"]
        if len(active) > _MOST_DROPLETS:
            left = len(active) - _MOST_DROPLETS
            why = f"{left} Droplets are left out: a poll asks for {_MOST_DROPLETS}; split them by `tag`"
            gaps.append(Gap("Droplets", why, droplets.METRICS))
        names = droplets.names(active)
        kept = self.poll.previous.get("droplets", {})
        pieces = [
            Piece(
                f"Droplet {names[index]}",
                partial(self._droplet, one, names[index], kept.get(f"{one['id'].value}")),
                droplets.METRICS,
            )
            for index, one in enumerate(active[:_MOST_DROPLETS])
        ]
        base = droplets.inventory(active, self.now, whole=not self.settings.tag and not gaps)
        answer = await together(pieces) if pieces else Answer()
        terms = [*base.terms, *droplets.fullest(active, answer, names, self.now)]
        return Answer(
            [*base.readings, *answer.readings],
            terms,
            [*answer.gaps, *gaps],
            {"droplets": {**kept, **answer.keep}},
        )

    async def _listed(self) -> tuple[list[Body], list[Gap]]:
        found: list[Body] = []
        for page in range(1, _MOST_PAGES + 1):
            query = {"page": str(page), "per_page": str(_PAGE)}
            if self.settings.tag:
                query["tag_name"] = self.settings.tag
            body = await self.get("/v2/droplets", "droplet:read", query)
            found += list(body["droplets"].each())
            if body.get("links", "pages", "next") is None:
                return found, []
        return found, [
            Gap("Droplets", f"there are more than {_MOST_PAGES} pages of them; the rest is not seen")
        ]

    async def _droplet(self, droplet: Body, name: str, covered: float | None) -> Answer:
        host = {"host_id": f"{droplet['id'].value}"}
        lately = self.now - timedelta(minutes=15)
        levels = {
            path: await self.metric(f"droplet/{path}", host, lately)
            for path in ("cpu", "memory_total", "memory_available", "filesystem_size", "filesystem_free")
        }
        since, until = droplets.hours(self.now, covered)
        sent: Sequence[Series] = ()
        if since < until:
            way = {**host, "interface": "public", "direction": "outbound"}
            sent = await self.metric("droplet/bandwidth", way, since - _BEFORE)
        answer = droplets.levels(levels, name)
        traffic = droplets.egress(sent, name, since, until)
        keep = {host["host_id"]: until.timestamp()}
        return Answer([*answer.readings, *traffic], gaps=answer.gaps, keep=keep)

    async def app(self) -> Answer:
        """Give what the app's instances use, and what its sizes hold."""
        path = f"/v2/apps/{quote(self.settings.app, safe='')}"
        app = (await self.get(path, "app:read"))["app"]
        sizes = self.poll.previous.get("sizes")
        if sizes is None or apps.lacks(app, sizes):
            sizes = apps.sizes(await self.get("/v2/apps/tiers/instance_sizes", "app:read"))
        query = {"app_id": self.settings.app}
        lately = self.now - timedelta(minutes=15)
        cpu = await self.metric("apps/cpu_percentage", query, lately)
        memory = await self.metric("apps/memory_percentage", query, lately)
        answer = apps.levels(app, sizes, cpu, memory, self.now)
        return Answer(answer.readings, answer.terms, answer.gaps, {"sizes": sizes})

    async def app_bandwidth(self) -> Answer:
        """Give the bytes of each UTC day that is over and new, the last two once more."""
        path = f"/v2/apps/{quote(self.settings.app, safe='')}/metrics/bandwidth_daily"
        readings = []
        day, last = apps.days(self.now, self.poll.previous.get("app_days"))
        while day <= last:
            body = await self.get(path, "app:read", {"date": f"{day:%Y-%m-%d}T00:00:00Z"})
            readings += apps.bandwidth(body, self.settings.app, day)
            day += timedelta(days=1)
        return Answer(readings, keep={"app_days": last.timestamp()})

    async def durations(self, name: str) -> Answer:
        """Give one number of the load balancer's response times."""
        since = max(self.poll.since or self.now - timedelta(hours=1), self.now - timedelta(days=1))
        query = {"lb_id": self.settings.load_balancer}
        found = await self.metric(f"load_balancer/{name}", query, since - timedelta(minutes=10))
        return others.durations(found, others.RESPONSE_TIMES[name])

    async def answers(self) -> Answer:
        """Give requests and failures of the load balancer in the quarters of an hour that are over."""
        since, until = others.quarters(self.now, self.poll.previous.get("answers"))
        if since >= until:
            return Answer(keep=_kept(self.poll, "answers"))
        query = {"lb_id": self.settings.load_balancer}
        found = await self.metric("load_balancer/frontend_http_responses", query, since - _BEFORE)
        answer = others.answers(found, since, until)
        return Answer(answer.readings, gaps=answer.gaps, keep={"answers": until.timestamp()})

    async def database(self) -> Answer:
        """Give size and standing of a cluster, and of MySQL what it uses."""
        path = f"/v2/databases/{quote(self.settings.database, safe='')}"
        cluster = (await self.get(path, "database:read"))["database"]
        used: dict[str, list[Series]] = {}
        if cluster.text("engine") == "mysql":
            lately = self.now - timedelta(minutes=15)
            query = {"db_id": self.settings.database}
            for name in ("cpu_usage", "disk_usage"):
                used[name] = await self.metric(
                    f"database/mysql/{name}", {**query, "aggregate": "max"}, lately
                )
            used["threads_connected"] = await self.metric("database/mysql/threads_connected", query, lately)
        return others.database(cluster, used, self.now)

    async def balance(self) -> Answer:
        """Give the dollars that the account used since the last poll."""
        body = await self.get("/v2/customers/my/balance", "billing:read")
        return others.balance(body, self.poll.previous.get("balance"))
