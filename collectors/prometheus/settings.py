"""What advisor.yaml says about a service at a Prometheus-compatible server."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from advisor.collectors._vocabulary import Address, checked_stat, known, scale
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Metric
from advisor.core.units import Unit, read

__all__ = ["Query", "Settings"]

_WINDOW = "$window"
_COUNTER = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*(\{.*\})?|\{.+\}", re.DOTALL)


class Query(BaseModel):
    """How one metric is asked for; a text alone is its `query`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    query: str = Field("", description="PromQL; `$window` in it stands for `window`.")
    counter: str = Field("", description="For an amount: a counter, such as http_requests_total{job='api'}.")
    of: str = Field("", description="For a share: PromQL of the whole; `query` is then the part.")
    stat: str = Field("", description="For a distribution: which number the value is: avg, p95, ...")
    unit: str = Field("", description="Unit of the values where it is not the metric's own: ms, KB, %.")
    kind: Kind | None = Field(None, description="Checked against the metric's kind; may be left out.")
    window: str = Field("5m", description="Width of the buckets: at least four scrapes; it divides an hour.")
    part_label: str = Field("", description="Label whose values are the parts (machines, tables).")

    @property
    def span(self) -> timedelta:
        """`window` as a duration."""
        return timedelta(seconds=read(self.window)[0])

    @field_validator("window")
    @classmethod
    def _is_a_span(cls, window: str) -> str:
        seconds, unit = read(window)
        if unit is not Unit.SECONDS or seconds < 1 or seconds % 1:
            raise ValueError(f"`{window}` is no window: write 1m, 5m or 1h")
        return window

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "Query":
        if bool(self.query.strip()) == bool(self.counter.strip()):
            raise ValueError("one of `query` and `counter` is needed, and not both")
        if self.counter and not _COUNTER.fullmatch(self.counter.strip()):
            raise ValueError("`counter` is a counter's name with labels, without functions; else use `query`")
        return self

    def promql(self, text: str = "") -> str:
        """Return the query (or another text of this one, such as `of`) with its window in place."""
        if not text and self.counter:
            by = f" by ({self.part_label})" if self.part_label else ""
            text = f"sum{by}(increase({self.counter.strip()}[{_WINDOW}]))"
        return (text or self.query).replace(_WINDOW, f"{self.span.total_seconds():.0f}s")

    def by_bucket(self, metric: Metric) -> bool:
        """Whether it is asked for by aligned buckets: whatever counts over `$window`, and no level."""
        return metric.kind is not Kind.LEVEL and (bool(self.counter) or _WINDOW in self.query)

    def scale(self, name: str) -> float:
        """Return what one of the query's units is in the metric's base unit."""
        return scale(VOCABULARY[name], self.unit)


def _as_queries(value: Any) -> Any:
    if isinstance(value, str):
        return ({"query": value},)
    return (value,) if isinstance(value, dict | Query) else value


_Queries = Annotated[tuple[Query, ...], BeforeValidator(_as_queries), Field(min_length=1)]


class Settings(BaseModel):
    """What advisor.yaml says about a service at a Prometheus-compatible server."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Address = Field(description="Address before /api/v1, such as http://prometheus:9090.")
    headers: dict[str, SecretStr] = Field({}, description="Sent with each query, such as X-Scope-OrgID.")
    token: SecretStr | None = Field(None, description="Sent as Authorization: Bearer.")
    basic: SecretStr | None = Field(None, description="user:password, sent as Authorization: Basic.")
    metrics: dict[str, _Queries] = Field(
        description="A metric's name to its query, or to a list of them (several quantiles).", min_length=1
    )

    @model_validator(mode="after")
    def _fits_the_vocabulary(self) -> "Settings":
        if self.token is not None and self.basic is not None:
            raise ValueError("`token` and `basic` exclude each other")
        basic = self.basic.get_secret_value() if self.basic else ""
        if basic and ":" not in basic and not basic.startswith("${"):
            raise ValueError("`basic` is written user:password")
        for name, queries in self.metrics.items():
            for query in queries:
                _fits(known(name, query.kind), query)
            if len({query.stat for query in queries}) < len(queries):
                raise ValueError(f"`{name}` has two queries for the same number: leave one out")
        return self


def _fits(metric: Metric, query: Query) -> None:
    name = metric.name
    scale(metric, query.unit)
    checked_stat(metric, query.stat)
    if query.of and metric.kind is not Kind.SHARE:
        raise ValueError(f"`{name}` is of kind {metric.kind}: only a share has `of`")
    if query.of and query.unit:
        raise ValueError(f"`{name}`: with `of` the share is part over whole: leave `unit` out")
    if query.counter and metric.kind is not Kind.AMOUNT:
        raise ValueError(f"`{name}` is of kind {metric.kind}: only an amount has `counter`; use `query`")
    if metric.kind is Kind.AMOUNT and not query.by_bucket(metric):
        raise ValueError(
            f"`{name}` is an amount: name its counter (`counter: http_requests_total`), "
            "or write the query over `[$window]`: sum(increase(http_requests_total[$window]))"
        )
    if query.of and (_WINDOW in query.query) != (_WINDOW in query.of):
        raise ValueError(
            f"`{name}`: `query` and `of` count over the same time: `$window` in both, or in none"
        )
    if query.by_bucket(metric) and 3600 % query.span.total_seconds():
        raise ValueError(
            f"`{name}`: `window` divides an hour, so that no bucket crosses a reset: 1m, 5m, 15m, 1h"
        )
