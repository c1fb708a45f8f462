"""Where the API server is, and what it is asked with: written, of a kubeconfig, or of the pod's account."""

import asyncio
import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from advisor.errors import InputError

__all__ = ["MOUNTED", "Server", "server"]

#: Where a pod has its account's token, CA and namespace.
MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LARGEST = 1_048_576


@dataclass(frozen=True, slots=True)
class Server:
    """The API server. `trusted` None: its certificate is of an authority that everybody trusts."""

    url: str
    token: SecretStr = field(repr=False)
    trusted: ssl.SSLContext | None = None


async def server(url: str, token: SecretStr | None, ca_file: str, kubeconfig: str, context: str) -> Server:
    """Return the server; files are read in a thread and at each poll, because mounted tokens rotate.

    Raises:
        InputError: Something is missing, cannot be read, or is a way of signing in that is not known here.
    """
    find = partial(_found, url.rstrip("/"), token, ca_file, kubeconfig, context)
    return await asyncio.to_thread(find)


def _found(url: str, token: SecretStr | None, ca_file: str, kubeconfig: str, context: str) -> Server:
    authority = _read(Path(ca_file).expanduser(), "ca_file") if ca_file else None
    if kubeconfig:
        return _of_file(Path(kubeconfig).expanduser(), context, url, token, authority)
    if token is None:
        if not (MOUNTED / "token").is_file():
            raise InputError(
                "Kubernetes needs `token`, or `kubeconfig`, or to run in a pod with a service account",
                key="token",
            )
        token = SecretStr(_read(MOUNTED / "token", "token").strip())
    if not url:
        host, port = (
            os.environ.get("KUBERNETES_SERVICE_HOST", ""),
            os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
        )
        if not host:
            raise InputError(
                "Kubernetes needs `base_url`, the API server's address, outside a pod", key="base_url"
            )
        url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        if authority is None and (MOUNTED / "ca.crt").is_file():
            authority = _read(MOUNTED / "ca.crt", "ca_file")
    return Server(url, token, _trusting(authority, "ca_file"))


def _read(path: Path, key: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is no text"
        raise InputError(f"{path}: {why}; correct `{key}`", key=key) from None
    if len(text) > _LARGEST:
        raise InputError(f"{path}: larger than {_LARGEST} bytes; correct `{key}`", key=key)
    return text


def _trusting(authority: str | None, key: str) -> ssl.SSLContext | None:
    if authority is None:
        return None
    try:
        context = ssl.create_default_context(cadata=authority)
    except ssl.SSLError:
        raise InputError(
            "the authority of Kubernetes is no PEM certificate; correct `ca_file`", key=key
        ) from None
    # Python 3.13 also wants what the authorities of many clusters leave out: an authority key identifier.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _of_file(path: Path, context: str, url: str, token: SecretStr | None, authority: str | None) -> Server:
    """Return what a kubeconfig says; what is written beside it goes first."""
    try:
        loaded = yaml.load(_read(path, "kubeconfig"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        raise InputError(f"{path}: no YAML; correct `kubeconfig`", key="kubeconfig") from None
    config: Mapping[str, Any] = loaded if isinstance(loaded, dict) else {}
    chosen = context or str(config.get("current-context") or "")
    names = _named(config, "contexts", chosen, "context", path)
    cluster = _named(config, "clusters", names.get("cluster"), "cluster", path)
    if cluster.get("insecure-skip-tls-verify") and authority is None:
        raise InputError(
            f"{path}: TLS is always verified here; give `ca_file` the cluster's CA", key="ca_file"
        )
    if authority is None:
        authority = _authority(cluster, path)
    if token is None:
        token = _token(_named(config, "users", names.get("user"), "user", path), path)
    return Server(
        url or str(cluster.get("server") or "").rstrip("/"), token, _trusting(authority, "kubeconfig")
    )


def _named(config: Mapping[str, Any], kind: str, name: Any, key: str, path: Path) -> Mapping[str, Any]:
    entries = config.get(kind)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(key), dict):
            found: Mapping[str, Any] = entry[key]
            return found
    raise InputError(f"{path}: no {key} `{name or ''}` in it; name one with `context`", key="kubeconfig")


def _authority(cluster: Mapping[str, Any], path: Path) -> str | None:
    if data := cluster.get("certificate-authority-data"):
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InputError(f"{path}: its certificate authority is no base64", key="kubeconfig") from None
    if name := cluster.get("certificate-authority"):
        return _read(path.parent / str(name), "kubeconfig")
    return None


def _token(user: Mapping[str, Any], path: Path) -> SecretStr:
    if user.get("token"):
        return SecretStr(str(user["token"]))
    if name := user.get("tokenFile"):
        return SecretStr(_read(path.parent / str(name), "kubeconfig").strip())
    raise InputError(
        f"{path}: its user has no token (client certificates and commands are not used here); make one for a "
        "service account: `kubectl create token NAME --duration 8760h`",
        key="kubeconfig",
    )
