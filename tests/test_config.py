"""advisor.yaml becomes a fleet, its sources and settings; each fault is one sentence with a way out."""

from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import BaseModel, SecretStr, field_validator

from advisor import config as configuration
from advisor import settings
from advisor.config import Config, load_config, reveal_settings, validate_settings
from advisor.config_reference import markdown
from advisor.core.model import Limit
from advisor.errors import InputError
from advisor.faults import Faults
from advisor.polling.registry import collector
from advisor.sources import Revealed

BAD = sorted((Path(__file__).parent / "bad_config").glob("*.yaml"))
COLLECTORS = {"postgresql", "prometheus", "http"}


class Postgres(BaseModel, frozen=True, extra="forbid"):
    dsn: SecretStr
    users_sql: str = ""
    timeout: float = 5


class Usage(BaseModel, frozen=True, extra="forbid"):
    url: str
    token: SecretStr | None = None
    metrics: dict[str, dict[str, str]]

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"`{url}` is no URL; begin it with https://")
        return url


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "advisor.yaml"
    path.write_text(dedent(text))
    return load_config(path, environ=environ)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_foreseen_mistake_is_answered_with_place_cause_and_way_out(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(InputError) as caught:
        load_config(path, environ={})
    assert str(caught.value) == f"{path}{expected}"
    assert caught.value.exit_code == 1


def test_all_faults_of_a_file_are_reported_together_in_the_order_of_its_lines(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        load(
            tmp_path, "timezone: Mars\nweb: {port: 1}\nstacks:\n  a: {budget: x, facts: 3}\nlog: {level: x}\n"
        )
    assert [error.line for error in caught.value.errors] == [1, 2, 4, 4, 5]
    assert str(caught.value).count("\n") == 4


EXAMPLE = """\
    store: sqlite:///advisor.db
    timezone: Europe/Lisbon
    accounts:
      acme-supabase: {provider: supabase, org: acme, plan: free, billing_day: 12, token: "${SUPABASE_TOKEN}"}
    stacks:
      shop:
        packs: [app-virgin]
        budget: $60/mo
        facts: {team_size: 3, users: 1.5K}
        needs: {multi_region: no, control: yes}
        users: {service: database, sql: select count(*) from users}
        services:
          database:
            account: acme-supabase
            project: abcd
            dsn: file:dsn
            limits: {storage: 10GB, connections: {max: 100, pool: 15}, memory: unlimited}
          backend:
            provider: fly
            app: shop-api
            token: "${FLY_TOKEN}"
            prometheus: {url: "http://prometheus:9090", metrics: {cpu: {query: up}}}
          email: {provider: resend, plan: free, token: "${RESEND_KEY}"}
          files: {provider: cloudflare, product: r2, role: storage, interval: 1h, bucket: media}
          search:
            provider: http
            url: "https://example.com/usage"
            metrics: {records: {path: data.count, unit: count}}
    rules: {disable: ["app-virgin.runbook.*"], files: [ours.yaml]}
    notify:
      slack: {webhook: "${SLACK_WEBHOOK}"}
      email: {smtp: "smtps://user:${SMTP_PASSWORD}@mail.example.com", from: a@example.com, to: me@example.com}
    digest: {every: monday 09:00}
    heartbeat: "${HEARTBEAT_URL}"
"""


def test_the_whole_file_becomes_a_fleet_without_any_credential(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    fleet = config.fleet()
    shop = fleet.stack["shop"]
    assert shop.product == "shop"
    assert shop.timezone == "Europe/Lisbon"
    assert shop.budget == 60
    assert shop.facts == {"team_size": 3, "users": 1500}
    assert shop.needs == {"multi_region": False, "control": True}
    database = fleet.service["shop/database"]
    assert (database.provider, database.account, database.plan) == ("supabase", "acme-supabase", "free")
    assert database.limits == {
        ("storage", Limit.QUOTA): 10e9,
        ("connections", Limit.MAX): 100,
        ("connections", Limit.POOL): 15,
        ("memory", Limit.QUOTA): None,
    }
    assert fleet.service["shop/files"].provider == "cloudflare-r2"
    assert fleet.service["shop/files"].role == "storage"
    assert fleet.account["acme-supabase"].billing_day == 12
    assert config.rule_files == (tmp_path / "ours.yaml",)
    assert config.disabled("app-virgin.runbook.restore")
    assert not config.disabled("app-virgin.database.storage")
    assert config.digest.every.cron == {"day_of_week": "mon", "hour": 9, "minute": 0}
    assert config.digest_timezone == "Europe/Lisbon"
    assert config.problems == ()


def test_a_service_that_names_no_account_has_its_own(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    assert config.fleet().service["shop/email"].account == "shop-email"
    assert config.fleet().account["shop-email"].provider == "resend"
    assert config.fleet().account["shop-email"].plan == "free"


def test_a_service_has_a_source_for_its_provider_its_dsn_and_each_block(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    services = config.fleet().service
    found = {
        key: [source.collector for source in config.sources(services[key], COLLECTORS)] for key in services
    }
    assert found == {
        "shop/database": ["postgresql"],
        "shop/backend": ["prometheus"],
        "shop/email": [],
        "shop/files": [],
        "shop/search": ["http"],
    }
    both = config.sources(services["shop/database"], {*COLLECTORS, "supabase"})
    assert [source.key for source in both] == ["shop/database:supabase", "shop/database:postgresql"]
    assert both[0].settings == {"project": "abcd"}
    assert set(both[0].shared) == {"org", "token", "dsn"}
    assert both[1].settings["users_sql"] == "select count(*) from users"
    assert config.sources(services["shop/files"], {"cloudflare-r2"})[0].interval == 3600
    assert config.unread(services["shop/backend"], COLLECTORS) == ("app", "token")


def test_keys_of_a_product_are_read_by_its_providers_collector(tmp_path: Path) -> None:
    service = "{account: own, product: rds, database: x}"
    written = f"accounts: {{own: {{provider: aws}}}}\nstacks: {{shop: {{services: {{db: {service}}}}}}}"
    config = load(tmp_path, written)
    assert config.unread(config.fleet().service["shop/db"], {"aws"}) == ()
    assert config.unread(config.fleet().service["shop/db"], {"fly"}) == ("database",)


def test_settings_are_checked_without_credentials_and_revealed_when_polled(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    source = config.sources(config.fleet().service["shop/database"], COLLECTORS)[0]
    validate_settings(source, Postgres)
    with pytest.raises(InputError) as caught:
        reveal_settings(source, Postgres, {})
    assert str(caught.value).startswith(
        f"{tmp_path}/advisor.yaml:16: `stacks.shop.services.database.dsn`: dsn: no such file or directory"
    )
    (tmp_path / "dsn").write_text("postgresql://localhost/shop\n")
    found = reveal_settings(source, Postgres, {})
    assert found.dsn.get_secret_value() == "postgresql://localhost/shop"
    assert found.users_sql == "select count(*) from users"


def test_a_collectors_fault_names_file_line_and_key_and_no_value_of_a_secret(tmp_path: Path) -> None:
    text = """\
        accounts:
          a: {provider: http, token: {no: text}}
        stacks:
          shop:
            services:
              one:
                account: a
                url: "${URL}"
                metrcs: {}
        """
    config = load(tmp_path, text)
    source = config.sources(config.fleet().services[0], COLLECTORS)[0]
    with pytest.raises(Faults) as caught:
        validate_settings(source, Usage)
    place = f"{tmp_path}/advisor.yaml"
    assert [str(error) for error in caught.value.errors] == [
        f"{place}:2: `accounts.a.token`: must be text; put it in quotes",
        f"{place}:6: `stacks.shop.services.one.metrics`: is missing; write it",
        f"{place}:9: `stacks.shop.services.one.metrcs`: no such key here; did you mean `metrics`?",
    ]
    with pytest.raises(Faults) as caught:
        reveal_settings(source, Usage, {"URL": "canary-no-url"})
    assert f"{place}:8: `stacks.shop.services.one.url`: `***` is no URL; begin it with https://" in str(
        caught.value
    )


def test_what_is_not_looked_up_hides_no_other_fault(tmp_path: Path) -> None:
    text = """\
        stacks:
          shop:
            services:
              web:
                provider: fly
                prometheus:
                  url: "${URL}"
                  basic: "${USER_AND_PASSWORD}"
                  metrics: {cpuu: {query: up}}
              fine:
                provider: fly
                prometheus: {url: "${URL}", basic: "${AUTH}", metrics: {cpu: {query: up}}}
              search:
                provider: http
                url: "https://${HOST}/usage"
                headers: {Authorization: "Bearer ${TOKEN}"}
                metrics: {seats: {path: data.count, unit: count}}
        """
    config = load(tmp_path, text)
    web, fine, search = (config.sources(service, COLLECTORS)[0] for service in config.fleet().services)
    validate_settings(fine, collector("prometheus").Settings)
    validate_settings(search, collector("http").Settings)
    with pytest.raises(Faults, match=r"advisor.yaml:6: `stacks.shop.services.web.prometheus`: .*`cpuu`"):
        validate_settings(web, collector("prometheus").Settings)


def test_a_broken_included_file_is_set_aside_and_the_others_run(tmp_path: Path) -> None:
    folder = tmp_path / "stacks.d"
    folder.mkdir()
    (folder / "a.yaml").write_text("stacks: {a: {services: {web: {account: shared}}}}")
    (folder / "b.yaml").write_text("stacks: {b: {")
    (folder / "c.yaml").write_text("stacks: {c: {services: {web: {provider: fly}}}, main: {}}")
    (folder / "d.yaml").write_text("accounts: {shared: {provider: fly}}\nstacks: {d: {bugdet: 1}}")
    (folder / "e.yaml").write_text("stacks: {e: {services: {web: {provider: fly}}}}")
    (folder / "f.yaml").write_text("")
    config = load(tmp_path, "include: [stacks.d/*.yaml]\nstacks: {main: {}}\n")
    assert [stack.key for stack in config.fleet().stacks] == ["main", "e"]
    said = "\n".join(str(problem) for problem in config.problems)
    assert f"{folder}/a.yaml:1: `stacks.a.services.web.account`: no account `shared`" in said
    assert f"{folder}/b.yaml:1: not YAML: a `{{` or `[` that is opened and never closed; close it" in said
    assert f"{folder}/c.yaml:1: `stacks.main`: is already in {tmp_path}/advisor.yaml:2; rename" in said
    assert f"{folder}/d.yaml:2: `stacks.d.bugdet`: no such key here; did you mean `budget`?" in said


def test_a_set_aside_file_takes_those_along_that_need_its_accounts(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "accounts: {shared: {provider: fly}}\nstacks: {x: {facts: {nothing: 1}}}"
    )
    (tmp_path / "two.yaml").write_text("stacks: {y: {services: {web: {account: shared}}}}")
    config = load(tmp_path, "include: [one.yaml, two.yaml]\n")
    assert config.fleet().stacks == ()
    assert len(config.problems) == 2


def test_a_variable_in_a_plain_setting_is_looked_up_at_once(tmp_path: Path) -> None:
    text = 'stacks: {shop: {product: "the ${NAME}", services: {web: {provider: fly, interval: "${EVERY}"}}}}'
    config = load(tmp_path, text, NAME="shop", EVERY="5m")
    assert config.stacks["shop"].product == "the shop"
    assert config.stacks["shop"].services["web"].interval == 300


def test_an_empty_section_is_as_good_as_none(tmp_path: Path) -> None:
    config = load(tmp_path, "notify:\n  # slack: ...\nstacks:\n  shop:\n    facts:\n    product: shop\n")
    assert config.notify.slack is None
    assert config.stacks["shop"].facts == {}


def test_the_store_lies_beside_advisor_yaml(tmp_path: Path) -> None:
    assert load(tmp_path, "store: sqlite:///a.db\n").store_url({}) == f"sqlite:///{tmp_path}/a.db"
    assert load(tmp_path, "stacks: {}\n").store_url({}) == f"sqlite:///{tmp_path}/advisor.db"
    assert load(tmp_path, "store: sqlite:////var/a.db\n").store_url({}) == "sqlite:////var/a.db"
    postgres = load(tmp_path, "store: postgresql://u:${PW}@h/a\n")
    assert postgres.store_url({"PW": "p/w"}) == "postgresql://u:p%2Fw@h/a"


@pytest.mark.parametrize(
    ("written", "cron", "text"),
    [
        ("monday 09:00", {"day_of_week": "mon", "hour": 9, "minute": 0}, "monday 09:00"),
        ("Fri 7:30", {"day_of_week": "fri", "hour": 7, "minute": 30}, "friday 07:30"),
        ("day 18:05", {"hour": 18, "minute": 5}, "day 18:05"),
    ],
)
def test_a_time_of_the_week_is_read(tmp_path: Path, written: str, cron: object, text: str) -> None:
    every = load(tmp_path, f"digest: {{every: {written}}}\n").digest.every
    assert every.cron == cron
    assert str(every) == text


@pytest.mark.parametrize(
    ("written", "dollars"), [("$60/mo", 60), ("$720/yr", 60), ("60", 60), ("$1K a month", 1000)]
)
def test_a_budget_is_dollars_a_month(tmp_path: Path, written: str, dollars: float) -> None:
    config = load(tmp_path, f"stacks: {{shop: {{budget: {written}}}}}\n")
    assert config.fleet().stack["shop"].budget == dollars


@pytest.mark.parametrize(
    ("written", "listen"),
    [("127.0.0.1:0", "127.0.0.1:0"), ("false", ""), ("9000", "127.0.0.1:9000"), ("'[::1]:80'", "[::1]:80")],
)
def test_the_page_listens_where_it_is_told(tmp_path: Path, written: str, listen: str) -> None:
    assert load(tmp_path, f"web: {{listen: {written}}}\n").web.listen == listen


def test_plain_values_make_a_configuration_for_commands_without_a_file(tmp_path: Path) -> None:
    data = {
        "stacks": {"now": {"services": {"database": {"provider": "supabase", "dsn": "env:DATABASE_URL"}}}}
    }
    config = configuration.from_data(data, folder=tmp_path, environ={})
    source = config.sources(config.fleet().services[0], COLLECTORS)[0]
    found = reveal_settings(source, Postgres, {"DATABASE_URL": "postgresql://h/x"})
    assert found.dsn.get_secret_value() == "postgresql://h/x"


def test_no_credential_that_is_written_out_shows_in_a_repr(tmp_path: Path) -> None:
    text = """\
        stacks:
          shop:
            services:
              web: {provider: fly, token: canary-one, headers: {X-Any: canary-two}, url: "http://a:canary-3@h/"}
        notify: {slack: {webhook: "https://hooks.example.com/canary"}}
        """
    config = load(tmp_path, text)
    shown = repr(config) + str(config.sources(config.fleet().services[0], {"fly"}))
    assert "canary" not in shown


def test_the_example_of_the_reference_loads(tmp_path: Path) -> None:
    config = load(tmp_path, markdown().split("```yaml\n")[1].split("```")[0])
    for service in config.fleet().services:
        for source in config.sources(service, COLLECTORS):
            validate_settings(source, collector(source.collector).Settings)


def test_every_key_is_described(tmp_path: Path) -> None:
    for name in dir(settings):
        model = getattr(settings, name)
        if isinstance(model, type) and issubclass(model, BaseModel) and name != "Moment":
            assert all(field.description for field in model.model_fields.values()), name


def test_a_key_that_the_collector_knows_is_no_misspelt_one(tmp_path: Path) -> None:
    for text in (
        "stacks: {shop: {services: {files: {provider: cloudflare, product: r2, account_id: a}}}}",
        "accounts: {cf: {provider: cloudflare, account_id: a}}\nstacks: {s: {services: {f: {account: cf}}}}",
    ):
        path = tmp_path / "advisor.yaml"
        path.write_text(text)
        assert load_config(path, environ={}).problems == ()


def test_a_credential_that_was_exchanged_makes_new_settings_and_one_that_was_not_makes_none(
    tmp_path: Path,
) -> None:
    config = load(tmp_path, EXAMPLE)
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://a@b/c")
    source = config.sources(config.fleet().service["shop/database"], COLLECTORS)[0]
    revealed = Revealed(source, Postgres, {})
    first = revealed()
    assert revealed() is first
    secret.write_text("postgresql://other@b/c")
    assert revealed() is not first
    assert revealed().dsn.get_secret_value() == "postgresql://other@b/c"
