"""What the real kubeadm says of CoreDNS before an upgrade is what the scan says of it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.real.cluster import Cluster
from tests.real.objects import Object
from tools.kubernetes.programs import program

RULE = "coredns-migration-fails"
DEFAULT = """
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""
EXTRA = """
# a comment { with braces }
.:53 {
    errors { # and one here
      stacktrace
    }
    template IN A "a b.example" {
      answer "{{ .Name }} 60 IN A 10.0.0.1"
    }
    hosts /etc/hosts {
      10.0.0.1 a.example
      fd00::1 a.example
      fallthrough
    }
    forward . 10.0.0.1 { next NXDOMAIN
      policy random
      tls_servername a.example
      unheard_of
    }
    import custom/*.override
    log . { class error
    }
}
import custom/*.server
a.example { forward . 1.1.1.1 }
b.example b2.example:1053 {
    file /zones/b
    forward b.example 1.1.1.1
    cache
}
"""
UNSUPPORTED = re.compile(r'(?:Option "(?P<option>[^"]*)" in )?[Pp]lugin "(?P<plugin>[^"]*)" is unsupported')


def config_map(corefile: str, key: str = "Corefile") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {key: corefile},
    }


def deployment(image: str, name: str = "coredns", label: str = "kube-dns") -> Object:
    labels = {"k8s-app": label}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "coredns", "image": image}]},
            },
        },
    }


def coredns(tag: str, corefile: str = DEFAULT) -> list[Object]:
    return [config_map(corefile), deployment(f"registry.k8s.io/coredns/coredns{tag}")]


def kubeadm_errors(cluster: Cluster) -> str:
    """The preflight errors about CoreDNS of `kubeadm upgrade plan`; it goes on to others, which are none of these."""
    plane = cluster.control_plane
    kubeconfig = str(plane.kubeconfig("super-admin"))
    command = [
        str(program("kubeadm", plane.version)),
        "upgrade",
        "plan",
        f"v{plane.version}",
        "--kubeconfig",
        kubeconfig,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    said = ended.stdout + ended.stderr
    assert "[preflight] Running pre-flight checks." in said
    start = said.find("[ERROR CoreDNS")
    return said[start:] if start >= 0 else ""


def unsupported(said: str) -> set[str]:
    found = UNSUPPORTED.finditer(said)
    return {f"{one['plugin']}: {one['option']}" if one["option"] is not None else one["plugin"] for one in found}


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([], id="no CoreDNS"),
        pytest.param([config_map(DEFAULT)], id="no Deployment"),
        pytest.param([config_map(DEFAULT, "corefile"), *coredns(":v1.14.2")[1:]], id="no Corefile"),
        pytest.param(coredns(":v1.14.6", EXTRA), id="what kubeadm brings"),
        pytest.param(coredns(":v1.14.2"), id="the default of the minor before"),
        pytest.param(coredns(":1.13.1"), id="no v"),
        pytest.param(coredns(":v1.14.5"), id="a version that was left out"),
        pytest.param(coredns(":v1.14.7"), id="newer than kubeadm knows"),
        pytest.param(coredns(":v1.14.2-1"), id="a tag of one's own"),
        pytest.param(coredns(""), id="no tag"),
        pytest.param(coredns("@sha256:" + "0" * 64), id="a digest"),
        pytest.param(coredns(":v1.14.2@sha256:" + "0" * 64), id="a tag and a digest"),
        pytest.param(coredns(":v1.14.2", EXTRA), id="plugins and options that it does not know"),
        pytest.param(coredns(":v1.8.0", EXTRA), id="from far behind"),
        pytest.param(coredns(":v1.3.1", DEFAULT + "a:53 {\n  proxy a 10.0.0.1\n}\n"), id="a stub domain that stays"),
        pytest.param(coredns(":v1.3.1", ".:53 {\n  proxy . 10.0.0.1\n  proxy a 10.0.0.1\n}\n"), id="one that moves"),
        pytest.param(coredns(":v1.3.1", "a b {\n  forward a 10.0.0.1\n}\n"), id="one that cannot move"),
        pytest.param(coredns(":v1.3.1", ".:53 {\n  forward\n}\n"), id="a forward of nothing"),
        pytest.param(coredns(":v1.14.2", '"." { "errors" "a \\" b" }\n'), id="quotes"),
        pytest.param(coredns(":v1.14.2", ""), id="an empty Corefile"),
        pytest.param([*coredns(":v1.14.6"), deployment("dns:v1.14.6", "dns")], id="two by the label"),
        pytest.param([*coredns(":v1.14.6"), deployment("dns:v1.14.6", "dns", "dns")], id="two, one by the label"),
        pytest.param([config_map(DEFAULT), deployment("coredns:v1.14.6", label="dns")], id="none by the label"),
        pytest.param([config_map(DEFAULT), deployment("dns:v1.14.6", "dns")], id="by the label, of another name"),
        pytest.param([deployment("dns:1", "dns"), deployment("dns:2")], id="two by the label, and no ConfigMap"),
    ],
)
def test_both_say_the_same(cluster: Cluster, objects: list[Object]) -> None:
    cluster.holds(*objects)
    said = kubeadm_errors(cluster)
    scan = cluster.scan("--target", f"{cluster.control_plane.version.rpartition('.')[0]}.99")
    assert scan.coverage(RULE)["status"] == "checked"
    blockers = [one for one in scan.findings(RULE) if one["severity"] == "blocker"]
    assert bool(blockers) == bool(said), said
    assert {name for one in blockers for name in one.get("evidence", {}).get("unknown", ())} == unsupported(said)
    quoted = [words for one in blockers for words in re.findall(r'"([^"]+)"', one["message"])]
    assert [words for words in quoted if words not in said] == []
