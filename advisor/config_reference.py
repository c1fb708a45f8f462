"""The reference of advisor.yaml, made from its models: `python -m advisor.config_reference`."""

import types
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from advisor import settings
from advisor.secrets import Secret

__all__ = ["markdown"]

_HEAD = """\
# Configuration: advisor.yaml

<!-- Made by `python -m advisor.config_reference`; change the descriptions in advisor/settings.py instead. -->

One YAML file says what is watched, by which rules, and who is told. It is read strictly: an unknown or
doubled key, a value of another kind or a name that fits nothing is answered with file, line, key and the
way out, all faults of a file at once. `yes`, `no`, `on`, `1:30` and dates stay text; tags and merge keys
are not taken. A key with nothing after it is as good as left out.

```yaml
store: sqlite:///advisor.db
timezone: Europe/Lisbon
accounts:
  acme-supabase: {provider: supabase, plan: free, billing_day: 12, token: "${SUPABASE_TOKEN}"}
stacks:
  shop:
    packs: [app-virgin]
    budget: $60/mo
    facts: {team_size: 3}
    needs: {multi_region: no}
    users: {service: database, sql: select count(*) from users}
    services:
      database: {account: acme-supabase, dsn: "file:/run/secrets/dsn", limits: {storage: 10GB}}
      backend:
        provider: fly
        prometheus: {url: "http://prometheus:9090", metrics: {cpu: {query: "avg(busy)"}}}
      email: {provider: resend, plan: free}
include: [stacks.d/*.yaml]
rules:
  files: [our-rules.yaml]
  disable: ["app-virgin.runbook.*"]
  override: {app-virgin.database.cpu-sustained: {when: cpu > 85% sustained}}
notify:
  slack: {webhook: "${SLACK_WEBHOOK}"}
  email: {smtp: "smtps://me:${SMTP_PASSWORD}@mail.example.com", from: me@example.com, to: [us@example.com]}
digest: {every: monday 09:00}
heartbeat: "${HEARTBEAT_URL}"
```

## Credentials

| written | means |
| --- | --- |
| `"${NAME}"` | the environment variable, anywhere in a text; `$${` is a plain `${` |
| `env:NAME` | the same, as the whole text |
| `file:/path` | the content of a file, without its last line break; a relative path starts beside this file |

They are looked up when a poll, a message or the store needs them, never before: `advisor evaluate` and
`advisor rules` work without any. A variable that is user, password or query of a URL is percent-encoded, so
it is given as it is. In a plain setting, such as a plan's name, a variable is looked up when the file is
read. What was looked up shows as `***` in every log line, message and error report.

## Services and their sources

A service is polled by its provider's collector where there is one; by `postgresql` where it has a `dsn`;
and by each block `postgresql:`, `prometheus:`, `http:`, `manual:` or `focus:` under it, which holds that
collector's own keys. Its other keys are for the provider's collector, and so are the other keys of its
account. A provider without a collector is fine: plan, quotas and prices still apply, and `advisor check`
says what is not measured.

## Limits that you know better

`limits:` of a service or an account replaces what plan and catalogue say. A plain value is the quota; a
mapping names which limit it is. `unlimited` is a value.

```yaml
limits: {storage: 10GB, connections: {max: 100, pool: 15}, egress: unlimited}
```

## Included files

A file that `include` names holds `stacks:` and `accounts:` as here. A broken one is set aside and shown;
the others run. What is wrong in advisor.yaml itself stops the start, and on a reload keeps the old
configuration.
"""

#: The parts in the order of the page: heading, model, what stands above its table.
_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", settings.AdvisorFile),
    ("`accounts.<key>`", settings.AccountSettings),
    ("`stacks.<key>`", settings.StackSettings),
    ("`stacks.<key>.users`", settings.UsersSettings),
    ("`stacks.<key>.services.<key>`", settings.ServiceSettings),
    ("`rules`", settings.RulesSettings),
    ("`notify`", settings.NotifySettings),
    ("`notify.slack`", settings.SlackSettings),
    ("`notify.email`", settings.EmailSettings),
    ("`digest`", settings.DigestSettings),
    ("`sentry`", settings.SentrySettings),
    ("`web`", settings.WebSettings),
    ("`retention`", settings.RetentionSettings),
    ("`log`", settings.LogSettings),
)
_WORDS = {str: "text", int: "whole number", float: "number", bool: "yes or no", Secret: "credential"}


def markdown() -> str:
    """Return the whole page."""
    lines = [_HEAD]
    for heading, model in _PARTS:
        lines += ["", f"## {heading}", "", (model.__doc__ or "").split("\n")[0], "", *_table(model)]
    for name in ("postgresql", "prometheus", "http"):
        module = import_module(f"advisor.collectors.{name}")
        lines += ["", f"## Keys of the collector `{name}`", "", *_table(module.Settings)]
        lines += ["", f"More in [providers/{name}.md](providers/{name}.md)."]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel]) -> Iterator[str]:
    yield "| key | kind | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in model.model_fields.items():
        kind = _kind(field.annotation).replace("|", "\\|")
        meaning = (field.description or "").replace("|", "\\|")
        yield f"| `{field.alias or name}` | {kind} | {_default(field)} | {meaning} |"


def _kind(annotation: Any) -> str:
    """Return a type in the words of people who write YAML."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _annotated(arguments)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_kind(each) for each in arguments if each is not type(None)))
    if origin is typing.Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in {list, tuple}:
        return "list"
    if origin is dict:
        return "keys and values"
    if isinstance(annotation, type) and issubclass(annotation, settings.Moment):
        return "time of the week"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys below"
    name = getattr(annotation, "__name__", "")
    return {"SecretStr": "credential"}.get(name, "value")


def _annotated(arguments: tuple[Any, ...]) -> str:
    names = {getattr(getattr(each, "func", None), "__name__", "") for each in arguments[1:]}
    return "time, such as `60s`" if "_seconds" in names else _kind(arguments[0])


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required() or default is PydanticUndefined:
        return "**needed**"
    if default is None or default in ("", (), {}, []) or isinstance(default, BaseModel):
        return f"`{default}`" if isinstance(default, settings.Moment) else ""
    if isinstance(default, Secret):
        return f"`{default.written}`"  # The store's, which is no credential.
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


if __name__ == "__main__":
    print(markdown(), end="")
