"""`advisor run` as a whole, against real servers: a crossed threshold is told once, whatever happens."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgres_server import PostgresServer
from tests.prometheus_server import PrometheusServer
from tests.running import RULES, Town, free_port, town


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as made:
        yield made


def test_a_crossed_threshold_is_told_within_two_seconds_and_a_restart_changes_nothing(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 390}
    advisor = shop.start()
    shop.usage.polls(2)
    assert shop.slack.silent
    shop.usage.values = {"storage": 450}
    at, text = shop.slack.next()
    assert at - shop.usage.first(storage=450) < 2
    assert "storage 450 MB" in text
    assert "storage 450 MB" in shop.mail.next()["Subject"]
    for number, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -9)):
        assert advisor.end(number) == code
        advisor = shop.start()
        shop.usage.polls(3)
        assert advisor.get("/readyz") == (200, '{"ready":true,"problems":[]}')
    assert shop.slack.silent
    shop.usage.values = {"storage": 300}
    _, text = shop.slack.next()
    assert "esolved" in text
    assert "esolved" in str(shop.mail.next())
    assert advisor.end() == 0
    assert shop.slack.silent
    assert shop.mail.mails.empty()


@pytest.mark.xdist_group("servers")
def test_real_prometheus_and_postgresql_with_the_store_on_postgresql(
    shop: Town, prometheus_server: PrometheusServer, postgres_server: PostgresServer
) -> None:
    watched = postgres_server.create_database("watched")
    store = postgres_server.create_database("advisor_run")
    shop.write(
        f"database: {{provider: acme, role: database, interval: 1s, dsn: '{watched}'}}\n"
        "backend:\n  provider: acme\n  role: backend\n  interval: 1s\n"
        f"  prometheus: {{url: '{prometheus_server.url}', metrics: {{memory: demo_storage_bytes}}}}\n",
        store=store,
        rules="""
- {id: own.memory, service: backend, when: memory > 800MB, then: upgrade, severity: critical, says: Much.}
- {id: own.connections, service: database, when: connections > 6, then: optimise, severity: warning,
   notify: immediate, says: Many.}
""",
    )
    prometheus_server.exporter.values["demo_storage_bytes"] = 4e8
    advisor = shop.start()
    prometheus_server.exporter.values["demo_storage_bytes"] = 9e8
    assert "memory 900 MB" in shop.slack.next()[1]
    advisor.said("delivered")
    assert advisor.end(signal.SIGKILL) == -9
    advisor = shop.start()
    clients = [psycopg.connect(watched) for _ in range(8)]
    try:
        assert "connections" in shop.slack.next()[1]
    finally:
        for client in clients:
            client.close()
    assert "esolved" in shop.slack.next()[1]
    prometheus_server.exporter.values["demo_storage_bytes"] = 4e8
    assert "esolved" in shop.slack.next()[1]
    assert advisor.end() == 0
    assert shop.slack.silent
    said = [shop.mail.next()["Subject"] for _ in range(4)]
    assert sum("memory" in subject for subject in said) == 2
    assert shop.mail.mails.empty()


def test_a_dead_and_a_hanging_source_delay_no_other_and_are_never_zero(shop: Town) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/usage"
    with town(shop.folder / "..") as other:
        other.usage.values = {"storage": 10}
        shop.write(
            shop.storage()
            + shop.storage("dead", nobody, "archive")
            + shop.storage("hanging", other.usage.url, "archive")
        )
        shop.usage.values = {"storage": 390}
        advisor = shop.start()
        other.usage.polls(2)  # It answered once, and hangs from now on.
        other.usage.go_on.clear()
        advisor.said("poll failed", source="shop/dead:http")
        other.usage.polls(1)
        shop.usage.values = {"storage": 450}
        at, _ = shop.slack.next()
        assert at - shop.usage.first(storage=450) < 2
        shop.usage.polls(4)  # The hanging one's last value grows stale after three seconds.
        metrics = advisor.get("/metrics")[1]
        assert 'advisor_source_up{provider="http",subject="shop/dead"} 0.0' in metrics
        assert 'advisor_source_up{provider="http",subject="shop/storage"} 1.0' in metrics
        values = [line for line in metrics.splitlines() if line.startswith("advisor_metric_value")]
        assert [line.rsplit(" ", 1)[1] for line in values if 'service="storage"' in line] == ["4.5e+08"]
        assert not any('service="dead"' in line or 'service="hanging"' in line for line in values)
        fresh = [line for line in metrics.splitlines() if line.startswith("advisor_metric_fresh")]
        assert [line.rsplit(" ", 1)[1] for line in fresh if 'service="hanging"' in line] == ["0.0"]
        status, page = advisor.get("/")
        assert status == 200
        assert "stale since" in page
        assert "silent" in page
        sources = {one["subject"]: one for one in json.loads(advisor.get("/api/v1/snapshot")[1])["sources"]}
        assert not sources["shop/dead"]["up"]
        assert "refused the connection" in sources["shop/dead"]["error"]
        assert advisor.get("/readyz")[0] == 200
        other.usage.go_on.set()
        assert advisor.end() == 0


def test_a_good_reload_takes_effect_and_a_broken_one_leaves_the_old_in_force(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 450}
    advisor = shop.start()
    assert "storage 450 MB" in shop.slack.next()[1]
    # Broken: the old threshold goes on, and it is said where people look.
    (shop.folder / "rules.yaml").write_text(RULES.replace("400MB", "400ms"))
    advisor.signal(signal.SIGHUP)
    assert "400ms does not fit" in advisor.said("reload refused, the old configuration goes on")["error"]
    assert "could not be reloaded" in json.loads(advisor.get("/api/v1/snapshot")[1])["problems"][0]
    assert "could not be reloaded" in advisor.get("/")[1]
    assert advisor.get("/readyz")[0] == 200
    # Good: the old rule is gone, which ends its concern; a new source and a new rule are there.
    shop.write(
        shop.storage() + shop.storage("archive", role="archive"),
        rules=RULES.replace("own.storage", "own.archive").replace("service: storage", "service: archive"),
    )
    advisor.signal(signal.SIGHUP)
    assert advisor.said("reloaded")["sources"] == 2
    news = [shop.slack.next()[1] for _ in range(2)]
    assert sum("no longer in force" in text for text in news) == 1
    assert sum("archive" in text for text in news) == 1
    assert json.loads(advisor.get("/api/v1/snapshot")[1])["problems"] == []
    assert advisor.end() == 0
    assert shop.slack.silent


def test_a_second_advisor_stands_by_and_takes_over(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 390}
    first = shop.start()
    config, port = shop.folder / "second.yaml", free_port()
    config.write_text(shop.config.read_text().replace(str(shop.port), str(port)))
    second = shop.start_only(config, port)
    second.said("standing by: another advisor holds this store's lease")
    third = shop.start_only()  # With the first one's address; it ends at once when told to.
    third.said("standing by without a page")
    assert third.end() == 0
    shop.usage.polls(2)
    assert second.get("/healthz")[0] == 200
    status, body = second.get("/readyz")
    assert status == 503
    assert "standing by" in body
    assert second.events("running") == 0
    assert first.end() == 0
    second.said("running")
    shop.usage.values = {"storage": 450}
    assert "storage 450 MB" in shop.slack.next()[1]
    assert second.end() == 0


def test_the_end_waits_for_a_poll_that_is_under_way(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 450}
    shop.usage.go_on.clear()
    advisor = shop.start()
    shop.usage.polls(1)
    advisor.signal(signal.SIGTERM)
    advisor.said("stopping")
    shop.usage.go_on.set()
    assert advisor.wait() == 0
    assert "storage 450 MB" in shop.slack.next()[1]


def test_slack_that_asks_to_wait_gets_the_message_once(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 450}
    shop.slack.answers = [(429, {"Retry-After": "1"}, b"")]
    advisor = shop.start()
    asked = shop.slack.refused.get(timeout=20)
    at, _ = shop.slack.next()
    assert at - asked >= 1
    advisor.said("delivered")
    shop.usage.polls(2)
    assert advisor.end() == 0
    assert shop.slack.silent
    assert shop.mail.mails.qsize() == 1


def test_a_webhook_that_is_gone_is_parked_and_shown_and_mail_goes_out(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 450}
    shop.slack.always = (404, {}, b"no_service")
    advisor = shop.start()
    assert "storage 450 MB" in shop.mail.next()["Subject"]
    assert "the webhook was removed" in advisor.said("not delivered", channel="slack")["error"]
    shop.usage.polls(2)
    assert "1 message to slack could not be delivered" in advisor.get("/")[1]
    assert advisor.get("/readyz")[0] == 200
    assert advisor.end() == 0
    assert shop.slack.refused.qsize() == 1


def test_a_mail_server_that_refuses_does_not_keep_slack_waiting(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 450}
    shop.mail.refuse = "554 no"
    advisor = shop.start()
    assert "storage 450 MB" in shop.slack.next()[1]
    assert "refused the message (554)" in advisor.said("not delivered", channel="email")["error"]
    assert advisor.end() == 0


def test_no_secret_is_in_any_output(shop: Town, postgres_server: PostgresServer) -> None:
    canaries = {
        name: f"canary-{name.lower()}"
        for name in ("WEBHOOK", "SMTP", "DSN", "PROMETHEUS", "HEADER", "HEARTBEAT", "BODY")
    }
    shop.environ = canaries
    unheard = free_port()
    shop.write(
        f"storage:\n  provider: acme\n  role: storage\n  interval: 1s\n  http:\n"
        f"    url: '{shop.usage.url}?key=${{HEADER}}'\n    headers: {{X-Key: '${{HEADER}}'}}\n"
        "    method: POST\n    body: '${BODY}'\n    metrics: {storage: {path: storage, unit: MB}}\n"
        "refused:\n  provider: acme\n  role: database\n  interval: 1s\n"
        f"  dsn: 'postgresql://advisor:${{DSN}}@127.0.0.1:{postgres_server.port}/postgres'\n"
        "nobody:\n  provider: acme\n  role: backend\n  interval: 1s\n"
        f"  prometheus: {{url: 'http://127.0.0.1:{unheard}', token: '${{PROMETHEUS}}',"
        " metrics: {memory: demo}}\n",
        more=f"notify:\n  slack: {{webhook: '{shop.slack.url()}/${{WEBHOOK}}'}}\n"
        "  email: {smtp: 'smtp://me:${SMTP}@127.0.0.1:"
        f"{shop.mail.port}?tls=no', from: a@example.com, to: [b@example.com]}}\n"
        f"heartbeat: 'http://127.0.0.1:{unheard}/ping/${{HEARTBEAT}}'\n",
    )
    shop.usage.values = {"storage": 450}
    shop.slack.always = (404, {}, b"no_service")
    advisor = shop.start()
    advisor.said("not delivered", channel="slack")
    advisor.said("not delivered", channel="email")
    advisor.said("poll failed", source="shop/refused:postgresql")
    advisor.said("poll failed", source="shop/nobody:prometheus")
    advisor.said("heartbeat failed")
    shop.config.write_text(shop.config.read_text().replace("interval: 1s", "interval: x"))
    advisor.signal(signal.SIGHUP)
    advisor.said("reload refused, the old configuration goes on")
    pages = [
        advisor.get(path)[1]
        for path in ("/", "/digest", "/metrics", "/readyz", "/api/v1/snapshot", "/api/v1/digest")
    ]
    assert advisor.end() == 0
    stored = b"".join(path.read_bytes() for path in shop.folder.glob("advisor.db*")).decode("latin1")
    for name, canary in canaries.items():
        for text in (advisor.output, stored, *pages):
            assert canary not in text, name


def test_a_locked_store_is_said_once_and_loses_nothing(shop: Town) -> None:
    shop.write()
    shop.usage.values = {"storage": 390}
    advisor = shop.start()
    shop.usage.polls(2)
    blocker = sqlite3.connect(shop.folder / "advisor.db", isolation_level=None)
    try:
        blocker.execute("BEGIN EXCLUSIVE")
        shop.usage.values = {"storage": 450}
        error = advisor.said("round failed")["error"]
        assert error.endswith("another process keeps it locked: wait until that has ended, or stop it")
        status, body = advisor.get("/readyz")
        assert status == 503
        assert "keeps it locked" in body
        assert shop.slack.silent
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    assert "storage 450 MB" in shop.slack.next()[1]
    advisor.said("rounds succeed again")
    assert advisor.events("round failed") == 1
    assert advisor.get("/readyz")[0] == 200
    assert advisor.end() == 0


def test_a_full_disk_is_said_once_and_loses_nothing(shop: Town) -> None:
    import resource

    shop.write()
    shop.usage.values = {"storage": 390}
    advisor = shop.start()
    shop.usage.polls(2)
    limits = resource.prlimit(advisor.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    shop.usage.values = {"storage": 450}
    assert "disk" in advisor.said("round failed")["error"]
    shop.usage.polls(1)
    assert shop.slack.silent
    resource.prlimit(advisor.process.pid, resource.RLIMIT_FSIZE, limits)
    assert "storage 450 MB" in shop.slack.next()[1]
    assert advisor.events("round failed") == 1
    assert advisor.end() == 0


@pytest.mark.parametrize("what", ["the address is taken", "the password of the store is wrong"])
def test_what_stops_a_start_is_one_sentence(shop: Town, postgres_server: PostgresServer, what: str) -> None:
    if what == "the address is taken":
        shop.port = shop.mail.port
        shop.write()
        code, said = 1, f"cannot listen on 127.0.0.1:{shop.port}: address already in use"
    else:
        shop.write(store=f"postgresql://advisor:wrong-canary@127.0.0.1:{postgres_server.port}/postgres")
        code, said = 3, "user or password is refused: set the right ones in `store`"
    advisor = shop.start_only()
    assert advisor.wait() == code
    lines = [line for line in advisor.output.splitlines() if line.startswith("advisor: ")]
    assert len(lines) == 1
    assert said in lines[0]
    assert "Traceback" not in advisor.output
    assert "wrong-canary" not in advisor.output
