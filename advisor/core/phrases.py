"""The words of a recommendation: dates, differences, consequences, evidence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from advisor.core import price
from advisor.core.catalogue import AtEnd, Plan, Product, Reset
from advisor.core.demand import Binding
from advisor.core.document import Step
from advisor.core.fleet import Account
from advisor.core.forecast import OVER, Forecast
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Kind
from advisor.core.money import USD, Currency
from advisor.core.periods import Calendar
from advisor.core.units import show

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_MEANS = {
    Action.UPGRADE: "Upgrade for",
    Action.DOWNGRADE: "Downgrade for",
    Action.OPTIMISE: "Optimise",
    Action.SCALE_OUT: "Scale out for",
    Action.MIGRATE: "Migrate for",
    Action.INVESTIGATE: "Look into",
    Action.AUDIT_COSTS: "Audit",
}

#: What to optimise by, for the metrics of a database.
_OPTIMISE = {
    "storage": "postgres-storage",
    "disk_used": "postgres-storage",
    "connections": "postgres-connections",
    "waiting_connections": "postgres-connections",
    "idle_in_transaction": "postgres-connections",
    "query_time": "postgres-slow-queries",
    "cpu": "postgres-slow-queries",
    "memory": "postgres-slow-queries",
    "cache_hit_rate": "postgres-slow-queries",
    "egress": "postgres-slow-queries",
    "reads": "postgres-slow-queries",
}

#: Which evidence belongs to which playbook: words of its title, the most telling first.
_TELLING = {
    "postgres-storage": ("largest tables", "indexes without", "unused", "dead rows"),
    "postgres-connections": ("connections", "long transactions", "waits"),
    "postgres-slow-queries": ("slowest statements", "lack an index", "missing", "cache"),
}

_ENDS = {
    AtEnd.BLOCKED: "more is refused",
    AtEnd.THROTTLED: "it is throttled",
    AtEnd.PAUSED: "it is paused",
    AtEnd.READ_ONLY: "it becomes read-only",
}


def words(metric: str) -> str:
    """Return a metric's name for people: `query time`."""
    return metric.replace("_", " ")


def over_limit(metric: str) -> str:
    """Return that a metric is over its limit: `storage is over its limit`, `emails are over their limit`."""
    return f"{words(metric)} {'are over their limit' if _plural(metric) else 'is over its limit'}"


def binds_first(metric: str) -> str:
    """Return that a metric binds first: `storage binds first`, `emails bind first`."""
    return f"{words(metric)} {'bind' if _plural(metric) else 'binds'} first"


def _plural(metric: str) -> bool:
    return metric.endswith("s") and not metric.endswith("ss")


def means(action: Action) -> str:
    """Return how a sentence with that action begins."""
    return _MEANS[action]


def share(value: float, limit: float) -> str:
    """Return the used share: `80 %`."""
    return show(value / limit, "ratio") if limit > 0 else "100 %"


def limit_text(binding: Binding) -> str:
    """Return a limit with its period: `500 MB`, `100 a day`."""
    if binding.limit.value is None:
        return "unlimited"
    period = Reset(binding.limit.reset).period
    text = show(binding.limit.value, VOCABULARY[binding.metric].unit)
    return f"{text} a {period}" if period else text


def level(binding: Binding) -> str:
    """Return where a metric stands: `emails at 83.6 % of 100 a day`."""
    if binding.limit.value is None:
        return f"{words(binding.metric)} unlimited"
    return f"{words(binding.metric)} at {share(binding.value, binding.limit.value)} of {limit_text(binding)}"


def day(at: datetime, timezone: str, now: datetime) -> str:
    """Return a date at its place: `12 March`, with the year where it is another one."""
    local = at.astimezone(ZoneInfo(timezone))
    text = f"{local.day} {_MONTHS[local.month - 1]}"
    return text if local.year == now.astimezone(ZoneInfo(timezone)).year else f"{text} {local.year}"


def between(forecast: Forecast, timezone: str, now: datetime) -> str:
    """Return a forecast's date with its 80 % interval: `12 March (10–19 March)`; empty without a date."""
    if forecast.when is None:
        return ""
    text = day(forecast.when, timezone, now)
    low = day(forecast.low or forecast.when, timezone, now)
    if forecast.high is None:
        return f"{text} (from {low} on, perhaps not at all)"
    high = day(forecast.high, timezone, now)
    if low == high:
        return text
    low_day, _, low_rest = low.partition(" ")
    _, _, high_rest = high.partition(" ")
    return f"{text} ({low_day}–{high})" if low_rest == high_rest else f"{text} ({low} – {high})"


def by_date(binding: Binding, timezone: str, now: datetime) -> str:
    """Return what binds and when: `egress on 2 May`."""
    if binding.forecast.when is None:
        return words(binding.metric)
    if binding.forecast.state == OVER:
        return f"{words(binding.metric)}, over now"
    return f"{words(binding.metric)} on {day(binding.forecast.when, timezone, now)}"


def monthly(usd: float | None, currency: Currency = USD) -> str:
    """Return a price: `$25/mo`, or that it is not known."""
    return "price not known" if usd is None else f"{currency.show(usd)}/mo"


def difference(usd: float | None, currency: Currency = USD) -> str:
    """Return a difference: `$25/mo more`."""
    if usd is None:
        return "price not known"
    if abs(usd) < 0.005:
        return "at the same price"
    return f"{currency.show(abs(usd))}/mo {'more' if usd > 0 else 'less'}"


def otherwise(
    binding: Binding | None,
    product: Product | None,
    plan: Plan | None,
    account: Account,
    timezone: str,
    now: datetime,
    *,
    stops: bool = False,
    currency: Currency = USD,
) -> str:
    """Return what happens when nobody acts: what the provider does at the limit, when, or what it bills.

    `stops`: the account's spend cap turns overage into a stop.
    """
    if binding is None or binding.limit.value is None:
        return ""
    when = binding.forecast.when
    name = words(binding.metric)
    start = f"From {day(when, timezone, now)}" if when is not None else "At the limit"
    if binding.forecast.state == OVER:
        start = "Now"
    if binding.limit.at_end == AtEnd.BILLED:
        if stops:
            return f"{start} more is refused, because of the spend cap ({name})."
        return _billed(binding, product, plan, account, start, timezone, now, currency)
    end = _ENDS.get(AtEnd(binding.limit.at_end or "unknown"))
    if end is None:
        return f"What happens at the limit of {name} is not known."
    note = binding.limit.notes.get("note", "")
    return f"{start} {end} ({name})." + (f" {note}" if note else "")


def _billed(
    binding: Binding,
    product: Product | None,
    plan: Plan | None,
    account: Account,
    start: str,
    timezone: str,
    now: datetime,
    currency: Currency,
) -> str:
    """Return what overage comes to at the end of the running period, at the present pace."""
    forecast, name = binding.forecast, words(binding.metric)
    # A level that never resets is billed with the account's month.
    reset = Reset(binding.limit.reset) or Reset.BILLING
    end = Calendar(reset, account.timezone, account.billing_day).around(now)[1]
    if VOCABULARY[binding.metric].kind is Kind.LEVEL:
        value = forecast.value_in((end - now).total_seconds() / 86400)
        value = binding.value if value is None else value
    else:
        value = forecast.at_end_of_period
    quota = next((q for q in (plan.quotas if plan else ()) if q.metric == binding.metric and q.overage), None)
    usd = price.over_quota(product, quota, value) if product and quota and value is not None else None
    if not usd:
        return f"{start} overage is billed ({name})."
    until = f"by the period's end on {day(end, timezone, now)}"
    return f"{start} overage is billed: about {currency.show(usd)} {until} ({name})."


def optimise_playbook(metric: str) -> str:
    """Return the playbook that makes a database need less of the metric; empty where there is none."""
    return _OPTIMISE.get(metric, "")


def evidence_lines(
    evidence: Mapping[str, Sequence[Mapping[str, str]]], metric: str, rows: int = 3
) -> list[str]:
    """Return the lines of evidence that bear on the metric: its title and the first rows."""
    telling = _TELLING.get(optimise_playbook(metric), ())
    lines: list[str] = []
    for word in telling:
        for title, found in evidence.items():
            if word in title.casefold() and found:
                shown = "; ".join(_row(row) for row in found[:rows])
                lines.append(f"{title}: {shown}")
    return list(dict.fromkeys(lines))


def _row(row: Mapping[str, str]) -> str:
    first, *rest = [(key, value) for key, value in row.items() if value] or [("", "")]
    detail = ", ".join(f"{key} {value}" for key, value in rest)
    return f"{first[1]} ({detail})" if detail else first[1]


def step_text(document: str, step: Step) -> str:
    """Return a document's step: `app-virgin line 301: Supabase Free → Supabase Pro (8GB), $25/mo, at ...`."""
    way = f"{step.from_plan} → {step.to_plan}" if step.from_plan else step.to_plan
    parts = [way, step.price_to, f"at: {step.condition}" if step.condition else ""]
    return f"{document} line {step.line}: " + ", ".join(filter(None, parts))
