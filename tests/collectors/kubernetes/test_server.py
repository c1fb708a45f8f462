"""Kubernetes over TLS with its own authority, and where server and token come from."""

import base64
import json
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import kubernetes
from advisor.collectors.kubernetes import access
from advisor.collectors.kubernetes.access import server
from advisor.core.fleet import Account, Service
from advisor.errors import InputError
from advisor.polling.client import client as http_client
from advisor.polling.contract import Poll, Unreachable
from advisor.testing import Sample, samples
from advisor.testing.replay import NOON

SAMPLES = samples(kubernetes)
PODS = {"token": "t0ken", "namespace": "shop", "selector": "app=api"}
POLL = Service("shop", "backend", "backend", "kubernetes", "own"), Account("own", "kubernetes")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
        "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True, cwd=folder)
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def encoded(authority: Path) -> str:
    return base64.b64encode(authority.read_bytes()).decode()


def kubeconfig(folder: Path, **more: Any) -> str:
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **more.get("cluster", {})}}
        ],
        "users": [{"name": "u", "user": more.get("user", {"token": "from-file"})}],
    }
    (folder / "config").write_text(json.dumps(config))
    return str(folder / "config")


async def test_a_kubeconfig_gives_server_token_and_authority(tmp_path: Path, encoded: str) -> None:
    written = kubeconfig(tmp_path, cluster={"certificate-authority-data": encoded})
    found = await server("", None, "", written, "")
    assert (found.url, found.token.get_secret_value()) == ("https://10.0.0.1:6443", "from-file")
    assert found.trusted is not None
    assert len(found.trusted.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"user": {"client-certificate-data": "x"}}, "kubectl create token"),
        ({"cluster": {"insecure-skip-tls-verify": True}}, "TLS is always verified"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_says_the_way_out(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        await server("", None, "", kubeconfig(tmp_path, **more), "")


async def test_a_cluster_with_its_own_authority_is_asked_over_tls_page_by_page(authority: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, authority.with_name("key.pem"))
    with HTTPServer(host="127.0.0.1", ssl_context=context) as cluster:

        def answer(request: Request) -> Response:
            assert request.headers["Authorization"] == "Bearer t0ken"
            sample = _of(request.path, request.args.get("continue", ""))
            return Response(json.dumps(sample.body), sample.status, sample.headers)

        cluster.expect_request(re.compile(".*")).respond_with_handler(answer)
        written = PODS | {"base_url": cluster.url_for("").rstrip("/"), "ca_file": str(authority)}
        async with http_client() as http:
            settings = kubernetes.Settings.model_validate(written)
            found = await kubernetes.collect(Poll(http, *POLL, NOON), settings)
            plain = kubernetes.Settings.model_validate(written | {"ca_file": ""})
            with pytest.raises(Unreachable, match="not trusted"):
                await kubernetes.collect(Poll(http, *POLL, NOON), plain)
    assert [one.value for one in found.readings if one.metric == "instances"] == [3]
    assert "asked again at 2026-11-21 12:00:05 UTC" in next(g.why for g in found.gaps if "metrics" in g.what)


def _of(path: str, token: str) -> Sample:
    if path.endswith("/pods") and "metrics" in path:
        return SAMPLES["error-throttled"]
    if path.endswith("/pods"):
        return SAMPLES["pods-2" if token else "pods-1"]
    return SAMPLES["quotas"]


async def test_a_pod_takes_its_own_account_and_looks_at_its_files_each_time(
    tmp_path: Path, encoded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MOUNTED", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(encoded))
    for token in ("first", "rotated"):
        (tmp_path / "token").write_text(token + "\n")
        found = await server("", None, "", "", "")
        assert (found.url, found.token.get_secret_value()) == ("https://10.0.0.1:443", token)
        assert found.trusted is not None


async def test_outside_a_pod_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOUNTED", tmp_path)
    with pytest.raises(InputError, match="needs `token`, or `kubeconfig`"):
        await server("", None, "", "", "")
