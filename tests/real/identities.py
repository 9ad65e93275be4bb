"""Who scans: users, certificates and tokens that the cluster under test accepts, or does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.real.cluster import Cluster
from tests.real.objects import Object
from tools.waiting import until

RBAC = "rbac.authorization.k8s.io"


def kubeconfig(cluster: Cluster, path: Path, user: Object, **others: Object) -> Path:
    """A kubeconfig with a context for the cluster under test, as `user`, and for `others`: entries of clusters that
    have fields of their own (None for not even the real one's), each with a context of its name."""
    admin = yaml.safe_load(cluster.control_plane.kubeconfig().read_text(encoding="utf-8"))
    real = admin["clusters"][0]["cluster"]
    clusters = {"real": real, **{name: _fields(real | fields) for name, fields in others.items()}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "real",
        "clusters": [{"name": name, "cluster": one} for name, one in clusters.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "scan"}} for name in clusters],
        "users": [{"name": "scan", "user": user}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def _fields(given: Object) -> Object:
    return {name: value for name, value in given.items() if value is not None}


def service_account(cluster: Cluster, name: str = "scan", namespace: str = "default") -> str:
    """A token of a new ServiceAccount, as `kubectl create token` gets it."""
    metadata = {"name": name, "namespace": namespace}
    cluster.holds({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str(json.loads(cluster.client.request("POST", path, body))["status"]["token"])


def account_user(name: str = "scan", namespace: str = "default") -> str:
    """The name under which the API server knows a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


def certificate(cluster: Cluster, name: str, *, ends: timedelta = timedelta(days=90)) -> Object:
    """The user of a kubeconfig: a client certificate, signed by the cluster's own authority, that ends so long from
    now (before now when it is negative)."""
    pki = cluster.control_plane.folder / "pki"
    authority = x509.load_pem_x509_certificate((pki / "ca.crt").read_bytes())
    authority_key: Any = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + ends) - timedelta(hours=1))
        .not_valid_after(now + ends)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "client-certificate-data": base64.b64encode(signed.public_bytes(pem)).decode(),
        "client-key-data": base64.b64encode(private).decode(),
    }


def role(name: str, rules: Iterable[Object]) -> Object:
    """A ClusterRole."""
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}


def binding(name: str, user: str) -> Object:
    """What gives a user the ClusterRole of a name."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }


def allow(cluster: Cluster, roles: dict[str, list[Object]]) -> None:
    """Give each user the rules that are his, and wait until the API server has taken them in."""
    cluster.holds(*(role(user, rules) for user, rules in roles.items()))
    cluster.holds(*(binding(user, user) for user in roles))
    # It takes them in in order: with the last it has all.
    last = next(reversed(roles))
    assert until(lambda: may(cluster, last, roles[last][0]))


def may(cluster: Cluster, user: str, rule: Object) -> bool:
    """Whether the API server lets a user do the first thing that a rule of a role lets him do."""
    spec: Object = {"user": user}
    if "nonResourceURLs" in rule:
        spec["nonResourceAttributes"] = {"path": rule["nonResourceURLs"][0], "verb": rule["verbs"][0]}
    else:
        attributes = {"group": rule["apiGroups"][0], "resource": rule["resources"][0], "verb": rule["verbs"][0]}
        if "resourceNames" in rule:
            attributes["name"] = rule["resourceNames"][0]
        spec["resourceAttributes"] = attributes
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(json.loads(cluster.client.request("POST", path, review))["status"]["allowed"])
