"""What the REST API adds to the analytics: the plan, a zone's state, projects and builds of Pages."""

from datetime import datetime, timedelta
from urllib.parse import quote

from advisor.collectors._days import utc_day, utc_month
from advisor.collectors.cloudflare.ask import WHERE, Api
from advisor.core.model import Gap, Limit, Quality, Reading, Term
from advisor.polling.body import Body
from advisor.polling.contract import Answer, TokenRefused, Unexpected, Verified

__all__ = ["BILLING", "PAGES", "ZONE", "builds", "plan", "verified", "zone"]

BILLING, PAGES, ZONE = "Billing: Read", "Cloudflare Pages: Read", "Zone: Read"

_PER_PAGE, _MOST_PAGES = 25, 20
_SOURCE = "provider API"
_IN_FORCE = {"Trial", "Provisioned", "Paid", "AwaitingPayment"}


async def plan(api: Api, account: str, product: str) -> list[Term]:
    """Return the Workers plan, on which all but R2, Pages and zones depend; of Pages what it lifts.

    Raises:
        CollectError: As `Api.rest`.
    """
    body = await api.rest(f"/accounts/{account}/subscriptions", BILLING)
    paid = is_paid(body)
    if product == "pages":
        return [Term("limit", None, _SOURCE, api.poll.now, "requests", Limit.QUOTA, "day")] if paid else []
    return [Term("plan", "paid" if paid else "free", _SOURCE, api.poll.now)]


def is_paid(body: Body) -> bool:
    """Say whether a subscription to Workers Paid is in force: an account on Free has none. Pure."""
    for one in body["result"].each():
        rate_plan, state = one.get("rate_plan", "id"), one.get("state")
        name = str(rate_plan.value).casefold() if rate_plan is not None else ""
        if name == "workers_paid" and (state is None or state.value in _IN_FORCE):
            return True
    return False


async def zone(api: Api, key: str) -> Answer:
    """Return a zone's plan, and whether it is paused or not active.

    Raises:
        CollectError: As `Api.rest`.
    """
    return parse_zone(await api.rest(f"/zones/{key}", ZONE), api.poll.now)


def parse_zone(body: Body, now: datetime) -> Answer:
    """Turn `/zones/{id}` into plan and restriction. Pure."""
    result = body["result"]
    readings, terms = [], []
    status, paused = result.get("status"), result.get("paused")
    if status is not None:
        held = (status.value != "active") + (paused is not None and paused.value is True)
        readings.append(Reading("restricted", float(held), now))
    name = result.get("plan", "legacy_id")
    if name is not None:
        terms.append(Term("plan", name.text().casefold(), _SOURCE, now))
    return Answer(readings, terms)


async def builds(api: Api, account: str, project: str) -> Answer:
    """Return the builds of Pages of this month, by UTC day, and the number of projects.

    There is no counter: a deployment whose stage `build` ran is one build. It is an estimate, for whether
    failed and cancelled ones count is not documented.

    Raises:
        CollectError: As `Api.rest`.
    """
    names, total = await _projects(api, account)
    readings: list[Reading] = []
    gaps: list[Gap] = []
    if project:
        names = [name for name in names if name == project] or [project]
    elif total is None or total <= len(names):
        readings.append(Reading("projects", float(len(names)), api.poll.now))
    else:
        readings.append(Reading("projects", total, api.poll.now))
        gaps.append(Gap("builds", f"{WHERE} lists {len(names)} of {total:g} projects of Pages", ("builds",)))
    now = api.poll.now
    month = utc_month(now)
    days: dict[datetime, int] = {month + timedelta(days=day): 0 for day in range((now - month).days + 1)}
    whole = not gaps
    for name in names:
        whole &= await _count(api, f"/accounts/{account}/pages/projects/{quote(name)}/deployments", days)
    if not whole:
        why = f"more than {_MOST_PAGES} pages of deployments, so that the builds of the month are not known"
        return Answer(readings, gaps=[*gaps, Gap("builds", f"{WHERE}: {why}", ("builds",))])
    readings += [
        Reading("builds", float(count), min(day + timedelta(days=1), now), day, quality=Quality.ESTIMATED)
        for day, count in days.items()
        if day < now
    ]
    return Answer(readings, gaps=gaps)


async def _projects(api: Api, account: str) -> tuple[list[str], float | None]:
    """Return the names of the projects, and how many there are as Cloudflare counts them."""
    path = f"/accounts/{account}/pages/projects"
    names: dict[str, None] = {}
    total: float | None = None
    for page in range(1, _MOST_PAGES + 1):
        # The description has no pages here, so the first one is asked without saying so.
        query = {"page": str(page)} if page > 1 else None
        body = await api.rest(path, PAGES, query)
        found = {one.text("name"): None for one in body["result"].each()}
        total = body.number("result_info", "total_count")
        new = found.keys() - names.keys()
        names |= found
        if not new or total is None or len(names) >= total:
            break
    return list(names), total


async def _count(api: Api, path: str, days: dict[datetime, int]) -> bool:
    """Add a project's builds to `days`; False: there are more pages than may be asked."""
    for page in range(1, _MOST_PAGES + 1):
        body = await api.rest(path, PAGES, {"page": str(page), "per_page": str(_PER_PAGE)})
        found = list(body["result"].each())
        older = False
        for one in found:
            at = utc_day(one.time("created_on"))
            older |= at < min(days)
            if at in days and has_built(one):
                days[at] += 1
        pages = body.number("result_info", "total_pages")
        if older or not found or (page >= pages if pages is not None else len(found) < _PER_PAGE):
            return True
    return False


def has_built(deployment: Body) -> bool:
    """Say whether a deployment ran a build: one that was uploaded has none. Pure."""
    stages = deployment.get("stages")
    for stage in stages.each() if stages is not None else ():
        if stage.text("name") == "build":
            began = stage.get("started_on")
            return began is not None and (stage.get("status") or began).value != "skipped"
    return False


async def verified(api: Api, account: str) -> Verified:
    """Return whether the token is good, a user's or the account's own, and when it ends.

    Raises:
        TokenRefused: It is not, or no longer.
        CollectError: As `Api.rest`.
    """
    try:
        body, whose = await api.rest("/user/tokens/verify", ""), "a user's token"
    except TokenRefused as error:
        if not account or "malformed" in str(error):
            raise
        body, whose = await api.rest(f"/accounts/{account}/tokens/verify", ""), "the account's token"
    result = body["result"]
    status = result.text("status")
    if status in {"disabled", "expired"}:
        raise TokenRefused(f"{WHERE}: the token is {status}; create another one")
    if status != "active":
        raise Unexpected(
            f"{WHERE}: `result.status` is none of active, disabled, expired; the API may have changed"
        )
    return Verified(whose, expires=None if result.get("expires_on") is None else result.time("expires_on"))
