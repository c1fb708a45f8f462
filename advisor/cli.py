"""The commands, thin: names, options, examples. What they do is in `advisor/commands/`, loaded when run."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from advisor import __version__

app = typer.Typer(
    name="advisor",
    help="Watches the quotas of managed services and says what to do, by when and at what price.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 well, 1 a fault of your input, 2 --fail-on is met, 3 something was out of reach.",
)
rules_app = typer.Typer(help="The rules: list, explain, test.", no_args_is_help=True)
notify_app = typer.Typer(help="The channels.", no_args_is_help=True)
catalogue_app = typer.Typer(help="Plans, quotas, prices and ladders.", no_args_is_help=True)
collectors_app = typer.Typer(help="The collectors: what each needs and gives.", no_args_is_help=True)
metrics_app = typer.Typer(help="The vocabulary of metrics.", no_args_is_help=True)
checklist_app = typer.Typer(
    help="What the documents want done, and what of it is done.",
    invoke_without_command=True,
    epilog="Example: advisor checklist --stack shop",
)
app.add_typer(rules_app, name="rules")
app.add_typer(notify_app, name="notify")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(collectors_app, name="collectors")
app.add_typer(metrics_app, name="metrics")
app.add_typer(checklist_app, name="checklist")

_Only = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Only what this configuration has."),
]
Config = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="ADVISOR_CONFIG", help="The configuration."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON of a documented, versioned shape.")]


class Bad(StrEnum):
    """What `--fail-on` takes."""

    WARNING = "warning"
    CRITICAL = "critical"


class Form(StrEnum):
    """What a digest is printed as."""

    TEXT = "text"
    HTML = "html"
    SLACK = "slack"
    JSON = "json"


class Bill(StrEnum):
    """What an export is written as."""

    FOCUS = "focus"


class Cadence(StrEnum):
    """How often a digest goes out."""

    WEEKLY = "weekly"
    DAILY = "daily"


FailOn = Annotated[Bad | None, typer.Option("--fail-on", help="Exit with 2 when one this bad fires.")]
_Concern = Annotated[str, typer.Argument(metavar="CONCERN", help="As messages and `advisor once` show it.")]
_By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so; by default your login.")]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the others.")]
_Undo = Annotated[bool, typer.Option("--undo", help="Take the answer back.")]
CONFIG = Path("advisor.yaml")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"advisor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: advisor demo --stack amebo --once")
def demo(
    stack: Annotated[
        str, typer.Option(metavar="NAME", help="Whose stack is simulated: app-virgin, amebo or tutor.")
    ] = "app-virgin",
    once: Annotated[
        bool, typer.Option("--once", help="End when the 60 days are over; serve no page.")
    ] = False,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the page is served.")
    ] = "127.0.0.1:8080",
    json: Json = False,
) -> int:
    """See it work: 60 simulated days in a minute or two.

    Runs the main job on simulated providers with the real collectors, engine, store and outbox; prints what
    it found and serves the page. Needs nothing.
    """
    from advisor.commands import demo as command

    return command.run(stack=stack, once=once, listen=listen, json=json)


@app.command(epilog="Example: advisor init --stack app-virgin --output advisor.yaml")
def init(
    stack: Annotated[
        str | None,
        typer.Option(metavar="DOCUMENT", help="Whose stack: app-virgin, drops, amebo, tutor, musician."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What your product is called.")] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Where your days begin, such as Europe/Lisbon.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write; - for standard output.")
    ] = CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> int:
    """Write an advisor.yaml to start from.

    Asks a few questions on a terminal; with --stack it asks nothing.
    """
    from advisor.commands import init as command

    return command.run(stack, name, output, force=force, timezone=timezone)


@app.command(epilog="Example: advisor check --config advisor.yaml")
def check(
    config: Config = CONFIG,
    json: Json = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider; files only.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Print the figures to hold beside the dashboards.")
    ] = False,
) -> int:
    """Check configuration, rules, credentials and reach.

    One line a thing. Exits with 1 on a fault of the configuration, with 3 where something is out of reach.
    """
    from advisor.commands import check as command

    if compare and offline:
        raise typer.BadParameter("it needs answers; leave --offline out", param_hint="--compare")
    return command.run(config, json=json, offline=offline, compare=compare)


@app.command(epilog="Example: advisor connect neon --token-env NEON_KEY --set project=abcd")
def connect(
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="Such as neon, or cloudflare-r2 of several products.")
    ],
    token_env: Annotated[
        str | None,
        typer.Option("--token-env", metavar="NAME", help="The environment variable with the credential."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="What the test needs besides: project=abcd."),
    ] = None,
    json: Json = False,
) -> int:
    """Say how to connect a provider, and test it.

    The ways in and what a leaked key could do, the steps, the block for advisor.yaml. Where the environment
    has the credential it is tried.
    """
    from advisor.commands import connect as command

    return command.run(provider, token_env, given or [], json=json)


@app.command(
    epilog="""\b
Examples:
  advisor once --postgres env:DATABASE_URL --plan supabase/free
  advisor once --config advisor.yaml --fail-on critical"""
)
def once(
    config: Config = CONFIG,
    postgres: Annotated[
        str | None,
        typer.Option(metavar="DSN", help="Only this database, no file: env:NAME, file:/path, or the DSN."),
    ] = None,
    plan: Annotated[str | None, typer.Option(metavar="PLAN", help="Its plan, such as supabase/free.")] = None,
    watch: Annotated[
        str, typer.Option(metavar="SPAN", help="Between its two snapshots, for rates: 1s to 1h.")
    ] = "1s",
    json: Json = False,
    fail_on: FailOn = None,
) -> int:
    """Poll every source once, judge, advise and print."""
    from advisor.commands import once as command

    if plan is not None and postgres is None:
        raise typer.BadParameter(
            "it goes with --postgres; in a configuration a service names its plan", param_hint="--plan"
        )
    if postgres is not None:
        return command.postgres(postgres, plan, watch, json=json, fail_on=fail_on)
    return command.run(config, json=json, fail_on=fail_on)


@app.command(epilog="Example: advisor run --config /etc/advisor.yaml")
def run(config: Config = CONFIG) -> int:
    """Run the daemon.

    Polls, judges, tells, serves the page. SIGHUP reloads the configuration, SIGTERM ends in order.
    """
    from advisor.commands import run as command

    return command.run(config)


@app.command(epilog="Example, every 15 minutes by cron: advisor tick --config advisor.yaml")
def tick(config: Config = CONFIG, json: Json = False, fail_on: FailOn = None) -> int:
    """Do one round and end, for cron.

    Polls, decides and delivers.
    """
    from advisor.commands import run as command

    return command.tick(config, json=json, fail_on=fail_on)


@app.command(epilog="Example: advisor evaluate -c stack.yaml --readings readings.jsonl --json")
def evaluate(
    config: Config = CONFIG,
    readings: Annotated[
        str, typer.Option(metavar="FILE", help="Readings, a JSON object a line; - is standard input.")
    ] = "-",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Judge then, not at the last line's time.")
    ] = None,
    json: Json = False,
    fail_on: FailOn = None,
) -> int:
    """Judge readings from a file.

    The pure engine: it needs no credentials and no store.
    """
    from advisor.commands import evaluate as command

    return command.run(config, readings, _time(at), json=json, fail_on=fail_on)


@app.command(
    epilog="""\b
Examples:
  advisor backtest --since 90d --chart past.svg
  advisor backtest --against old.yaml
  advisor backtest --readings readings.jsonl --json"""
)
def backtest(
    config: Config = CONFIG,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A span (90d) or a date; by default 90 days.")
    ] = None,
    readings: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Readings, a JSON object a line, instead of the store; - too."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another configuration, over the same past.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="What the store got within so long is judged together: 5m."),
    ] = None,
    as_corrected: Annotated[
        bool, typer.Option("--as-corrected", help="With the values of now, not those known then.")
    ] = False,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too, as SVG.")] = None,
    json: Json = False,
) -> int:
    """Say what the rules would have done in the past.

    What each would have fired and told, how long before a limit, and which limits were hit without any.
    """
    from advisor.commands import backtest as command

    if readings is not None and (as_corrected or every is not None):
        raise typer.BadParameter(
            "a file has one value a time and is judged at each; leave --every and --as-corrected out",
            param_hint="--readings",
        )
    return command.run(
        config,
        since=since,
        readings=readings,
        against=against,
        every=every,
        corrected=as_corrected,
        chart=chart,
        json=json,
    )


@app.command(
    epilog="""\b
Examples:
  advisor whatif --document app-virgin --users 50000
  advisor whatif --growth 3x --chart growth.svg"""
)
def whatif(
    config: Config = CONFIG,
    users: Annotated[str | None, typer.Option(metavar="NUMBER", help="That many users: 50000, 50K.")] = None,
    growth: Annotated[str | None, typer.Option(metavar="TIMES", help="So many times as many: 3x.")] = None,
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, of several.")] = None,
    document: Annotated[
        str | None, typer.Option(metavar="NAME", help="A document's own stack; no configuration.")
    ] = None,
    revenue: Annotated[
        str | None, typer.Option(metavar="USD", help="Revenue a month at that size: $2K.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too, as SVG.")] = None,
    json: Json = False,
) -> int:
    """Say what more users would use and cost.

    Usage per user from the history, else from a document; which limits break first; the cheapest plans at
    that size, beside the documents' figures.
    """
    from advisor.commands import whatif as command

    if users is not None and growth is not None:
        raise typer.BadParameter("it and --users say the same; keep one", param_hint="--growth")
    return command.run(
        config,
        users=users,
        growth=growth,
        stack=stack,
        document=document,
        revenue=revenue,
        chart=chart,
        json=json,
    )


class Meter(StrEnum):
    """What `advisor forecast --kind` takes."""

    LEVEL = "level"
    AMOUNT = "amount"
    RATE = "rate"


class Per(StrEnum):
    """The periods that an amount's limit is for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@app.command(epilog="Example: advisor forecast --csv storage.csv --limit 8GB --kind level")
def forecast(
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Lines of timestamp,value; - for standard input.")
    ] = None,
    limit: Annotated[str | None, typer.Option(metavar="VALUE", help="The limit: 8GB, 50K, 250ms.")] = None,
    kind: Annotated[
        Meter, typer.Option(help="A level (storage), an amount (e-mails) or a rate (CPU, latency).")
    ] = Meter.LEVEL,
    per: Annotated[Per, typer.Option(help="Of an amount: when its limit starts anew, in UTC.")] = Per.MONTH,
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="The file's unit: MB. By default the base unit.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Now; by default the last reading's time.")
    ] = None,
    lines: Annotated[
        bool, typer.Option("--jsonl", help="Answer JSON lines from standard input, one each.")
    ] = False,
    json: Json = False,
) -> int:
    """Say when readings in a file meet a limit.

    With an 80 % interval, the chance within 7, 14 and 30 days, and why. No configuration is needed.
    """
    if lines:
        from advisor.commands import forecast_lines

        return forecast_lines.run()
    from advisor.commands import forecast as command

    return command.run(csv, limit=limit, kind=kind, per=per, unit=unit, at=_time(at), json=json)


@app.command(epilog="Example: advisor digest --format html > digest.html")
def digest(
    config: Config = CONFIG,
    form: Annotated[Form, typer.Option("--format", help="What it is printed as.")] = Form.TEXT,
    cadence: Annotated[Cadence, typer.Option(help="Which of the two reports.")] = Cadence.WEEKLY,
) -> int:
    """Print the report as it would go out now."""
    from advisor.commands import digest as command

    return command.run(config, form, cadence)


@app.command(epilog="Example: advisor ack shop/database#storage --until 450MB")
def ack(
    concern: Annotated[
        str, typer.Argument(metavar="CONCERN", help="As messages and `advisor once` show it.")
    ],
    config: Config = CONFIG,
    until: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Tell again when this is reached.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says so; by default your login.")
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the others.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back, or a snooze.")] = False,
) -> int:
    """Acknowledge a concern.

    No more messages until it is over, or until a value is reached.
    """
    from advisor.commands import attention as command

    return command.acknowledge(config, concern, until=until, by=by, reason=reason, undo=undo)


@app.command(epilog="Example: advisor snooze shop/email#emails 3d")
def snooze(
    concern: Annotated[
        str, typer.Argument(metavar="CONCERN", help="As messages and `advisor once` show it.")
    ],
    span: Annotated[str, typer.Argument(metavar="SPAN", help="For how long: 4h, 3d.")],
    config: Config = CONFIG,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says so; by default your login.")
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the others.")] = "",
) -> int:
    """Hear nothing of a concern for a while."""
    from advisor.commands import attention as command

    return command.snooze(config, concern, span, by=by, reason=reason)


@app.command(epilog="Example: advisor done shop/database#storage")
def done(
    concern: _Concern, config: Config = CONFIG, by: _By = None, reason: _Reason = "", undo: _Undo = False
) -> int:
    """Say that a recommendation is done.

    The next polls look whether the limit moved, and say what they saw.
    """
    from advisor.commands import answers as command

    return command.done(config, concern, by=by, reason=reason, undo=undo)


@app.command(epilog="Example: advisor accept shop/database#storage --reason 'on Friday'")
def accept(
    concern: _Concern, config: Config = CONFIG, by: _By = None, reason: _Reason = "", undo: _Undo = False
) -> int:
    """Say that a recommendation will be followed."""
    from advisor.commands import answers as command

    return command.accept(config, concern, by=by, reason=reason, undo=undo)


@app.command(epilog="Example: advisor reject shop/database#storage --until 90%")
def reject(
    concern: _Concern,
    config: Config = CONFIG,
    until: Annotated[
        str | None, typer.Option(metavar="VALUE", help="Not before: 90% of the limit, or a value.")
    ] = None,
    this_period: Annotated[
        bool, typer.Option("--this-period", help="Not before the quota's period ends.")
    ] = False,
    span: Annotated[str | None, typer.Option("--for", metavar="SPAN", help="Not for so long: 30d.")] = None,
    by: _By = None,
    reason: _Reason = "",
    undo: _Undo = False,
) -> int:
    """Say that a recommendation is not followed now.

    No more messages until then, unless it grows worse.
    """
    from advisor.commands import answers as command

    return command.reject(
        config,
        concern,
        until=until,
        this_period=this_period,
        span=span,
        by=by,
        reason=reason,
        undo=undo,
    )


@app.command(epilog="Example: advisor backup /var/backups/advisor.db")
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="What to write; it must not exist.")],
    config: Config = CONFIG,
) -> int:
    """Copy the store while the daemon runs."""
    from advisor.commands import backup as command

    return command.run(config, target)


@app.command(epilog="Example: advisor export --format focus --since 90d -o costs.csv")
def export(
    form: Annotated[Bill, typer.Option("--format", help="FOCUS 1.x as CSV.")] = Bill.FOCUS,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A span (90d) or a date; by default 13 months.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="What to write; - for standard output.")
    ] = Path("-"),
    config: Config = CONFIG,
) -> int:
    """Write our estimate of costs for tools that read bills."""
    from advisor.commands import export as command

    del form  # There is one.
    return command.run(config, since, output)


@rules_app.command("list", epilog="Example: advisor rules list --json")
def rules_list(
    config: _Only = None,
    json: Json = False,
) -> int:
    """List the rules with their sentences and sources."""
    from advisor.commands import rules as command

    return command.listing(config, json=json)


@rules_app.command("explain", epilog="Example: advisor rules explain app-virgin.supabase.storage-upgrade")
def rules_explain(
    rule: Annotated[str, typer.Argument(metavar="ID", help="The rule's id.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Judge it on what this one's store holds."),
    ] = None,
    json: Json = False,
) -> int:
    """Say what a rule means, and why it holds or not.

    With a configuration it is judged on what the store holds, term by term.
    """
    from advisor.commands import rules as command

    return command.explain(rule, config, json=json)


@rules_app.command("test", epilog="Example: advisor rules test our-rules.test.yaml")
def rules_test(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Test files, or folders of them.")],
    json: Json = False,
) -> int:
    """Run the unit tests of rules.

    Written series, gaps included, and what they must lead to.
    """
    from advisor.commands import rules as command

    return command.run_tests(paths, json=json)


@rules_app.command("coverage", epilog="Example: advisor rules coverage --json")
def rules_coverage(config: _Only = None, json: Json = False) -> int:
    """Show which line of which document every rule stands for.

    A question is a rule that only your answer in `needs:` decides.
    """
    from advisor.commands import rules_compare as command

    return command.coverage(config, json=json)


@rules_app.command("diff", epilog="Example: advisor rules diff --config advisor.yaml")
def rules_diff(
    config: _Only = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="PATH", help="Another configuration, pack folder or rule file."),
    ] = None,
    json: Json = False,
) -> int:
    """Show how your rules differ from their packs, or from others."""
    from advisor.commands import rules_compare as command

    return command.diff(config, against, json=json)


@notify_app.command("test", epilog="Example: advisor notify test --channel slack")
def notify_test(
    config: Config = CONFIG,
    channel: Annotated[str | None, typer.Option(metavar="NAME", help="Only this one.")] = None,
    json: Json = False,
) -> int:
    """Send a test message through every channel.

    Says what came back; exits with 3 where a channel did not take it.
    """
    from advisor.commands import notify as command

    return command.send_test(config, channel, json=json)


@catalogue_app.command("show", epilog="Example: advisor catalogue show supabase")
def catalogue_show(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="As a service names it.")],
    json: Json = False,
) -> int:
    """Show plans, quotas, prices and ladders.

    Each with its source and date.
    """
    from advisor.commands import lists as command

    return command.catalogue(provider, json=json)


@catalogue_app.command("check", epilog="Example: advisor catalogue check")
def catalogue_check(json: Json = False) -> int:
    """Say what is old, unsourced or inconsistent."""
    from advisor.commands import lists as command

    return command.catalogue_check(json=json)


@collectors_app.command("list", epilog="Example: advisor collectors list --json")
def collectors_list(json: Json = False) -> int:
    """List them, with the rights and settings they need."""
    from advisor.commands import lists as command

    return command.collectors(json=json)


@metrics_app.command("list", epilog="Example: advisor metrics list")
def metrics_list(json: Json = False) -> int:
    """Print every metric: unit, kind, limits, who has it."""
    from advisor.commands import lists as command

    return command.metrics(json=json)


_Stack = Annotated[str | None, typer.Option("--stack", metavar="NAME", help="Only this stack.")]
_Item = Annotated[str, typer.Argument(metavar="ITEM", help="Its id, as `advisor checklist` shows it.")]


@checklist_app.callback()
def checklist(
    context: typer.Context, config: Config = CONFIG, stack: _Stack = None, json: Json = False
) -> int | None:
    """What the documents want done, and what of it is done."""
    if context.invoked_subcommand is not None:
        return None
    from advisor.commands import checklist as command

    return command.listing(config, stack, json=json)


@checklist_app.command("done", epilog="Example: advisor checklist done app-virgin.staging.database")
def checklist_done(item: _Item, config: Config = CONFIG, stack: _Stack = None, by: _By = None) -> int:
    """Say that an item is done."""
    from advisor.commands import checklist as command

    return command.mark(config, item, stack, by=by)


@checklist_app.command("undo", epilog="Example: advisor checklist undo app-virgin.staging.database")
def checklist_undo(item: _Item, config: Config = CONFIG, stack: _Stack = None) -> int:
    """Take back that an item is done."""
    from advisor.commands import checklist as command

    return command.undo(config, item, stack)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"`{text}` is no time; write 2026-11-01T00:00:00Z", param_hint="--at"
        ) from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"`{text}` has no time zone; write {at.isoformat()}Z", param_hint="--at")
    return at
