"""Kubernetes: quantities, shares of limits alone, restarts, pages, and what is absent."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from advisor.collectors import kubernetes
from advisor.collectors.kubernetes.quantity import quantity
from advisor.core.fleet import Account, Service
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Limit
from advisor.polling.body import Body
from advisor.polling.contract import Forbidden, Poll, Unexpected
from advisor.polling.validity import sifted
from advisor.testing import Asked, ask, samples
from advisor.testing.replay import NOON, client

SAMPLES = samples(kubernetes)
PODS = {"token": "t0ken", "base_url": "https://cluster.example", "namespace": "shop", "selector": "app=api"}
CLUSTER = {"token": "t0ken", "base_url": "https://cluster.example"}
POLL = Service("shop", "backend", "backend", "kubernetes", "own"), Account("own", "kubernetes")


async def asked(written: dict[str, str], *instead: str, **more: Any) -> Asked:
    good = [one for one in SAMPLES.values() if not one.is_error]
    replaced = [SAMPLES[name] for name in instead]
    paths = {(one.request.method, one.request.path) for one in replaced}
    served = [one for one in good if (one.request.method, one.request.path) not in paths] + replaced
    return await ask(kubernetes, served, kubernetes.Settings.model_validate(written), **more)


def values(found: Asked, metric: str) -> list[tuple[str, float]]:
    return [(one.part, one.value) for one in found.answer.readings if one.metric == metric]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123456789n", 0.123456789),
        ("250m", 0.25),
        ("1", 1.0),
        (2, 2.0),
        ("12345Ki", 12345 * 1024),
        ("1.5Gi", 1.5 * 2**30),
        ("1G", 1e9),
        ("128974848000m", 128974848.0),
        ("12E6", 12e6),
        ("1E", 1e18),
        ("1e3", 1000.0),
    ],
)
def test_a_quantity_is_cores_or_bytes(text: Any, value: float) -> None:
    assert quantity(Body({"at": text}, "it"), "at") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "Gi", "1GiB", "one", True, "1 Gi", "1e"])
def test_what_is_no_quantity_is_told_by_its_path(text: Any) -> None:
    with pytest.raises(Unexpected, match="`at` is"):
        quantity(Body({"at": text}, "it"), "at")


async def test_cpu_is_the_mean_over_limits_and_a_pod_without_one_is_a_gap() -> None:
    found = await asked(PODS)
    assert values(found, "cpu") == [("", pytest.approx((0.8 + 0.2) / 2))]
    assert values(found, "memory") == [("", 128 * 2**20)]  # Half of its limit; the larger one has an eighth.
    limits = [(t.metric, t.limit, t.value) for t in found.answer.terms]
    assert limits == [("memory", Limit.AVAILABLE, 256 * 2**20)]
    assert values(found, "instances") == [("", 3)]
    without = [gap for gap in found.answer.gaps if "without a limit" in gap.what]
    assert [gap.metrics for gap in without] == [("cpu",), ("memory",)]
    assert found.answer.evidence["Quotas of the namespace"][0] == {
        "quota": "team requests.cpu",
        "used": "1500m of 2",
    }
    assert found.answer.evidence["Requests"][0]["limits"] == "1.5 cores, 1 pods without"


async def test_restarts_are_amounts_between_polls_and_the_first_poll_says_none() -> None:
    first = await asked(PODS)
    assert values(first, "restarts") == []
    assert first.answer.keep == {"restarts": {"u-1/api": 3, "u-3/api": 1}}
    before = {"restarts": {"u-1/api": 1, "gone/api": 7, "u-3/api": 5}}
    later = await asked(PODS, previous=before, since=NOON - timedelta(minutes=1))
    assert values(later, "restarts") == [("", 2)]  # One that fell counts as none.


async def test_nodes_are_measured_over_what_they_can_allocate() -> None:
    found = await asked(CLUSTER)
    assert values(found, "cpu") == [("node-a", pytest.approx(0.5)), ("node-b", pytest.approx(0.25))]
    assert values(found, "memory") == [("", 2.5 * 2**30)]  # More of its 3 than the other of its 4.
    assert [(t.metric, t.value) for t in found.answer.terms] == [("memory", 3 * 2**30)]
    assert values(found, "instances") == [("", 2)]
    assert values(found, "restricted") == [("", 1)]
    assert {gap.what for gap in found.answer.gaps} == {"node node-c", "restarts"}


@pytest.mark.parametrize("written", [PODS, CLUSTER])
async def test_every_reading_can_be_true(written: dict[str, str]) -> None:
    found = await asked(written, since=NOON - timedelta(minutes=1), previous={"restarts": {}})
    assert sifted(found.answer.readings, VOCABULARY, NOON)[1] == []


async def test_without_metrics_server_pods_are_counted_and_the_gap_says_what_to_install() -> None:
    found = await asked(PODS, "error-no-metrics-server")
    assert values(found, "instances") == [("", 3)]
    assert values(found, "cpu") == []
    assert any("install metrics-server" in gap.why for gap in found.answer.gaps)


async def test_a_refusal_names_the_right_and_no_token() -> None:
    with pytest.raises(Forbidden, match="get, list pods") as caught:
        await asked(PODS, "error-forbidden")
    assert "t0ken" not in str(caught.value)


async def test_an_autoscaler_is_the_limit_of_pods() -> None:
    found = await asked(PODS | {"autoscaler": "api"})
    assert ("instances", 10) in [(t.metric, t.value) for t in found.answer.terms]


async def test_verify_tells_whose_it_is_what_is_too_broad_and_when_it_ends() -> None:
    claims = {"sub": "system:serviceaccount:shop:advisor", "exp": 1_800_000_000}
    token = f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"
    async with client([SAMPLES["rights"]]) as http:
        settings = kubernetes.Settings.model_validate(PODS | {"token": token})
        told = await kubernetes.verify(Poll(http, *POLL, NOON), settings)
    assert told.whose == "system:serviceaccount:shop:advisor"
    assert told.broad == ("delete pods",)
    assert told.expires == datetime.fromtimestamp(1_800_000_000, UTC)
