"""`rules coverage`, `rules diff`, `init`, and what `check` says where two packs' documents differ."""

from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.config import load_config
from advisor.world import everything
from tests.commands.conftest import Run

Write = Callable[..., Path]

SHOP = """\
stacks:
  shop:
    packs: [{packs}]
    services:
      database: {{provider: supabase, plan: pro}}
"""


def test_coverage_names_kind_document_and_line_of_every_rule(run: Run) -> None:
    found = {rule["id"]: rule for rule in run("rules", "coverage", "--json").json["rules"]}
    storage = found["app-virgin.supabase.storage-upgrade"]
    assert (storage["kind"], storage["document"], storage["line"]) == ("rule", "app-virgin", 294)
    assert found["app-virgin.cloudflare-r2.path-paid-to-s3"]["kind"] == "question"
    assert all(rule["file"] and rule["file_line"] for rule in found.values())


def test_coverage_for_people_counts_by_document(run: Run) -> None:
    ended = run("rules", "coverage")
    assert ended.out.splitlines()[0].split() == ["DOCUMENT", "RULES", "QUESTIONS", "LINES"]
    assert {line.split()[0] for line in ended.out.splitlines()[1:]} >= {"app-virgin", "tutor", "postgres"}


def test_diff_shows_what_the_user_made_of_a_pack(run: Run, write: Write) -> None:
    write(
        SHOP.format(packs="app-virgin")
        + "rules:\n  files: [ours.yaml]\n  disable: [app-virgin.runbook.mobile-*]\n"
        + "  override: {app-virgin.database.cpu-sustained: {when: cpu > 85% sustained}}\n"
    )
    write("- {id: ours.full, service: database, when: storage > 1GB}\n", "ours.yaml")
    found = {
        change["rule"]: change
        for change in run("rules", "diff", "--config", "advisor.yaml", "--json").json["changes"]
    }
    assert found["ours.full"]["change"] == "added"
    assert found["app-virgin.runbook.mobile-network-request-failed"]["change"] == "removed"
    assert found["app-virgin.database.cpu-sustained"]["fields"] == {
        "when": {"before": "cpu > 70% sustained", "after": "cpu > 85% sustained"}
    }
    assert "cpu > 70% sustained → cpu > 85% sustained" in run("rules", "diff", "-c", "advisor.yaml").out


def test_diff_against_an_older_folder_of_a_pack_shows_what_an_upgrade_changes(run: Run, write: Write) -> None:
    write("name: drops\nversion: 0.9.0\ntitle: old\n", "drops/pack.yaml")
    write(
        "- {id: drops.backend.error-rate-alert, service: backend, when: error_rate > 20%}\n",
        "drops/rules.yaml",
    )
    changes = run("rules", "diff", "--against", "drops", "--json").json["changes"]
    assert {change["rule"].partition(".")[0] for change in changes} == {"drops"}
    alert = next(change for change in changes if change["rule"] == "drops.backend.error-rate-alert")
    assert alert["fields"]["when"] == {"before": "error_rate > 20%", "after": "error_rate > 10%"}


def test_diff_of_nothing_with_nothing_says_what_to_name(run: Run) -> None:
    ended = run("rules", "diff")
    assert (ended.code, ended.out) == (1, "")
    assert "name a configuration to hold against its packs, or --against another" in ended.err
    assert "no such file" in run("rules", "diff", "--against", "nowhere").err


def test_check_tells_where_documents_differ_and_which_figure_is_in_force(run: Run, write: Write) -> None:
    write(SHOP.format(packs="tutor, amebo"))
    found = run("check", "--offline", "--json").json
    told = {line["what"]: line for line in found["checks"] if line["area"] == "documents"}
    egress = told["shop: Supabase pro: egress a month"]
    assert egress["state"] == "differ"
    assert "tutor line 77 says 250GB; amebo line 93 says 50GB. In force is 250 GB" in egress["detail"]
    assert found["exit_code"] == 0


def test_check_tells_where_two_packs_begin_to_speak_at_different_numbers(run: Run, write: Write) -> None:
    write(SHOP.format(packs="app-virgin, tutor"))
    lines = [line["detail"] for line in run("check", "--offline", "--json").json["checks"]]
    assert any(
        "app-virgin line 303 at `storage >= 6GB`; tutor line 82 at `storage > 7GB`" in x for x in lines
    )


def test_one_pack_alone_contradicts_nobody(run: Run, write: Write) -> None:
    write(SHOP.format(packs="app-virgin"))
    areas = {line["area"] for line in run("check", "--offline", "--json").json["checks"]}
    assert "documents" not in areas


def test_a_pack_of_another_version_is_refused_with_the_version_there_is(run: Run, write: Write) -> None:
    write(SHOP.format(packs="drops@7"))
    ended = run("check", "--offline")
    assert ended.code == 1
    assert "pack `drops` is at version" in ended.out
    write(SHOP.format(packs="drops@1"))
    assert run("check", "--offline").code == 0


@pytest.mark.parametrize("document", ["app-virgin", "drops", "amebo", "tutor", "musician"])
def test_init_writes_a_configuration_that_check_takes(run: Run, document: str, tmp_path: Path) -> None:
    ended = run("init", "--stack", document, "--name", "shop", "--timezone", "Europe/Lisbon")
    assert ended.code == 0, ended.err
    config = load_config(tmp_path / "advisor.yaml", environ={})
    (stack,) = config.fleet().stacks
    assert (stack.key, stack.timezone, stack.packs) == ("shop", "Europe/Lisbon", (document,))
    assert stack.services
    checked = run("check", "--offline", "--json").json
    assert [line for line in checked["checks"] if line["state"] == "fault"] == []


def test_init_puts_services_of_one_provider_under_one_bill(run: Run, tmp_path: Path) -> None:
    assert run("init", "--stack", "amebo").code == 0
    lines = [
        f'{{"stack": "app", "service": "{service}", "metric": "cost", "value": {cost},'
        ' "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}'
        for service, cost in (("backend", 312), ("cache", 150), ("email", 20))
    ]
    (tmp_path / "bill.jsonl").write_text("\n".join(lines), "utf-8")
    found = run("evaluate", "--readings", "bill.jsonl", "--json").json["findings"]
    bill = {one["rule"]: one["value"] for one in found if "billing-alert" in one["rule"]}
    assert bill == {f"amebo.cloudflare-workers.billing-alert-{mark}": 462 for mark in (200, 300, 400)}


def test_every_service_of_a_documents_stack_has_a_plan_in_the_catalogue(run: Run) -> None:
    catalogue = everything().catalogue
    for name, document in catalogue.documents.items():
        assert document.stack is not None, name
        for role, part in document.stack.services.items():
            product = catalogue.offers.get(part.provider)
            assert product is not None, f"{name} {role}: {part.provider}"
            assert not part.plan or product.plan(part.plan) is not None, f"{name} {role}: {part.plan}"


def test_init_keeps_a_file_that_is_there(run: Run, write: Write) -> None:
    path = write("store: sqlite:///mine.db\n")
    ended = run("init", "--stack", "tutor")
    assert ended.code == 1
    assert "advisor.yaml is there already; write to another file with --output, or add --force" in ended.err
    assert path.read_text() == "store: sqlite:///mine.db\n"
    assert run("init", "--stack", "tutor", "--force").code == 0


def test_init_in_a_pipe_asks_nothing_and_says_what_to_write(run: Run) -> None:
    ended = run("init")
    assert (ended.code, ended.out) == (1, "")
    assert "which stack? Write --stack with one of amebo, app-virgin, drops, musician, tutor" in ended.err
    assert "did you mean `tutor`" in run("init", "--stack", "tuto").err
