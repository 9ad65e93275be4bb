"""Who scans, and by which road: certificates, tokens, exec plugins, contexts, and each way in which it may not work."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.real.cluster import KNOWN, Cluster
from tests.real.identities import account_user, allow, binding, certificate, kubeconfig, service_account
from tests.real.objects import node
from tools.kubernetes.client import Object
from tools.kubernetes.process import free_ports
from tools.waiting import until

EVERYTHING: list[Object] = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]},
    {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
]
PLUGIN = f"""#!{sys.executable}
import json, os, sys, time
said = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
WHAT_IT_DOES
print(json.dumps({{"apiVersion": said["apiVersion"], "kind": "ExecCredential", "status": {{"token": sys.argv[1]}}}}))
"""


PLUGIN_CERTIFICATE = PLUGIN.replace('{"token": sys.argv[1]}', "json.loads(sys.argv[1])")


def plugin(path: Path, token: str, does: str = "", program: str = PLUGIN) -> Object:
    """The user of a kubeconfig that an exec plugin proves, which does something before it gives its token."""
    path.write_text(program.replace("WHAT_IT_DOES", does), encoding="utf-8")
    path.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(path), "args": [token], "interactiveMode": "Never"}}


@pytest.fixture
def account(cluster: Cluster) -> str:
    """The token of a ServiceAccount that may list everything, in a cluster of one node."""
    cluster.holds(node("w1"))
    token = service_account(cluster)
    allow(cluster, {"everything": EVERYTHING})
    cluster.holds({**binding("everything", account_user()), "metadata": {"name": "account"}})
    allowed = ("auth", "can-i", "list", "pods", "--as", account_user())
    assert until(lambda: cluster.kubectl(*allowed).stdout.strip() == "yes")
    return token


def by_certificate(cluster: Cluster, folder: Path, token: str) -> Object:
    return certificate(cluster, "everything")


def by_certificate_files(cluster: Cluster, folder: Path, token: str) -> Object:
    """As paths relative to the kubeconfig, which is how many keep them."""
    for name, data in certificate(cluster, "everything").items():
        (folder / name).write_bytes(base64.b64decode(data))
    return {"client-certificate": "client-certificate-data", "client-key": "client-key-data"}


def by_token(cluster: Cluster, folder: Path, token: str) -> Object:
    return {"token": token}


def by_token_file(cluster: Cluster, folder: Path, token: str) -> Object:
    (folder / "token").write_text(f"{token}\n", encoding="utf-8")
    return {"tokenFile": str(folder / "token")}


def by_plugin(cluster: Cluster, folder: Path, token: str) -> Object:
    return plugin(folder / "plugin", token)


def by_plugin_with_a_certificate(cluster: Cluster, folder: Path, token: str) -> Object:
    made = certificate(cluster, "everything")
    pem = {key: base64.b64decode(made[name]).decode() for key, name in IN_CREDENTIAL.items()}
    return plugin(folder / "plugin", json.dumps(pem), program=PLUGIN_CERTIFICATE)


IN_CREDENTIAL = {"clientCertificateData": "client-certificate-data", "clientKeyData": "client-key-data"}
"""The fields of an ExecCredential, and of a kubeconfig."""
Proof = Callable[[Cluster, Path, str], Object]
WAYS: tuple[Proof, ...] = (
    by_certificate,
    by_certificate_files,
    by_token,
    by_token_file,
    by_plugin,
    by_plugin_with_a_certificate,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_prove_who_one_is(cluster: Cluster, account: str, tmp_path: Path, way: Proof) -> None:
    config = kubeconfig(cluster, tmp_path / "config", way(cluster, tmp_path, account))
    scan = cluster.scan(*KNOWN, kubeconfig=config)
    assert scan.status == 0, scan.error
    assert scan.report is not None
    assert scan.report["cluster"]["name"] == "real"
    assert scan.report["cluster"]["nodes"] == 1
    assert account not in f"{scan.report}{scan.error}"


NO_ONE: Object = {"token": "planted.by.nobody"}


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (lambda *_: NO_ONE, "have they expired?"),
        (lambda *_: {}, "shown no credentials"),
        (lambda cluster, _: certificate(cluster, "everything", ends=timedelta(minutes=-5)), "ended at"),
        (lambda _, folder: plugin(folder / "plugin", "planted.by.nobody"), "have they expired?"),
        (lambda _, folder: plugin(folder / "plugin", "", "sys.exit('it is sealed')"), "it is sealed"),
        (lambda _, folder: plugin(folder / "plugin", "", "print('no JSON')"), "failed to decode"),
        (lambda *_: {"exec": {"command": "nowhere", "apiVersion": "client.authentication.k8s.io/v1"}}, "nowhere"),
    ],
    ids=["token", "none", "certificate-ended", "plugin-token", "plugin-fails", "plugin-babbles", "plugin-missing"],
)
def test_who_cannot_prove_it_is_told_why(
    cluster: Cluster, tmp_path: Path, user: Callable[[Cluster, Path], Object], said: str
) -> None:
    scan = cluster.scan(*KNOWN, kubeconfig=kubeconfig(cluster, tmp_path / "config", user(cluster, tmp_path)))
    assert (scan.status, scan.report) == (2, None)
    assert said in scan.error
    assert "planted" not in scan.error
    assert len(scan.error.splitlines()) == 1


def test_a_plugin_that_hangs_is_left_when_the_scan_is_told_to_end(cluster: Cluster, tmp_path: Path) -> None:
    """It may wait for its user to log in, so that nobody can say how long is too long."""
    started = tmp_path / "started"
    does = f"open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    config = kubeconfig(cluster, tmp_path / "config", plugin(tmp_path / "plugin", "", does))
    with subprocess.Popen(cluster.command("scan", kubeconfig=config), stderr=subprocess.PIPE, text=True) as scan:
        try:
            assert until(lambda: started.exists() and started.read_text() != "")
            scan.send_signal(signal.SIGTERM)
            assert scan.wait(10) == 143
        finally:
            os.kill(int(started.read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("road", "said"),
    [
        ("closed", "refused"),
        ("stranger", "certificate authority that of this cluster"),
        ("misnamed", "tls-server-name"),
        ("missing", "get-contexts"),
    ],
)
def test_a_road_that_leads_nowhere_is_told(cluster: Cluster, tmp_path: Path, road: str, said: str) -> None:
    (port,) = free_ports(1)
    stranger = (cluster.control_plane.folder / "pki" / "etcd" / "ca.crt").read_bytes()
    config = kubeconfig(
        cluster,
        tmp_path / "config",
        certificate(cluster, "everything"),
        closed={"server": f"https://127.0.0.1:{port}"},
        stranger={"certificate-authority-data": base64.b64encode(stranger).decode()},
        misnamed={"tls-server-name": "api.example.org"},
    )
    scan = cluster.scan(*KNOWN, "--context", road, kubeconfig=config)
    assert (scan.status, scan.report) == (2, None)
    assert said in scan.error
    assert len(scan.error.splitlines()) == 1


def test_the_context_that_is_named_is_the_one_that_is_scanned(cluster: Cluster, account: str, tmp_path: Path) -> None:
    config = kubeconfig(
        cluster,
        tmp_path / "config",
        {"token": account},
        named={"tls-server-name": "localhost"},
        trusting={"insecure-skip-tls-verify": True, "certificate-authority-data": None},
    )
    for road in ("named", "trusting"):
        scan = cluster.scan(*KNOWN, "--context", road, kubeconfig=config)
        assert scan.status == 0, scan.error
        assert scan.report is not None
        assert scan.report["cluster"]["name"] == road


def test_the_kubeconfig_of_the_environment_counts(cluster: Cluster, account: str, tmp_path: Path) -> None:
    config = kubeconfig(cluster, tmp_path / "config", {"token": account})
    command = cluster.program("scan", *KNOWN, "--only", "node-not-ready")
    done = subprocess.run(command, env={**os.environ, "KUBECONFIG": str(config)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_acting_as_another_sees_what_he_sees(cluster: Cluster, account: str) -> None:
    before = len(cluster.audited(account_user()))
    scan = cluster.scan(*KNOWN, "--as", account_user())
    assert scan.status == 0
    asked = cluster.audited(account_user())[before:]
    assert {event["user"]["username"] for event in asked} == {"kubernetes-admin"}
    nobody = cluster.scan(*KNOWN, "--as", "nobody")
    assert nobody.status == 3
    assert nobody.coverage("node-not-ready")["status"] == "not checked"


def test_who_may_not_act_as_another_is_told_that_it_is_that(cluster: Cluster, account: str, tmp_path: Path) -> None:
    config = kubeconfig(cluster, tmp_path / "config", {"token": account})
    scan = cluster.scan(*KNOWN, "--as", "somebody", kubeconfig=config)
    assert scan.status == 2
    assert "Without --as it may work" in scan.error
