"""What stands beside the headline: date, steps, evidence, other ways, marks of honesty."""

from collections.abc import Container, Iterator
from datetime import datetime

from advisor.core.advise.case import Case, Present
from advisor.core.advise.indexes import suggested
from advisor.core.catalogue import AtEnd
from advisor.core.choose import Option
from advisor.core.concerns import Concern
from advisor.core.document import Document, Step
from advisor.core.forecast import OVER
from advisor.core.limits import used
from advisor.core.message import Recommendation
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence, Quality
from advisor.core.old_figures import old
from advisor.core.phrases import (
    between,
    binds_first,
    by_date,
    evidence_lines,
    level,
    limit_text,
    monthly,
    optimise_playbook,
    otherwise,
    over_limit,
    share,
    step_text,
    words,
)
from advisor.core.price import capped
from advisor.core.units import show
from advisor.core.wording import short_source


def filled(case: Case, draft: Recommendation, option: Option | None) -> Recommendation:
    """Return the draft with what every recommendation on a service has."""
    first, second = case.first_two()
    foreseen = first.forecast if first is not None else None
    own = case.own
    how = ""
    if foreseen is not None and first is not None and foreseen.how:
        how = f"{words(first.metric)} {foreseen.how}"
    elif own is not None and own.forecast.how:
        how = f"{words(own.metric)} {own.forecast.how}"
    return draft.model_copy(
        update={
            "service": case.service.subject.key,
            "currency": case.currency.code,
            "rate": case.currency.rate,
            "by": foreseen.when if foreseen else None,
            "by_low": foreseen.low if foreseen else None,
            "by_high": foreseen.high if foreseen else None,
            "old_figure": first is not None and old(first.limit, case.now),
            "forecast": how,
            "otherwise": otherwise(
                first or own,
                case.product,
                case.plan,
                case.account,
                case.timezone,
                case.now,
                stops=case.plan is not None and capped(case.plan, case.account),
                currency=case.currency,
            ),
            "binds_next": by_date(second, case.timezone, case.now) if second is not None else "",
            "document_step": _document_step(case),
            "evidence": (*_figures(case), *_seen(case)),
            "states": tuple(_states(case, option)),
        }
    )


def deadline(case: Case) -> str:
    """Return the rest of the headline: by when, what binds first, what next."""
    first, second = case.first_two()
    learning, own = case.learning, case.own
    if first is None:
        if own is None or own.limit.value is None:
            return f" ({learning})." if learning else "."
        return f"; {learning}: {level(own)}." if learning else f": {level(own)}."
    if first.forecast.state == OVER:
        text = f", now: {over_limit(first.metric)}"
    else:
        text = f", before {between(first.forecast, case.timezone, case.now)}: {binds_first(first.metric)}"
    if second is not None:
        text += f"; next would be {by_date(second, case.timezone, case.now)}"
    return f"{text}."


def as_of(option: Option | None, now: datetime) -> str:
    """Return the day of a price that is old; empty where it is not."""
    if option is None or option.price.as_of is None:
        return ""
    entries = [option.plan, *([option.size] if option.size is not None else [])]
    return option.price.as_of.isoformat() if any(entry.old(now.date()) for entry in entries) else ""


def price_parts(here: Present, option: Option) -> tuple[str, ...]:
    """Return what a price is made of, a line a part: `Pro $25`, `tax of 23% $5.75`."""
    return tuple(f"{line.what} {here.currency.show(line.usd)}" for line in option.price.lines if line.usd)


# How it is done.


def playbook_of(case: Case, best: Option) -> str:
    """Return the name of the playbook that leads to an option."""
    if best.elsewhere is not None:
        return best.elsewhere.step.playbook or best.plan.playbook
    return best.plan.playbook or case.concern.rule.playbook


def steps(case: Case, best: Option) -> tuple[str, ...]:
    """Return the steps that lead to an option."""
    book = case.playbooks.get(playbook_of(case, best))
    return book.steps(_facts(case, best)) if book is not None else ()


def switching(case: Case, best: Option) -> str:
    """Return what a move to another provider takes, which is not priced; empty where there is none."""
    if best.elsewhere is None:
        return ""
    step = best.elsewhere.step
    code, downtime = _work(case, step)
    parts = [
        f"code changes: {code}",
        f"effort: {step.effort}" if step.effort else "",
        f"downtime: {downtime}",
    ]
    where = f"{best.elsewhere.document} line {step.line}"
    return f"{', '.join(filter(None, parts))} ({where}; the move itself is not priced)"


def in_short(case: Case, best: Option) -> str:
    """Return the headline's sentence on what a move takes; empty where there is none."""
    if best.elsewhere is None:
        return ""
    code, downtime = _work(case, best.elsewhere.step)
    return f" Code changes: {code}; downtime: {downtime}."


def _work(case: Case, step: Step) -> tuple[str, str]:
    """Return code changes and downtime of a step, from the document, else from its playbook."""
    book = case.playbooks.get(step.playbook)
    code = step.code_changes or (book.code_changes if book else "not known")
    return code, book.downtime if book else "not known"


def rule_steps(case: Case) -> tuple[str, ...]:
    """Return the steps of the rule's own playbook."""
    book = case.playbooks.get(case.concern.rule.playbook)
    return book.steps(_facts(case, None)) if book is not None else ()


def optimise_steps(case: Case) -> tuple[str, ...]:
    """Return the steps that make a database need less; empty for what is none."""
    if case.service.role != "database":
        return ()
    book = case.playbooks.get(optimise_playbook(case.concern.metric))
    return book.steps(_facts(case, None)) if book is not None else ()


def _facts(case: Case, best: Option | None) -> dict[str, str]:
    """Return what a playbook may name."""
    facts = {
        "service": case.service.subject.key,
        "provider": case.product_name,
        "account": case.account.key,
        "plan": case.plan.title if case.plan else "",
    }
    if best is not None:
        facts["target"] = case.option_name(best)
        facts["price"] = monthly(best.price.monthly, case.currency)
        facts["size"] = best.size.title if best.size else ""
        storage = case.limit_of("storage")
        if storage is not None:
            facts["storage"] = show(storage.value, VOCABULARY["storage"].unit)
        first, _ = case.first_two()
        if first is not None and first.forecast.when is not None:
            facts["date"] = between(first.forecast, case.timezone, case.now)
    return {key: value for key, value in facts.items() if value}


# The document's own step.


def next_step(case: Case) -> Step | None:
    """Return the document's own next step for the concern."""
    found = found_step(case)
    return found[1] if found is not None else None


def found_step(case: Case) -> tuple[Document, Step] | None:
    """Return the step that a rule's own line names, else one on the metric from the present plan."""
    for rule in case.concern.rules:
        document = case.documents.get(rule.source.document)
        if document is None:
            continue
        provider = case.service.provider
        exact = [s for ladder in document.ladders for s in ladder.steps if s.line == rule.source.line]
        if exact:
            return document, next((s for s in exact if s.begins(provider)), exact[0])
        plan = case.plan.id if case.plan else ""
        if case.product is None:
            continue
        for step in document.steps(provider, plan):
            if case.concern.metric in step.metric and step.starts:
                return document, step
    return None


def _document_step(case: Case) -> str:
    found = found_step(case)
    if found is None:
        return ""
    document, step = found
    text = step_text(document.name, step)
    leads = set(step.leads())
    newer = [
        option
        for option in case.options
        if option.price.monthly is not None
        and option.price.as_of is not None
        and option.price.as_of > document.as_of
        and ({(product_of(case, option), option.plan.id), (product_of(case, option), "")} & leads)
    ]
    if newer and step.price_to:
        least = min(newer, key=lambda option: option.price.monthly or 0.0)
        figure = monthly(least.price.monthly, case.currency)
        text += f"; newer: {case.option_name(least)} is {figure} for this use (as of {least.price.as_of})"
    binding = case.own
    if binding is not None and (differs := binding.limit.notes.get("differs")):
        unit = VOCABULARY[binding.metric].unit
        value = "unlimited" if binding.limit.value is None else show(binding.limit.value, unit)
        text += f"; its figure differs: {differs}, in force is {value} ({binding.limit.source})"
    return text


def product_of(case: Case, option: Option) -> str:
    """Return the product that an option is of, as the catalogue names it."""
    return option.elsewhere.provider if option.elsewhere is not None else case.service.provider


# The evidence.


def _figures(case: Case) -> list[str]:
    """Return a line for each limit of the service that is half used, the concern's own always."""
    lines = []
    for binding in case.usage.bindings:
        if binding.limit.value is None:
            continue
        ratio = used(binding.value, binding.limit.value)
        if binding.metric == case.concern.metric or (ratio is not None and ratio >= 0.5):
            unit = VOCABULARY[binding.metric].unit
            lines.append(
                f"{words(binding.metric)}: {show(binding.value, unit)} of {limit_text(binding)} "
                f"({share(binding.value, binding.limit.value)}; {short_source(binding.limit.source)})"
            )
    return lines


def _seen(case: Case) -> list[str]:
    """Return what the service's source has seen that bears on the metric, with what it suggests."""
    lines = evidence_lines(case.evidence, case.concern.metric)
    if optimise_playbook(case.concern.metric) == "postgres-slow-queries":
        lines += [f"suggestion, not tried: {index}" for index in suggested(case.evidence)]
    return lines


# Marks of honesty.


def _states(case: Case, option: Option | None) -> list[str]:
    found = marks(case.concern, case.usage.qualities, stale=case.usage.stale)
    if learning := case.learning:
        found.insert(0, learning)
    if case.plan is None and case.product is not None:
        found.append("the plan is not known: write `plan:` at the account")
    if case.own is not None and case.own.limit.measured == "average":
        found.append("the provider counts the cycle's average, this looks at the live value")
    first, _ = case.first_two()
    if first is not None and old(first.limit, case.now):
        found.append(f"the date rests on an old figure of a document alone ({first.limit.source})")
    return [*found, *(_of_option(case, option) if option is not None else ())]


def _of_option(case: Case, option: Option) -> Iterator[str]:
    """Yield how sure the price of an option is, and what is not known of it."""
    if aged := as_of(option, case.now):
        yield f"price as of {aged}"
    if option.price.confidence in {Confidence.DOCUMENT_ONLY, Confidence.UNKNOWN}:
        yield "price not confirmed by the provider"
    if unseen := uncounted(case, option):
        yield f"the price is without {', '.join(unseen)}, which nobody measures"
    if option.unsure:
        yield f"not known of {option.plan.title}: its limit on {', '.join(map(words, option.unsure))}"
    if option.overage and option.plan.spend_cap != "none" and case.account.spend_cap is not False:
        yield "needs the spend cap off"
    measured = {demand.metric for demand in case.usage.demands}
    if option.elsewhere is not None and (unknown := unmeasured_limits(option, measured)):
        yield f"not measured, so look first: {', '.join(unknown)}"
    code, rate = case.account.currency, case.account.rate
    if code != "USD" and rate is None:
        yield f"prices in USD; the account pays in {code}: write `rate:` at it to see {code}"
    elif code != "USD":
        yield f"at the stated rate of {rate:g} {code} a dollar"


def uncounted(here: Present, option: Option) -> list[str]:
    """Return what another plan's price counts that the present one's does not and nobody measures, in words.

    Without it the price is the least that the plan costs.
    """
    if option.plan is here.plan or option.elsewhere is not None:
        return []
    counted = option.plan.metered
    if here.plan is not None:
        billed = {quota.metric for quota in here.plan.quotas if quota.at_end is AtEnd.BILLED}
        counted = counted - here.plan.metered - billed
    return sorted(words(metric) for metric in counted - {demand.metric for demand in here.usage.demands})


def unmeasured_limits(option: Option, measured: Container[str]) -> list[str]:
    """Return what another product or a cheaper plan limits and nobody measures, in words."""
    return sorted(
        words(metric)
        for metric, limits in option.limits.items()
        if metric not in measured and any(limit.value is not None for limit in limits)
    )


def marks(concern: Concern, qualities: frozenset[Quality], *, stale: bool) -> list[str]:
    """Return how sure the readings are: estimated, manual, stale."""
    found = [q.value for q in (Quality.ESTIMATED, Quality.MANUAL) if q in qualities]
    if stale or any(finding.stale for finding in concern.findings):
        found.append("stale")
    return found
