from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import catalogue_files
from advisor.core import wording
from advisor.core.advise import advise, demand_of
from advisor.core.advise.case import present
from advisor.core.advise.elsewhere import elsewhere
from advisor.core.advise.indexes import suggested
from advisor.core.catalogue import Catalogue, Provider
from advisor.core.choose import HEADROOM, Beside
from advisor.core.concerns import concern_key, gather
from advisor.core.demand import History, usage
from advisor.core.document import Document
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.language import parse
from advisor.core.lifecycle import Finding, State
from advisor.core.limits import Limits
from advisor.core.message import Recommendation
from advisor.core.model import Action, Confidence, Quality, Severity
from advisor.core.rule import Rule, Source
from advisor.world import everything

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DB, API, MAIL, PLAIN = "shop/database", "shop/api", "shop/email", "shop/plain"
MB, GB = 1e6, 1e9
ALL = everything().catalogue
#: Without the providers that ladders lead to: what is cheapest must not change with their prices.
CATALOGUE = Catalogue({name: ALL.providers[name] for name in ("supabase", "fly", "resend")}, ALL.documents)
BOOKS = catalogue_files.playbooks()


def level(first: float, a_day: float = 0.0, days: int = 30, **more: Any) -> History:
    times = [(NOW - timedelta(days=days - n)).timestamp() for n in range(days + 1)]
    return History(times, [first + a_day * n for n in range(days + 1)], **more)


def amount(first: float, a_day: float = 0.0, days: int = 30) -> History:
    ends = [(NOW - timedelta(days=days - 1 - n)).timestamp() for n in range(days)]
    return History(ends, [first + a_day * n for n in range(days)], [end - 86400 for end in ends])


def fleet(**account: Any) -> Fleet:
    services = (
        Service("shop", "database", "database", "supabase", "acme"),
        Service("shop", "api", "backend", "fly", "fly"),
        Service("shop", "email", "email", "resend", "resend"),
        Service("shop", "plain", "database", "postgresql", "plain"),
    )
    accounts = (
        Account("acme", "supabase", **{"plan": "free", "billing_day": 12, **account}),
        Account("fly", "fly", "payg"),
        Account("resend", "resend", "free"),
        Account("plain", "postgresql"),
    )
    return Fleet((Stack("shop", packs=("app-virgin",), budget=60.0, services=services),), accounts)


def advice(
    subject: str,
    when: str,
    then: Sequence[Action] = (Action.UPGRADE,),
    histories: dict[str, History] | None = None,
    line: int | None = None,
    evidence: Any = None,
    catalogue: Catalogue = CATALOGUE,
    now: datetime = NOW,
    finding: dict[str, Any] | None = None,
    **account: Any,
) -> Recommendation:
    watched = fleet(**account)
    limits = Limits(watched, catalogue)
    source = Source("app-virgin", line) if line else Source()
    rule = Rule("r", parse(when), tuple(then), Severity.WARNING, "It says so.", source=source)
    found = Finding("r", subject, "", State.FIRING, now, **(finding or {}))
    (concern,) = gather([found], {"r": rule}, lambda r, s, c: concern_key(r, s, c, limits, watched, now))
    return advise(
        concern,
        fleet=watched,
        limits=limits,
        catalogue=catalogue,
        histories={(subject, metric): history for metric, history in (histories or {}).items()},
        now=now,
        evidence=evidence,
        playbooks=BOOKS,
    )


STORAGE = "storage > 400MB"


def test_one_sentence_says_what_by_when_at_what_price_and_what_comes_next() -> None:
    found = advice(
        DB, STORAGE, histories={"storage": level(300 * MB, 5 * MB), "egress": amount(100 * MB)}, line=294
    )
    assert found.headline == (
        "Supabase Free → Pro, $25/mo more, before 12 March (8–17 March): storage binds first."
    )
    assert (found.action, found.from_plan, found.to_plan) == (Action.UPGRADE, "Free", "Pro")
    assert (found.monthly_now, found.monthly_then, found.difference) == (0, 25, 25)
    assert found.by is not None
    assert abs(found.by - (NOW + timedelta(days=10))) < timedelta(hours=1)
    assert found.forecast == "storage at the last 30 days' pace of 5 MB a day"
    assert found.otherwise.startswith("From 12 March it becomes read-only (storage).")
    assert found.document_step.startswith("app-virgin line 294: Supabase Free → Supabase Pro (8GB), $25/mo")
    assert found.playbook == "supabase-free-to-pro"
    assert any("Choose Pro at $25/mo" in step for step in found.steps)


def test_what_binds_next_is_named() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(400 * MB, 2 * MB), "egress": amount(250 * MB)})
    assert found.headline.startswith("Supabase Free → Pro, $25/mo more, before ")
    assert ": egress binds first; next would be storage on " in found.headline
    assert found.binds_next.startswith("storage on ")


def test_too_short_a_history_gives_no_date_and_says_so() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(401 * MB, days=4)})
    assert found.headline == (
        "Supabase Free → Pro, $25/mo more; learning: 4 of 7 days: storage at 80.2 % of 500 MB."
    )
    assert found.by is None
    assert "learning: 4 of 7 days" in found.states


def test_a_plan_that_carries_what_is_coming_is_kept_whatever_the_document_says() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(401 * MB)}, line=294)
    assert found.headline.startswith("Stay on Supabase Free: it carries the next 90 days")
    assert found.difference == 0
    assert "line 294" in found.document_step
    assert found.alternatives[0].target == "Pro"


def test_a_documents_old_figure_stands_beside_the_one_in_force() -> None:
    found = advice(DB, "egress per month > 1.5GB", [Action.OPTIMISE], {"egress": amount(60 * MB)}, line=296)
    assert found.action is Action.OPTIMISE
    assert found.document_step == ""  # The document names no plan for it.
    assert any("of 5 GB a month" in line for line in found.evidence)


def test_optimise_comes_first_where_the_document_says_so() -> None:
    evidence = {"Connections": [{"state": "idle", "connections": "14"}], "Largest tables": [{"table": "x"}]}
    found = advice(
        DB,
        "connections > 80% of max",
        [Action.OPTIMISE, Action.UPGRADE],
        {"connections": level(18)},
        line=817,
        evidence=evidence,
    )
    assert found.action is Action.OPTIMISE
    assert found.headline.startswith("Optimise connections first; else Supabase Free → Pro, $25/mo more")
    assert found.evidence[-1] == "Connections: idle (connections 14)"
    assert found.playbook == "postgres-connections"
    assert found.alternatives[0].target == "Pro"


def test_upgrade_or_optimise_lists_the_steps_to_optimise_before_those_to_upgrade() -> None:
    found = advice(
        DB, "connections > 15", [Action.UPGRADE, Action.OPTIMISE], {"connections": level(19)}, line=295
    )
    assert found.action is Action.UPGRADE
    upgrade = next(n for n, step in enumerate(found.steps) if "Choose Pro" in step)
    optimise = next(n for n, step in enumerate(found.steps) if "pool smaller" in step)
    assert optimise < upgrade


def test_a_plain_postgresql_is_optimised() -> None:
    evidence = {
        "Largest tables": [{"table": "events", "size": "2 GB"}],
        "Indexes without a read since the statistics were reset": [{"index": "old_idx", "size": "300 MB"}],
    }
    found = advice(PLAIN, STORAGE, histories={"storage": level(3 * GB)}, evidence=evidence)
    assert found.action is Action.OPTIMISE
    assert found.to_plan == ""
    assert found.evidence == (
        "Largest tables: events (size 2 GB)",
        "Indexes without a read since the statistics were reset: old_idx (size 300 MB)",
    )
    assert found.steps


def test_a_rule_that_says_investigate_names_no_plan() -> None:
    found = advice(API, "error_rate > 1%", [Action.INVESTIGATE])
    assert (found.action, found.to_plan, found.difference) == (Action.INVESTIGATE, "", None)
    assert found.headline == "Look into error rate of shop/api."


def test_the_date_of_another_limit_is_not_given_to_what_no_limit_is_on() -> None:
    found = advice(DB, "error_rate > 1%", (Action.INVESTIGATE,), {"storage": level(300 * MB, 5 * MB)})
    assert found.headline == f"Look into error rate of {DB}."
    assert found.by is None


def test_memory_asks_for_the_next_size_and_not_for_the_largest() -> None:
    found = advice(API, "memory > 200MB", histories={"memory": level(230 * MB, 0.2 * MB)}, line=423)
    assert found.to_plan == "shared-cpu-1x 512 MB"
    assert found.from_plan == "shared-cpu-1x 256 MB"
    assert found.difference == pytest.approx(1.49)
    assert found.price_confidence is Confidence.UNKNOWN
    assert "price not confirmed by the provider" in found.states


def test_cpu_asks_for_one_more_machine() -> None:
    found = advice(
        API, "cpu > 80% sustained", [Action.SCALE_OUT], {"cpu": level(0.9), "instances": level(2)}, line=422
    )
    assert found.action is Action.SCALE_OUT
    assert (found.to_plan, found.difference) == ("3 × shared-cpu-1x 256 MB", 2.32)
    assert "line 422" in found.document_step


def test_a_daily_quota_is_judged_by_the_day() -> None:
    found = advice(MAIL, "emails per day > 80", histories={"emails": amount(90)}, line=791)
    assert (found.to_plan, found.difference) == ("Pro", 20)
    assert "emails at 90 % of 100 a day" in found.headline
    assert "price not confirmed by the provider" in found.states


def test_an_old_price_says_its_date() -> None:
    later = NOW + timedelta(days=300)
    shifted = History([t + 300 * 86400 for t in level(450 * MB).times], level(450 * MB).values)
    found = advice(DB, STORAGE, histories={"storage": shifted}, now=later)
    assert found.price_as_of == "2026-06-01"
    assert "price as of 2026-06-01" in found.states


def test_an_estimate_and_a_stale_value_say_so() -> None:
    found = advice(
        DB,
        STORAGE,
        histories={"storage": level(450 * MB, quality=Quality.ESTIMATED)},
        finding={"stale": True},
    )
    assert {"estimated", "stale"} <= set(found.states)


def test_over_the_limit_is_said_and_needs_no_history() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(510 * MB, days=0)})
    assert ", now: storage is over its limit." in found.headline
    assert found.otherwise.startswith("Now it becomes read-only")
    assert found.to_plan == "Pro"


def test_what_is_over_its_limit_is_said_in_its_number() -> None:
    found = advice(MAIL, "emails per month > 2K", histories={"emails": amount(150, days=20)})
    assert ", now: emails are over their limit." in found.headline
    assert found.forecast == "emails over the limit now"


def test_a_price_by_use_that_nobody_measures_is_the_least_that_it_costs() -> None:
    watched = Catalogue({**CATALOGUE.providers, "neon": ALL.providers["neon"]}, CATALOGUE.documents)
    service = Service("shop", "database", "database", "neon", "own")
    small = Fleet((Stack("shop", services=(service,)),), (Account("own", "neon", "free"),))

    def told(**more: History) -> Recommendation:
        limits = Limits(small, watched)
        rule = Rule("r", parse(STORAGE), (Action.UPGRADE,), Severity.WARNING, "It says so.")
        (concern,) = gather(
            [Finding("r", DB, "", State.FIRING, NOW)],
            {"r": rule},
            lambda r, s, c: concern_key(r, s, c, limits, small, NOW),
        )
        return advise(
            concern,
            fleet=small,
            limits=limits,
            catalogue=watched,
            histories={(DB, metric): history for metric, history in more.items()},
            now=NOW,
            evidence=None,
            playbooks=BOOKS,
        )

    storage = level(300 * MB, 5 * MB)
    unseen = told(storage=storage)
    assert unseen.headline.startswith("Neon Free → Launch, at least $0.")
    assert "the price is without compute hours, which nobody measures" in unseen.states
    assert all(way.note.startswith("at least: without compute hours") for way in unseen.alternatives)
    seen = told(storage=storage, compute_hours=amount(2))
    assert seen.monthly_then == pytest.approx(0.9 * 0.35 + 2 * 30.4375 * 0.106, abs=0.01)
    assert ", at least " not in seen.headline
    assert not [state for state in seen.states if "nobody measures" in state]


def test_overage_is_cheaper_than_the_next_plan_and_says_what_it_costs() -> None:
    found = advice(
        DB,
        "storage > 80% of quota",
        histories={"storage": level(7 * GB, 0.05 * GB)},
        plan="pro",
        spend_cap=False,
    )
    assert found.headline.startswith("Stay on Supabase Pro and pay the overage")
    assert found.monthly_then is not None
    assert found.monthly_then < 30
    assert "overage is billed" in found.otherwise


def test_a_spend_cap_turns_overage_into_a_stop_and_what_lifting_it_costs_is_named() -> None:
    found = advice(
        DB, "storage > 80% of quota", histories={"storage": level(9 * GB)}, plan="pro", spend_cap=True
    )
    assert found.to_plan == "Team with overage"  # That plan has no cap.
    (lifted,) = [way for way in found.alternatives if way.note == "with the spend cap off"]
    assert lifted.target == "Pro with overage"
    assert lifted.monthly == pytest.approx(25.12, abs=0.01)
    assert found.headline.endswith(" With the spend cap off, Pro with overage is $25.12/mo.")


def test_what_a_size_costs_that_the_catalogue_does_not_have_is_not_known() -> None:
    def paid(size: str) -> float | None:
        service = Service("shop", "api", "backend", "fly", "fly", size=size)
        watched = Fleet((Stack("shop", services=(service,)),), (Account("fly", "fly", "payg"),))
        here = present(
            service,
            fleet=watched,
            limits=Limits(watched, CATALOGUE),
            catalogue=CATALOGUE,
            histories={},
            now=NOW,
        )
        return here.paid

    assert paid("shared-cpu-1x-512mb") == 3.81
    assert paid("shared-cpu-1x-512") is None


def test_a_document_that_leaves_for_another_provider_is_named_beside() -> None:
    found = advice(DB, "storage >= 6GB", [Action.MIGRATE], {"storage": level(6.1 * GB)}, line=303, plan="pro")
    assert found.headline.startswith("Stay on Supabase Pro")
    assert "Neon/Railway" in found.document_step
    assert any("Neon/Railway" in way.target for way in found.alternatives)


def test_an_unknown_plan_gets_no_price_and_a_way_out() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(450 * MB)}, plan="")
    assert found.monthly_now is None
    assert any("write `plan:`" in state for state in found.states)


def test_a_stacks_concern_says_what_its_rule_says() -> None:
    found = advice("shop", "cost per month > 80% of budget", [Action.AUDIT_COSTS], finding={"value": 55.0})
    assert (found.action, found.headline) == (Action.AUDIT_COSTS, "It says so.")
    assert found.evidence == ("cost: $55 of $60 (your budget)",)


def test_no_readings_at_all_still_give_advice() -> None:
    assert advice(DB, STORAGE).headline


def test_a_shared_quota_counts_all_services_of_the_account() -> None:
    base = fleet()
    second = Stack(
        "blog", packs=("app-virgin",), services=(Service("blog", "database", "database", "supabase", "acme"),)
    )
    watched = Fleet((*base.stacks, second), base.accounts)
    limits = Limits(watched, CATALOGUE)
    histories = {(DB, "egress"): amount(100 * MB), ("blog/database", "egress"): amount(50 * MB)}
    demands = demand_of(watched.service[DB], CATALOGUE, watched, limits, histories, NOW)
    month = next(d for d in demands if d.metric == "egress" and d.period == "month")
    assert month.now == pytest.approx(150 * MB * 30.4375)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 20e9),
    st.floats(-1e8, 1e8),
    st.floats(0, 1e10),
    st.floats(0, 100),
    st.sampled_from(["free", "pro", "team"]),
    st.sampled_from([None, True, False]),
    st.integers(0, 40),
)
def test_the_advised_plan_carries_the_forecast_of_every_metric(
    storage: float, growth: float, egress: float, connections: float, plan: str, cap: bool | None, days: int
) -> None:
    histories = {
        "storage": History(
            level(0, 0, days).times, [max(0.0, storage + growth * n) for n in range(days + 1)]
        ),
        "egress": amount(egress, 0, max(days, 1)),
        "connections": level(connections, 0, days),
    }
    found = advice(DB, STORAGE, histories=histories, plan=plan, spend_cap=cap)
    assert found.headline.endswith((".", ")"))
    if not found.to_plan or found.monthly_then is None:
        return
    watched = fleet(plan=plan, spend_cap=cap)
    keyed = {(DB, metric): history for metric, history in histories.items()}
    demands = demand_of(watched.service[DB], CATALOGUE, watched, Limits(watched, CATALOGUE), keyed, NOW)
    title = found.to_plan.removesuffix(" with overage").split(",")[0]
    target = CATALOGUE.offers["supabase"].plan(title) or CATALOGUE.offers["supabase"].plan(plan)
    assert target is not None
    for demand in demands:
        quota = next(
            (q for q in target.quotas if q.metric == demand.metric and q.included != "unlimited"), None
        )
        if quota is not None and demand.period == quota.reset.period:
            included = CATALOGUE.offers["supabase"].amount(quota.included, quota.metric)
            assert included is not None
            fits = demand.need * (1 + HEADROOM) <= included
            assert fits or (quota.overage is not None and not (target.id == "pro" and cap))


# -- another provider on the ladder -----------------------------------------------------------------------


def with_ladder(*steps: dict[str, Any], confidence: str = "documented", metered: str = "") -> Catalogue:
    """Return the catalogue with one more provider that the ladder of app-virgin's document leads to."""
    usage = [{"kind": "usage", "metric": metered, "tiers": [{"usd": 0.1, "per": "1"}]}] if metered else []
    elephant = Provider.model_validate(
        {
            "provider": "elephant",
            "title": "Elephant",
            "source": "its docs",
            "as_of": "2026-02-01",
            "confidence": confidence,
            "plans": [
                {
                    "id": "herd",
                    "title": "Herd",
                    "price": [{"kind": "fixed", "usd": 9}, *usage],
                    "complete": True,
                    "quotas": [{"metric": "storage", "included": "30GB", "at_end": "blocked"}],
                }
            ],
        }
    )
    path = {"id": "path-database", "steps": [{"step": "1", "ends": ["elephant"], **step} for step in steps]}
    said = Document.model_validate({"name": "app-virgin", "as_of": "2026-01-10", "ladders": [path]})
    return Catalogue({**CATALOGUE.providers, "elephant": elephant}, {"app-virgin": said})


AWAY = {"line": 303, "from_plan": "Supabase", "to_plan": "Elephant", "starts": ["supabase"]}
FULL = {"storage": level(401 * MB, 3 * MB)}


def test_another_provider_on_the_ladder_that_is_cheaper_is_a_migration_with_what_it_takes() -> None:
    step = AWAY | {"code_changes": "none", "effort": "Low", "playbook": "supabase-free-to-pro"}
    found = advice(DB, STORAGE, histories=FULL, line=303, catalogue=with_ladder(step))
    assert (found.action, found.to_plan, found.monthly_then) == (Action.MIGRATE, "Elephant Herd", 9)
    assert found.headline.startswith("Supabase Free → Elephant Herd, $9/mo more, before ")
    assert found.switching == (
        "code changes: none, effort: Low, downtime: none known; the project stays where it is"
        " (app-virgin line 303; the move itself is not priced)"
    )
    assert found.playbook == "supabase-free-to-pro"
    assert any(way.target == "Pro" and way.monthly == 25 for way in found.alternatives)


def test_a_step_that_does_not_start_at_the_present_plan_is_out_of_reach() -> None:
    step = AWAY | {"starts": ["supabase/pro"]}
    assert advice(DB, STORAGE, histories=FULL, catalogue=with_ladder(step)).to_plan == "Pro"


def test_a_price_that_nobody_confirmed_or_nobody_can_count_carries_nothing_elsewhere() -> None:
    for catalogue in (with_ladder(AWAY, confidence="unknown"), with_ladder(AWAY, metered="compute_hours")):
        found = advice(DB, STORAGE, histories=FULL, catalogue=catalogue)
        assert found.to_plan == "Pro"
        assert any(
            way.target == "Elephant" and way.note.startswith("price not known") for way in found.alternatives
        )


def test_a_short_history_does_not_leave_a_provider() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(401 * MB, days=3)}, catalogue=with_ladder(AWAY))
    assert found.to_plan == "Pro"


def test_where_a_cheaper_plan_carries_it_the_headline_goes_down() -> None:
    found = advice(DB, STORAGE, histories={"storage": level(1 * GB)}, plan="team")
    assert (found.action, found.to_plan, found.difference) == (Action.DOWNGRADE, "Pro", -574)


def test_the_rest_of_an_account_goes_on_being_paid_when_one_service_leaves() -> None:
    service = Service("shop", "database", "database", "supabase", "acme")
    other = Service("shop", "reports", "reports", "supabase", "acme")
    account = Account("acme", "supabase", "pro")
    catalogue = with_ladder(AWAY)
    histories = {(DB, "storage"): level(7 * GB)}
    product = catalogue.offers["supabase"]
    plan = product.plan("pro")
    assert plan is not None

    def price(*services: Service) -> float | None:
        watched = Fleet((Stack("shop", packs=("app-virgin",), services=services),), (account,))
        limits = Limits(watched, catalogue)
        here = usage(service, product, watched, limits, histories, NOW)
        beside = [Beside() for one in services if one is not service]
        documents = [catalogue.documents["app-virgin"]]
        (option, *_) = elsewhere(
            service, "storage", product, plan, account, documents, catalogue, limits, histories, here, NOW,
            others=beside,
        )  # fmt: skip
        return option.price.monthly

    assert price(service) == 9
    assert price(service, other) == 9 + 25  # Pro's base price, its credit pays the other's compute.


def test_amounts_are_shown_in_the_accounts_currency_where_the_rate_is_stated() -> None:
    found = advice(DB, STORAGE, histories=FULL, currency="EUR", rate=0.92)
    assert found.headline.startswith("Supabase Free → Pro, €23/mo more, before ")
    assert (found.difference, found.currency, found.rate) == (25, "EUR", 0.92)
    assert "at the stated rate of 0.92 EUR a dollar" in found.states
    assert wording.price(found) == "€23 a month more (€0 → €23)"
    plain = advice(DB, STORAGE, histories=FULL, currency="EUR")
    assert plain.headline.startswith("Supabase Free → Pro, $25/mo more")
    assert "prices in USD; the account pays in EUR: write `rate:` at it to see EUR" in plain.states


def test_a_price_names_its_parts() -> None:
    found = advice(DB, STORAGE, histories=FULL, tax=0.23, credits=5.0)
    assert found.price_parts == (
        "Pro $25", "1 × Micro $10", "credit of $10 -$10", "account's credits -$5", "tax of 23% $4.60",
    )  # fmt: skip
    assert found.difference == pytest.approx(24.6)


def test_overage_is_told_up_to_the_periods_end_and_a_spend_cap_stops() -> None:
    history = {"egress": amount(10 * GB)}
    found = advice(DB, "egress > 80% of quota", histories=history, plan="pro", spend_cap=False)
    assert "by the period's end on 12 March (egress)" in found.otherwise
    assert found.otherwise.startswith("From ")
    capped = advice(DB, "egress > 80% of quota", histories=history, plan="pro", spend_cap=True)
    assert "more is refused, because of the spend cap (egress)" in capped.otherwise


def test_a_rules_own_line_finds_the_documents_step_whatever_the_plan() -> None:
    for plan in ("free", "pro", "team"):
        found = advice(DB, STORAGE, histories=FULL, line=301, plan=plan)
        assert found.document_step.startswith(
            "app-virgin line 301: Supabase Free → Supabase Pro (8GB), $25/mo"
        )
        assert "newer: " in found.document_step


def test_a_date_from_a_documents_old_figure_alone_says_so() -> None:
    history = {"connections": level(12, 0.2)}
    assert not advice(DB, "connections > 80% of max", histories=history).old_figure
    later = NOW + timedelta(days=300)
    times = [at + 300 * 86400 for at in history["connections"].times]
    shifted = {"connections": History(times, history["connections"].values)}
    found = advice(DB, "connections > 80% of max", histories=shifted, now=later)
    assert found.old_figure
    assert any("old figure of a document alone" in state for state in found.states)


def test_an_index_is_suggested_only_where_one_statement_reads_one_scanned_table() -> None:
    scanned = [{"table": "public.events"}, {"table": "public.users"}]
    statements = [
        "SELECT * FROM events WHERE user_id = $1 AND kind = $2 ORDER BY at LIMIT $3",
        'UPDATE public.users SET seen = $1 WHERE "Mail" = $2',
        "SELECT * FROM events e JOIN users u ON u.id = e.user_id WHERE u.mail = $1",
        "SELECT * FROM events, users WHERE mail = $1",
        "SELECT * FROM events WHERE user_id = $1 OR kind = $2",
        "SELECT * FROM orders WHERE user_id = $1",
        "SELECT * FROM users WHERE id = $1",
        "SELECT * FROM events WHERE user_id = $1 AND …",
    ]
    evidence = {
        "Tables that may lack an index": scanned,
        "Slowest statements": [{"statement": text} for text in statements],
    }
    assert suggested(evidence) == (
        "CREATE INDEX CONCURRENTLY ON public.events (user_id, kind);",
        'CREATE INDEX CONCURRENTLY ON public.users ("Mail");',
    )
    assert suggested({"Slowest statements": evidence["Slowest statements"]}) == ()
    found = advice(PLAIN, "p95 query_time > 100ms", (Action.OPTIMISE,), evidence=evidence)
    assert (
        "suggestion, not tried: CREATE INDEX CONCURRENTLY ON public.events (user_id, kind);" in found.evidence
    )


def test_the_present_products_next_plan_is_named_however_many_others_are_cheaper() -> None:
    found = advice(DB, STORAGE, histories=FULL, catalogue=with_ladder(AWAY))
    assert found.alternatives[0].target == "Pro"


def test_the_difference_is_between_what_is_paid_now_and_what_is_coming() -> None:
    growing = {"storage": level(7 * GB, 0.05 * GB)}
    found = advice(DB, "storage > 80% of quota", histories=growing, plan="pro", spend_cap=False)
    assert found.monthly_now == pytest.approx(25 + 0.5 * 0.125, abs=0.01)
    assert found.monthly_then == pytest.approx(25 + (8.5 + 90 * 0.05 - 8) * 0.125, abs=0.01)


def test_a_larger_size_that_allows_no_more_of_the_metric_is_no_advice() -> None:
    found = advice(DB, "storage >= 6GB", histories={"storage": level(6.5 * GB, days=1)}, plan="pro")
    assert found.headline.startswith("Stay on Supabase Pro for now; learning: ")
    assert "Small" not in found.headline
