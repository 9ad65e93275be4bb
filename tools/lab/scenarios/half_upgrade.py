"""Half an upgrade: the first control plane is moved, and before the others' turn their certificates end.

Three control planes whose certificates live 36 minutes. The scan is made for work that begins now and may take an hour.
cp1 is upgraded, with its certificates; cp2 and cp3 are left for later, as one leaves them for the next day. When their
certificates have ended, every program is asked. Then cp2 and cp3 get new ones, and only after that cp2 is restarted:
with those of etcd's leader ended, it would stay out.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from cryptography import x509

from kubepreflight.finding import BLOCKER
from tools.kubernetes.build import build, cache
from tools.lab.claims import Claim, Says, Shows, Silent
from tools.lab.lab import until
from tools.lab.node import ON_THE_NODE, Node, Result
from tools.lab.replay import NEXT, VERSION, Stage
from tools.lab.steps import log_of, upgrade_apply, upgrade_node

RULE = "certificate-expires-in-window"
AFTER = timedelta(minutes=8)
"""How long after the scan the work begins: what is renewed then outlives the others by as much."""


def _of_cp2(sentence: str) -> Says:
    return Says(RULE, BLOCKER, "cp2", sentence)


CLAIMS = (
    Claim(says=Silent(RULE, "cp1"), shows=Shows("kubectl to cp1", r"^cp1 +Ready .*v1\.36\.3")),
    Claim(
        says=_of_cp2("every client of this node's API server fails"),
        shows=Shows("kubectl to cp2", "^Unable to connect .* certificate has expired"),
    ),
    Claim(
        says=Says(RULE, BLOCKER, "cp3", "every client of this node's API server fails"),
        shows=Shows("kubectl to cp3", "^Unable to connect .* certificate has expired"),
    ),
    Claim(
        says=_of_cp2("This etcd member loses the others"),
        shows=Shows("etcdctl on cp2", "is unhealthy: failed to commit proposal"),
    ),
    Claim(
        says=_of_cp2("You must be logged in to the server"),
        shows=Shows("kubectl on cp2, to cp1", r"You must be logged in to the server"),
    ),
    Claim(
        says=_of_cp2("if they end first, that step is stuck"),
        shows=Shows("kubeadm upgrade node on cp2", r"^error: .*|exit status 124"),
    ),
    Claim(
        says=Says(RULE, BLOCKER, "kubeadm-config", "those that it renews on cp1 .* end again"),
        shows=Shows("kubeadm certs check-expiration on cp1", r"^apiserver +\w+ .* UTC +\d+m(\d+s)? +ca"),
    ),
    Claim(
        says=Says("kubeconfig-credential-expires", BLOCKER, "kubernetes-admin@kubernetes", "Unauthorized"),
        shows=Shows("kubectl with the old kubeconfig", "You must be logged in to the server"),
    ),
    Claim(shows=Shows("API server log on cp2", "x509: certificate has expired")),
    Claim(shows=Shows("kubectl on cp2, mended as told", r"^cp2 +Ready")),
)


def play(stage: Stage) -> None:
    """Scan, upgrade cp1 after a while, wait for the end of cp2's and cp3's certificates, and ask everybody."""
    lab = stage.up(control_planes=3, certificate_validity="36m0s")
    begun = datetime.now(UTC)
    stage.scan("--window", "1h")
    cp1, cp2, cp3 = lab.nodes[:3]
    _sleep_until(begun + AFTER)
    stage.see("kubeadm upgrade apply on cp1", upgrade_apply(cp1, NEXT).checked())
    _sleep_until(max(_ends(cp2), _ends(cp3)) + timedelta(seconds=20))
    stage.see("kubectl to cp1", _nodes(cp1, cp1))
    stage.see("kubectl to cp2", _nodes(cp1, cp2))
    stage.see("kubectl to cp3", _nodes(cp1, cp3))
    stage.see("kubectl on cp2, to cp1", _nodes(cp2, cp1))
    stage.see("kubectl with the old kubeconfig", lab.kubectl("get", "nodes", f"--server={_server(cp1)}"))
    stage.see("API server log on cp2", log_of(cp2, "kube-apiserver"))
    stage.see("etcdctl on cp2", _etcd(cp2))
    stage.see("kubeadm certs check-expiration on cp1", cp1.run("kubeadm", "certs", "check-expiration"))
    stage.see("kubeadm upgrade node on cp2", upgrade_node(cp2, NEXT, seconds=120))
    cp3.run("kubeadm", "certs", "renew", "all").checked()
    _mend(stage, cp2)


def _mend(stage: Stage, node: Node) -> None:
    """What the remedy of certificate-expired says."""
    node.run("kubeadm", "certs", "renew", "all").checked()
    node.shell("mkdir -p /etc/kubernetes/away && mv /etc/kubernetes/manifests/*.yaml /etc/kubernetes/away/").checked()
    time.sleep(20)
    node.shell("mv /etc/kubernetes/away/*.yaml /etc/kubernetes/manifests/").checked()
    until(lambda: _nodes(node, node).status == 0, 180, "cp2 answers again")
    stage.see("kubectl on cp2, mended as told", _nodes(node, node))


def _nodes(on: Node, to: Node) -> Result:
    """`kubectl get nodes` on one node, straight to the API server of another."""
    return on.run("kubectl", "get", "nodes", f"--server={_server(to)}", "--request-timeout=20s")


def _server(node: Node) -> str:
    return f"https://{node.member.address}:6443"


def _etcd(node: Node) -> Result:
    etcdctl = build(VERSION, ("etcdctl",)).relative_to(cache() / "kubernetes") / "etcdctl"
    pki = "/etc/kubernetes/pki/etcd"
    client = (f"--cacert={pki}/ca.crt", f"--cert={pki}/healthcheck-client.crt", f"--key={pki}/healthcheck-client.key")
    return node.run(f"{ON_THE_NODE}/{etcdctl}", "--endpoints=https://127.0.0.1:2379", *client, "endpoint", "health")


def _ends(node: Node) -> datetime:
    text = node.read("/etc/kubernetes/pki/apiserver.crt")
    return x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
