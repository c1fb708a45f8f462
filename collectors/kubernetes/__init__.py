"""Kubernetes: nodes or pods, their CPU and memory now, restarts, and what they requested.

API     GET /apis/metrics.k8s.io/v1beta1 (nodes, pods), /api/v1 (nodes, pods, resourcequotas) in pages, and an
        autoscaler of autoscaling/v2. To check a token, POST of a SelfSubjectRulesReview: it changes nothing.
Token   of a service account that may get and list these; in a pod its own, else of a kubeconfig or written.
        Client certificates and commands of a kubeconfig are not used.
Quirks  Without `namespace` the nodes are the machines, over what they can allocate; with it the pods, over
        their limits. A pod without a limit has no share, and a gap says so: never over requests or the
        node. Only the newest sample is told, over a window of half a minute or so, and a new pod is missing
        at first. CPU comes in nanocores, memory in KiB, both in other units too; memory is the working set.
        Restarts are cumulative by container and become amounts here; a container that is gone takes its
        last ones along. `restricted` counts pressures under which nodes evict pods.
        Not confirmed: that metrics-server ignores `limit` (its list is read as one answer). The metrics API
        is described by a proto, whose fields samples are held to; the core API is held to nothing.
"""

import base64
import binascii
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors._pieces import Piece, together
from advisor.collectors.kubernetes import nodes, pods
from advisor.collectors.kubernetes.access import Server, server
from advisor.collectors.kubernetes.api import METRICS_API, Api
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Limit, Reading, Term
from advisor.errors import InputError
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Verified

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "kubernetes"
METRICS = tuple(VOCABULARY[name] for name in ("cpu", "memory", "instances", "restarts", "restricted"))
PODS, POD_METRICS = "get, list pods", "get, list pods.metrics.k8s.io"
QUOTAS, SCALERS = "get, list resourcequotas", "get horizontalpodautoscalers.autoscaling"
SCOPES = (PODS, POD_METRICS, QUOTAS, SCALERS, nodes.NODES, nodes.NODE_METRICS)
INTERVAL = 60.0
ABOUT = About(
    title="Kubernetes",
    access=(
        Access(
            Tier.READ,
            f"{PODS}; {POD_METRICS}; {QUOTAS}",
            "CPU, memory and restarts of a namespace's pods, its quotas",
            "what runs in the namespace, with plain environment variables: keep secrets in Secrets",
        ),
        Access(Tier.READ, SCALERS, "to how many pods an autoscaler may go", "its settings"),
        Access(
            Tier.READ,
            f"{nodes.NODES}; {nodes.NODE_METRICS}",
            "CPU, memory and state of nodes, where no namespace is named",
            "names, addresses and sizes of nodes; with pods of all namespaces, what runs in the cluster",
        ),
    ),
    spec="kubernetes/metrics-v1beta1.proto",
    open=("that metrics-server ignores `limit`",),
    dashboard="https://kubernetes.io/docs/reference/kubectl/generated/kubectl_top/",
    delay="one to two minutes",
    connect=(
        "Apply the service account, role and binding of docs/providers/kubernetes.md.",
        "In a pod, set its serviceAccountName; nothing is then written.",
        "Elsewhere: kubectl create token advisor --duration 8760h, into `token:` as ${NAME} or file:/path.",
        "Put the API server's address into `base_url:` and its CA's file into `ca_file:`.",
    ),
    example={
        "token": "kubernetes_example_token",
        "base_url": "https://cluster.example",
        "namespace": "shop",
        "selector": "app=api",
        "autoscaler": "api",
    },
)


class Settings(BaseModel):
    """What advisor.yaml says about a service in Kubernetes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = Field(None, description="A service account's token; empty: the pod's own.")
    kubeconfig: str = Field("", description="A kubeconfig's path, whose user has a token.")
    context: str = Field("", description="Which of its contexts; empty: its current one.")
    ca_file: str = Field("", description="The cluster's CA as PEM; empty: the pod's or the kubeconfig's.")
    namespace: str = Field("", description="Whose pods; empty: the whole cluster, by nodes.")
    selector: str = Field("", description="A label selector of pods, such as app=api.")
    autoscaler: str = Field("", description="A HorizontalPodAutoscaler of the namespace.")
    base_url: str = Field("", description="The API server's address; empty: the pod's or the kubeconfig's.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what a namespace's pods, or the cluster's nodes, use now.

    Raises:
        CollectError: The API server cannot be reached or refuses, and nothing was measured.
        InputError: Server or token is missing, or a file cannot be read.
    """
    if not settings.namespace and (settings.selector or settings.autoscaler):
        raise InputError("`selector` and `autoscaler` need `namespace`", key="namespace")
    async with AsyncExitStack() as stack:
        api = await _api(poll, settings, stack)
        return await (_namespace(api, settings) if settings.namespace else _cluster(api))


async def _cluster(api: Api) -> Answer:
    found, described = await nodes.described(api)

    async def ask_pods() -> Answer:
        gaps: list[Gap] = []
        listed = pods.parse_pods(await api.listed("/api/v1/pods", PODS, {}, gaps, ("restarts",)))
        return _counted(api, listed, gaps, {"Requests": pods.requested(listed, found)})

    return await together(
        [
            Piece("nodes", partial(_known, described), ("instances", "restricted")),
            Piece("metrics of nodes", partial(nodes.used, api, found), ("cpu", "memory")),
            Piece("pods", ask_pods, ("restarts",), _kept(api.poll)),
        ]
    )


async def _namespace(api: Api, settings: Settings) -> Answer:
    space = quote(settings.namespace, safe="")
    query = {"labelSelector": settings.selector} if settings.selector else {}
    gaps: list[Gap] = []
    metrics = ("cpu", "memory", "instances", "restarts")
    listed = pods.parse_pods(await api.listed(f"/api/v1/namespaces/{space}/pods", PODS, query, gaps, metrics))
    if not listed:
        why = f"no pod fits in the namespace `{settings.namespace}`; check `selector`"
        gaps.append(Gap("pods", why, ("cpu", "memory")))
    counted = _counted(api, listed, gaps, {"Requests": pods.requested(listed, ())})
    ready = Reading("instances", float(sum(pod.running and pod.ready for pod in listed)), api.poll.now)

    async def ask_metrics() -> Answer:
        body = await api.get(f"{METRICS_API}/namespaces/{space}/pods", POD_METRICS, query)
        return pods.used(body["items"].each(), listed, api.poll.now, api.where)

    async def ask_quotas() -> Answer:
        more: list[Gap] = []
        found = await api.listed(f"/api/v1/namespaces/{space}/resourcequotas", QUOTAS, {}, more, ())
        rows = pods.quotas(found)
        return Answer(gaps=more, evidence={"Quotas of the namespace": rows} if rows else {})

    async def ask_autoscaler() -> Answer:
        name = quote(settings.autoscaler, safe="")
        path = f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/{name}"
        most = (await api.get(path, SCALERS)).number("spec", "maxReplicas")
        source = "provider API: Kubernetes autoscaler"
        terms = (
            [Term("limit", most, source, api.poll.now, "instances", Limit.QUOTA)] if most is not None else []
        )
        return Answer(terms=terms)

    both = Answer([ready, *counted.readings], (), counted.gaps, counted.keep, counted.evidence)
    pieces = [
        Piece("pods", partial(_known, both)),
        Piece("metrics of pods", ask_metrics, ("cpu", "memory")),
        Piece("quotas of the namespace", ask_quotas),
    ]
    if settings.autoscaler:
        pieces.append(Piece("autoscaler", ask_autoscaler, ("instances",)))
    return await together(pieces)


async def _known(answer: Answer) -> Answer:
    return answer


def _kept(poll: Poll) -> dict[str, Any]:
    return {"restarts": poll.previous["restarts"]} if "restarts" in poll.previous else {}


def _counted(api: Api, listed: list[pods.Pod], gaps: list[Gap], evidence: dict[str, Any]) -> Answer:
    poll = api.poll
    readings, counts, rows = pods.restarts(listed, poll.now, poll.since, poll.previous)
    if not readings:
        why = "restarts are counted from one poll to the next: their first amount comes with the next"
        gaps.append(Gap("restarts", why, ("restarts",)))
    shown = evidence | ({"Restarts": rows} if rows else {})
    return Answer(readings, (), gaps, {"restarts": counts}, shown)


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return whose the token is, what it may do, and when it ends, where it says so.

    Raises:
        CollectError: It is refused, or the API server cannot be reached.
        InputError: Server or token is missing, or a file cannot be read.
    """
    async with AsyncExitStack() as stack:
        api = await _api(poll, settings, stack)
        ask = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": settings.namespace or "default"},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        body = await api.post(path, json.dumps(ask).encode())
    rights, broad = set(), set()
    for rule in body["status"]["resourceRules"].each():
        verbs = {one.text() for one in rule["verbs"].each()}
        names = (
            {one.text() for one in rule["resources"].each()} if rule.get("resources") is not None else set()
        )
        names = {
            name for name in names if not name.startswith("selfsubject")
        }  # Everybody may ask about oneself.
        rights |= {f"{verb} {name}" for name in names for verb in verbs}
        broad |= {f"{verb} {name}" for name in names for verb in verbs - {"get", "list", "watch"}}
        broad |= {f"read {name}" for name in names & {"secrets", "*"}}
    whose, expires = await _of_token(settings)
    return Verified(whose, tuple(sorted(rights)), tuple(sorted(broad)), expires)


async def _of_token(settings: Settings) -> tuple[str, datetime | None]:
    """Return what a token says of itself; it is not checked, for the server just did."""
    token = (await _server(settings)).token.get_secret_value()
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = claims.get("exp")
        expires = datetime.fromtimestamp(ends, UTC) if isinstance(ends, int | float) else None
        return str(claims.get("sub", "")), expires
    except (IndexError, binascii.Error, ValueError, AttributeError, OverflowError, OSError):
        return "", None  # A token of another kind.


async def _server(settings: Settings) -> Server:
    return await server(
        settings.base_url, settings.token, settings.ca_file, settings.kubeconfig, settings.context
    )


async def _api(poll: Poll, settings: Settings, stack: AsyncExitStack) -> Api:
    found = await _server(settings)
    http = poll.http
    if found.trusted is not None:
        from advisor.polling.client import client

        # The common client trusts what everybody trusts; a cluster has an authority of its own.
        http = await stack.enter_async_context(client(found.trusted))
    return Api(poll, found, http)
