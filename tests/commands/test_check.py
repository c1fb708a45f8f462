"""`advisor check`: one line a thing, then what became of every rule, and what would help."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import SECRET, Run
from tests.running import Usage

Write = Callable[..., Path]


def lines(out: str) -> dict[str, list[str]]:
    """Return the table's lines by their area."""
    found: dict[str, list[str]] = {}
    for line in out.splitlines():
        found.setdefault(line.split(" ")[0], []).append(line)
    return found


def test_a_line_for_everything_that_is_well(run: Run, write: Write, usage: Usage) -> None:
    usage.values = {"size": 5}
    write(
        f"""
stacks:
  shop:
    packs: [app-virgin]
    services: {{api: {{provider: http, url: "{usage.url}", metrics: {{storage: {{path: size}}}}}}}}
rules: {{files: [ours.yaml], disable: ["app-virgin.runbook.*"]}}
notify: {{stdout: true}}
timezone: Europe/Lisbon
"""
    )
    write("- {id: ours.full, service: api, when: storage > 400MB}\n", "ours.yaml")
    ended = run("check")
    assert ended.code == 0
    found = lines(ended.out)
    assert "1 stack, 1 service, 1 account" in found["configuration"][0]
    assert any("pack app-virgin" in line and "ok" in line for line in found["rules"])
    assert any("ours.yaml" in line and "1 rule" in line for line in found["rules"])
    assert "the first run makes it" in found["store"][0]
    assert "1 reading in" in found["source"][0]
    assert "set up; nothing was sent" in found["channel"][0]
    assert "monday 09:00 Europe/Lisbon" in found["digest"][0]
    assert "http://127.0.0.1:8080/" in found["web"][0]
    assert re.search(r"Every rule on every subject: \d+ judged, ", ended.out)
    assert "All is well." in ended.out or "gap" in ended.out
    assert not Path("advisor.db").exists(), "a check changes nothing"


def test_faults_of_several_rooms_are_told_together_and_input_comes_before_reach(
    run: Run, write: Write
) -> None:
    write(
        f"""
store: sqlite:///nowhere/advisor.db
stacks:
  shop:
    packs: [ap-virgin]
    services: {{database: {{provider: supabase, dsn: "postgresql://me:{SECRET}@127.0.0.1:1/x"}}}}
rules: {{files: [missing.yaml]}}
notify: {{slack: {{webhook: "${{NOPE_NOPE}}"}}, email: {{smtp: "http://x", from: a@b.c, to: a@b.c}}}}
"""
    )
    ended = run("check")
    assert ended.code == 1
    found = lines(ended.out)
    assert "advisor.yaml:5" in found["rules"][0]
    assert "no pack `ap-virgin` (did you mean `app-virgin`?)" in found["rules"][0]
    assert "missing.yaml" in found["rules"][1]
    assert "create it, or name another" in found["store"][0]
    assert "NOPE_NOPE is not set" in found["channel"][0]
    assert (
        "this is no URL of a mail server; write it as smtps://user:password@host:465" in found["channel"][1]
    )


def test_out_of_reach_is_3_and_a_gap_is_well(run: Run, write: Write, usage: Usage) -> None:
    write(
        'stacks: {shop: {services: {api: {provider: http, url: "http://127.0.0.1:1/x", '
        "metrics: {users: {path: a}}}}}}\n"
    )
    assert run("check").code == 3
    write("stacks: {shop: {services: {files: {provider: heroku, plan: basic, bucket: a}}}}\n")
    ended = run("check")
    assert ended.code == 0
    assert "no collector for heroku yet" in ended.out
    assert "nobody reads `bucket`" in ended.out


def test_offline_asks_nobody_and_needs_no_credential(
    run: Run, write: Write, usage: Usage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_CONFIG", "other.yaml")
    write(
        f"""
stacks:
  shop:
    services:
      api: {{provider: http, url: "{usage.url}", metrics: {{users: {{path: a}}}}}}
      database: {{provider: supabase, plan: fre, dsn: "${{NOPE_NOPE}}"}}
""",
        "other.yaml",
    )
    ended = run("check", "--offline")
    assert (ended.code, usage.count) == (0, 0)
    assert "set up; not asked" in ended.out
    assert "NOPE_NOPE is not set" in ended.out
    assert "plan `fre` is not in the catalogue, so its limits are unknown; did you mean `free`?" in ended.out


def test_a_plan_is_known_by_every_name_that_the_catalogue_has_for_it(run: Run, write: Write) -> None:
    write("stacks: {shop: {services: {errors: {provider: sentry, plan: free}}}}\n")
    assert "is not in the catalogue" not in run("check", "--offline").out


def test_a_size_that_the_catalogue_does_not_have_is_named(run: Run, write: Write) -> None:
    write("stacks: {shop: {services: {api: {provider: fly, plan: payg, size: shared-cpu-1x-512}}}}\n")
    said = run("check", "--offline").out
    assert "size `shared-cpu-1x-512` is not in the catalogue, so its price and limits are unknown" in said
    assert "did you mean `shared-cpu-1x-512mb`?" in said


def test_an_included_file_that_is_set_aside_is_a_fault(run: Run, write: Write) -> None:
    write("stacks: {shop: {services: {email: {provider: resend, plan: free}}}}\ninclude: [more/*.yaml]\n")
    write("stacks: {other: {servces: {}}}\n", "more/other.yaml")
    ended = run("check", "--offline")
    assert ended.code == 1
    (line,) = lines(ended.out)["included"]
    assert "more/other.yaml:1" in line
    assert "did you mean `services`?" in line
    assert "the whole file is set aside" in line


def test_what_rules_wait_for_is_named_with_the_way_out(run: Run, write: Write, usage: Usage) -> None:
    usage.values = {"size": 5}
    write(
        f"""
stacks:
  shop:
    services:
      api: {{provider: http, url: "{usage.url}", metrics: {{storage: {{path: size}}}}}}
      gone: {{provider: http, role: storage, url: "http://127.0.0.1:1", metrics: {{storage: {{path: size}}}}}}
      bare: {{provider: fly, role: backend}}
rules: {{files: [ours.yaml]}}
"""
    )
    write(
        """
- {id: a.one, service: api, when: egress per month > 1GB}
- {id: a.two, service: api, when: egress per month > 2GB}
- {id: a.three, service: backend, when: cpu > 70%}
- {id: a.four, service: storage, when: storage > 1GB}
- {id: a.five, when: users > 1K}
- {id: a.six, service: api, when: needs control and storage > 1B}
- {id: a.seven, service: api, when: storage > 80% of quota}
- {id: a.nobody, service: databse, when: storage > 1GB}
""",
        "ours.yaml",
    )
    found = run("check", "--json").json
    assert found["exit_code"] == 3
    waiting = {(one["subject"], one["metric"]): one for one in found["waiting"]}
    egress = waiting["shop/api", "egress"]
    assert egress == found["waiting"][0], "what most rules wait for comes first"
    assert (egress["rules"], egress["way_out"]) == (["a.one", "a.two"], "give it a source with that metric")
    assert waiting["shop/bare", "cpu"]["way_out"] == "give it a source with that metric"
    assert waiting["shop/gone", "storage"]["way_out"] == "its source did not answer, as said above"
    assert waiting["shop", "users"]["way_out"].startswith("write it under `facts:`")
    assert waiting["shop/api", ""]["way_out"] == "answer it under `needs:`"
    assert "limits:" in waiting["shop/api", "storage"]["way_out"]
    nobody = [one for one in found["checks"] if one["what"] == "a.nobody"]
    assert [(one["state"], "is about nothing that is configured" in one["detail"]) for one in nobody] == [
        ("gap", True)
    ]
    counts = found["judgements"]
    assert counts["judged"] + counts["unknown"] + counts["not applicable"] + counts["question"] >= 7


def test_a_database_that_may_sleep_is_noted_with_how_often_it_is_asked(run: Run, write: Write) -> None:
    write('stacks: {shop: {services: {database: {provider: neon, plan: free, dsn: "env:NOPE_NOPE"}}}}\n')
    assert "is asked every 6 h, so that it may sleep" in run("check", "--offline").out
    write('stacks: {s: {services: {db: {provider: neon, interval: 1m, dsn: "env:NOPE_NOPE"}}}}\n')
    assert "is asked every 1 min, which may keep it awake" in run("check", "--offline").out
