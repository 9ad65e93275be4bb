"""What `kubeadm upgrade apply` says of versions is the oracle for its policy as we have it, and for the rules on it.

It runs on a machine that has kubeadm's files and nothing else, up to the end of its preflight phase, where the policy
is: against real API servers, with nodes of every interesting kubelet.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubepreflight.knowledge.versions import KubeadmPolicy
from kubepreflight.semantics.kubeadm_policy import kubeadm_upgrade_verdict
from kubepreflight.version import Version
from tests.real.cluster import Cluster
from tests.real.conftest import Clusters
from tests.real.machine import NODE, Machine, control_plane_node
from tests.real.objects import node
from tests.real.tables import VERSIONS
from tools.kubernetes.client import Object

IGNORED = "--ignore-preflight-errors=all"
FITTING = ("1.37.2", "1.36.3", "1.36.0")
EVERY = (
    *FITTING,
    "1.39.0",
    "1.38.0-alpha.1",
    "1.37.3",
    "1.36.4",
    "1.35.9",
    "1.34.0",
    "1.34.0-rc.1",
    "1.33.5",
    "1.33.5-eks-1234567",
    "1.33.0+k3s1",
    "1.32.14",
    "1.31.0-beta.0",
    "1.30.2",
)
TARGETS = {
    FITTING: (
        "1.35.0-rc.0",
        "1.35.0",
        "1.36.0-rc.1",
        "1.36.3",
        "1.36.4-beta.0",
        "1.36.4",
        "1.37.0-alpha.1",
        "1.37.0-rc.1",
        "1.37.2",
        "1.37.3",
        "1.38.0-rc.0",
        "1.38.0",
        "1.39.1",
    ),
    EVERY: ("1.36.4", "1.37.2", "1.38.0-rc.0"),
}
ALLOWED = ("--allow-experimental-upgrades", "--allow-release-candidate-upgrades")


class Answer(msgspec.Struct, frozen=True):
    """What stops kubeadm, as it prints it, and whether that can be passed with --force; nothing when it goes on."""

    errors: tuple[str, ...] = ()
    forcible: bool = True


def nodes(kubelets: Sequence[str]) -> list[Object]:
    """A control-plane node with the first of these kubelets, and workers with the others."""
    return [
        node(f"w{number}" if number else NODE, one, control_plane=not number) for number, one in enumerate(kubelets)
    ]


def kubeadm_says(machine: Machine, kubeadm: str, target: str, *flags: str) -> Answer:
    done = machine.run(
        "kubeadm", kubeadm, "upgrade", "apply", "phase", "preflight", f"v{target}", "-y", "--dry-run", IGNORED, *flags
    )
    errors = [line.removeprefix("\t- ") for line in done.stderr.splitlines() if line.startswith("\t- ")]
    below = re.search(r"this version of kubeadm only supports .*", done.stderr)
    if below:
        return Answer((below[0],), forcible=False)
    assert done.returncode == bool(errors), done.stderr
    return Answer(tuple(map(in_order, errors)), forcible="fatal errors" not in done.stderr)


def in_order(error: str) -> str:
    """kubeadm lists kubelets in no order."""
    return re.sub(r"\[(.*)\]$", lambda found: f"[{' '.join(sorted(found[1].split()))}]", error)


def we_say(server: str, kubeadm: str, target: str, kubelets: Sequence[str], *flags: str) -> Answer:
    verdict = kubeadm_upgrade_verdict(
        target=Version.parse(target),
        cluster=Version.parse(server),
        kubeadm=Version.parse(kubeadm),
        kubelets=[Version.parse(f"v{one}") for one in kubelets],
        policy=KubeadmPolicy.provide(),
        allow_experimental="--allow-experimental-upgrades" in flags,
        allow_release_candidates="--allow-release-candidate-upgrades" in flags,
    )
    if verdict.mandatory:
        return Answer(tuple(map(str, verdict.mandatory)), forcible=False)
    return Answer() if "--force" in flags else Answer(tuple(in_order(str(one)) for one in verdict.skippable))


def flags_for(target: str, kubelets: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The flags that may make a difference."""
    yield ()
    if kubelets is FITTING and "-" in target:
        yield from ((flag,) for flag in ALLOWED)
    elif kubelets is EVERY:
        yield ("--force",)


@pytest.mark.parametrize("kubelets", [FITTING, EVERY], ids=["fitting kubelets", "every kubelet"])
@pytest.mark.parametrize("server", VERSIONS)
def test_the_policy(server: str, kubelets: tuple[str, ...], clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters(server)
    machine = control_plane_node(cluster, tmp_path)
    cluster.holds(*nodes(kubelets))
    cases = [
        (kubeadm, target, *flags)
        for kubeadm, target in product(VERSIONS, TARGETS[kubelets])
        for flags in flags_for(target, kubelets)
    ]
    with ThreadPoolExecutor(4) as threads:
        told = dict(zip(cases, threads.map(lambda case: kubeadm_says(machine, *case), cases), strict=True))
    ours = {
        (kubeadm, target, *flags): we_say(server, kubeadm, target, kubelets, *flags)
        for kubeadm, target, *flags in cases
    }
    disagreements = {case: (told[case], ours[case]) for case in cases if told[case] != ours[case]}
    assert disagreements == {}


TOO_OLD = re.compile(r"too old that have these versions \[(.*)\]")


@pytest.mark.parametrize(
    ("server", "kubeadm", "target"),
    [("1.36.3", "1.37.2", "1.37.2"), ("1.36.3", "1.36.3", "1.36.4"), ("1.37.2", "1.37.2", "1.37.3")],
)
def test_the_rules_on_kubelets(server: str, kubeadm: str, target: str, clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters(server)
    machine = control_plane_node(cluster, tmp_path)
    cluster.holds(*nodes(EVERY))
    (told,) = (found for error in kubeadm_says(machine, kubeadm, target).errors if (found := TOO_OLD.search(error)))
    scan = cluster.scan("--target", target)
    refused = {
        kubelet
        for finding in scan.findings("kubelet-too-old")
        if "refuses to begin" in finding["message"]
        for kubelet in kubelets_in(finding)
    }
    assert refused == set(told[1].split())
    newer = {kubelet for finding in scan.findings("kubelet-newer-than-api-server") for kubelet in kubelets_in(finding)}
    ahead = {f"v{one}" for one in EVERY if Version.parse(one).minor_version > Version.parse(server).minor_version}
    assert newer == ahead
    assert not newer & set(told[1].split())


def kubelets_in(finding: dict[str, Any]) -> Iterator[str]:
    """The versions of the kubelets that a finding is about, as their nodes tell them."""
    versions = {name: f"v{one}" for name, one in zip(map(name_of, nodes(EVERY)), EVERY, strict=True)}
    yield from (versions[place["node"] or place["name"]] for place in finding["places"])


def name_of(value: Object) -> str:
    name: str = value["metadata"]["name"]
    return name


def test_a_kubelet_that_tells_no_version(clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters("1.36.3")
    machine = control_plane_node(cluster, tmp_path)
    nameless = node("w1")
    nameless["status"]["nodeInfo"]["kubeletVersion"] = ""
    cluster.holds(node(NODE, "1.36.3", control_plane=True), nameless)
    assert kubeadm_says(machine, "1.37.2", "1.37.2") == Answer(("couldn't parse kubelet version ",))
    scan = cluster.scan("--target", "1.37.2", "--disable", "coredns-migration-fails")
    assert "w1" in [gap["subject"] for gap in scan.coverage("kubelet-too-old")["gaps"]]
    assert scan.status == 3


@pytest.mark.parametrize("kubeadm", VERSIONS)
def test_the_plan_asks_nothing_of_this(kubeadm: str, clusters: Clusters, tmp_path: Path) -> None:
    cluster = clusters("1.36.3")
    machine = control_plane_node(cluster, tmp_path)
    cluster.holds(*nodes(EVERY))
    with jobs_done(cluster):
        plan = machine.run("kubeadm", kubeadm, "upgrade", "plan", "v1.39.0", IGNORED, "-o", "json")
    assert plan.returncode == 0, plan.stderr
    assert "too old" not in plan.stdout + plan.stderr
    assert "v1.39.0" in plan.stdout


@contextmanager
def jobs_done(cluster: Cluster) -> Iterator[None]:
    """Play the controller of Jobs: kubeadm makes one to see that pods run."""
    ended = threading.Event()

    def finish() -> None:
        while not ended.wait(0.2):
            for job in cluster.listed("/apis/batch/v1/namespaces/kube-system/jobs"):
                if not job["status"].get("conditions"):
                    when = job["metadata"]["creationTimestamp"]
                    done = [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")]
                    status = {"startTime": when, "completionTime": when, "succeeded": 1, "conditions": done}
                    path = f"/apis/batch/v1/namespaces/kube-system/jobs/{job['metadata']['name']}/status"
                    cluster.client.request("PATCH", path, {"status": status})

    thread = threading.Thread(target=finish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
