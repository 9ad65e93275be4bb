"""What a scan may not read it says, and the ClusterRole that it prints is enough, and not more: by real RBAC.

Each resource that rules ask for is taken from the generated ClusterRole in turn.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path

import pytest
import yaml

from kubepreflight.commands.pages import cluster_role
from kubepreflight.inputs import Parameter, parameters_of
from kubepreflight.objects import Desired, KubernetesObject
from kubepreflight.rule import load_rules
from tests.real.cluster import OTHER_FLAGS, PLAN, VERSIONS, Scan
from tests.real.conftest import Clusters, Running
from tests.real.identities import account_user, allow, binding, kubeconfig, may, service_account
from tests.real.objects import budget, custom_resource_definition, node, pod, workload
from tools.kubernetes.client import Object
from tools.waiting import until

Grant = tuple[str, str, str]
"""Group, resource, and name where only one object of it is granted; of what is no resource its path."""
EVERYTHING = "everything"
IDENTITY = ("", "namespaces", "kube-system")
"""What tells clusters apart; no rule reads it."""
RULES = load_rules()


def grants(rules: Iterable[Object]) -> list[Grant]:
    """What a role grants, one by one."""
    return [
        (group, resource, name)
        for one in rules
        for group in one.get("apiGroups", [""])
        for resource in one.get("resources") or one["nonResourceURLs"]
        for name in one.get("resourceNames", [""])
    ]


def granting(some: Iterable[Grant]) -> list[Object]:
    """The rules of a role that grants these."""
    return [
        {"nonResourceURLs": [resource], "verbs": ["get"]}
        if resource.startswith("/")
        else {
            "apiGroups": [group],
            "resources": [resource],
            "verbs": ["list"],
            **({"resourceNames": [name]} if name else {}),
        }
        for group, resource, name in some
    ]


ALL = grants(yaml.safe_load(cluster_role("scan"))["rules"])


def without(grant: Grant) -> str:
    """The user who may read everything but this."""
    return "-".join(("without", *filter(None, grant))).replace("/", "")


class Need(IntEnum):
    """How much a rule needs something."""

    NONE = 0
    OPTIONAL = 1
    REQUIRED = 2


def need(parameters: Iterable[Parameter], grant: Grant) -> Need:
    """How much the parameters need a grant, with whatever is behind them."""
    most = {True: Need.OPTIONAL, False: Need.REQUIRED}
    return max((min(_need(one, grant), most[one.optional]) for one in parameters), default=Need.NONE)


def _need(one: Parameter, grant: Grant) -> Need:
    if grant[1] in getattr(one.type, "non_resource_urls", ()):
        return Need.REQUIRED
    if one.form is None or not issubclass(one.type, KubernetesObject):
        return need(parameters_of(one.provider), grant) if one.provider else Need.NONE
    apis = one.type.apis()
    group, plural, name = grant
    asked = [api.name for api in apis if (api.group, api.plural) == (group, plural)]
    # What one rule wants by its name is listed whole when another wants it whole.
    if one.form is Desired or one.type.opt_in or not (asked and (not name or name in asked)):
        return Need.NONE
    return Need.REQUIRED if len(apis) == 1 else Need.OPTIONAL  # of several kinds the others are still there


def some_of_everything(version: str) -> Iterator[Object]:
    """A cluster of a version about which there is something to say, and no blocker."""
    yield node("cp1", version, control_plane=True)
    yield node("w1", version, unschedulable=True)
    yield workload("Deployment", "web")
    yield budget("web", minAvailable=1)
    yield from dns()
    yield custom_resource_definition("ceph.rook.io", "CephCluster", {"v1": True}, storage="v1")
    yield custom_resource_definition("cert-manager.io", "Certificate", {"v1": True}, storage="v1")
    yield custom_resource_definition("monitoring.coreos.com", "PrometheusRule", {"v1": True}, storage="v1")


def dns() -> Iterator[Object]:
    """As much of CoreDNS as an upgrade looks at."""
    names = {"name": "coredns", "namespace": "kube-system"}
    corefile = ".:53 {\n    errors\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n}\n"
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": names, "data": {"Corefile": corefile}}
    server = workload("Deployment", "coredns", namespace="kube-system")
    server["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    (container,) = server["spec"]["template"]["spec"]["containers"]
    container |= {"name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.12.0"}
    yield server


class Scans(dict[str, Scan]):
    """Scans by their users, and which resources the server has: taking away another one changes nothing."""

    served: frozenset[str] = frozenset()

    def serves(self, grant: Grant) -> bool:
        """Whether there is anything of it to be read; a path counts as served."""
        group, resource, _ = grant
        return resource.startswith("/") or (f"{resource}.{group}" if group else resource) in self.served


@pytest.fixture(scope="module")
def scans(running: Running) -> Scans:
    """What the scan says to the administrator (""), to EVERYTHING, and to each who may not read one thing."""
    cluster = running.clean(**OTHER_FLAGS)
    cluster.holds(*some_of_everything(cluster.control_plane.version))
    roles = {EVERYTHING: granting(ALL), **{without(one): granting(set(ALL) - {one}) for one in ALL}}
    allow(cluster, roles)
    made = Scans({user: cluster.scan_here(*PLAN, *(("--as", user) if user else ())) for user in ("", *roles)})
    made.served = frozenset(cluster.kubectl("api-resources", "--output=name").stdout.split())
    return made


def test_the_generated_role_is_enough(scans: Scans) -> None:
    """What it lets see is what the administrator sees, who may read everything."""
    everything, administrator = scans[EVERYTHING].report, scans[""].report
    assert everything is not None
    assert administrator is not None
    assert scans[EVERYTHING].status == scans[""].status == 0
    for part in ("coverage", "findings", "nodes", "upgrade", "cluster", "verdict", "summary"):
        assert everything[part] == administrator[part]
    assert {one["rule"] for one in everything["findings"]} >= {"node-left-cordoned", "single-control-plane"}


@pytest.mark.parametrize("grant", ALL, ids=without)
def test_what_may_not_be_read_is_said_by_each_rule_that_needs_it_and_by_no_other(scans: Scans, grant: Grant) -> None:
    everything, less = scans[EVERYTHING], scans[without(grant)]
    needs = {rule.name: need(rule.parameters, grant) for rule in RULES}
    assert any(needs.values()) or grant == IDENTITY, "the role grants what nobody needs"
    if not scans.serves(grant):
        needs = dict.fromkeys(needs, Need.NONE)
    assert less.status == (3 if any(needs.values()) else 0)
    for name, much in needs.items():
        before, after = everything.coverage(name), less.coverage(name)
        if much is Need.NONE:
            assert after == before
            assert less.findings(name) == everything.findings(name)
            continue
        assert after["status"] in (["not checked"] if much is Need.REQUIRED else ["partial", "not checked"])
        new = [gap for gap in after["gaps"] if gap not in before["gaps"]]
        assert new
        for gap in new:
            assert gap["asked"]
            assert gap["reason"].startswith("403 ")
            assert grant[1] in gap["input"]
            assert grant[2] in gap["input"]
            assert "kubepreflight rbac" in gap["how"]


def test_a_blocker_is_found_though_something_may_not_be_read(clusters: Clusters) -> None:
    cluster = clusters(**OTHER_FLAGS)
    cluster.holds(node("w1"), node("cp1", control_plane=True), pod("bare", node="w1"))
    allow(cluster, {"half": granting(one for one in ALL if one[1] != "poddisruptionbudgets")})
    scan = cluster.scan(*PLAN, "--as", "half")
    assert scan.status == 1
    assert scan.findings("drain-stops-at-bare-pod")
    assert scan.coverage("drain-blocked-by-budget")["status"] == "not checked"


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_program_prints_is_enough_for_a_service_account(
    clusters: Clusters, tmp_path: Path, version: str
) -> None:
    """The road of deploy/: `kubepreflight rbac | kubectl apply -f -`, a ServiceAccount, its token."""
    cluster = clusters(version, **OTHER_FLAGS)
    cluster.holds(*some_of_everything(version))
    printed = subprocess.run(cluster.program("rbac", "--name", "scan"), capture_output=True, text=True, check=True)
    assert "created" in cluster.kubectl("apply", "-f", "-", text=printed.stdout).stdout
    account = kubeconfig(cluster, tmp_path / "account.conf", {"token": service_account(cluster)})
    cluster.holds(binding("scan", account_user()))
    assert until(lambda: may(cluster, account_user(), granting(ALL)[-1]))
    earlier = len(cluster.audited(account_user()))
    scan, administrator = cluster.scan(*PLAN, kubeconfig=account), cluster.scan_here(*PLAN)
    assert scan.status == administrator.status == 0
    assert scan.report is not None
    assert administrator.report is not None
    assert scan.report["coverage"] == administrator.report["coverage"]
    assert scan.report["findings"] == administrator.report["findings"]
    requests = cluster.audited(account_user())[earlier:]
    assert len(requests) > len(ALL)
    assert {one["responseStatus"]["code"] for one in requests} == {200}
