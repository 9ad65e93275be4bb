"""The steps of an upgrade, as an operator types them, for the stories of the replays."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.lab.lab import Lab, until
from tools.lab.node import Node, Result

SYSTEM = "--ignore-preflight-errors=SystemVerification"
"""kubeadm 1.35 and later want this said on a node with cgroup v1 (docs/lab.md)."""


def upgrade_apply(node: Node, version: str, *options: str) -> Result:
    """Install that kubeadm and move the first control plane."""
    node.install(version, "kubeadm")
    return node.run("kubeadm", "upgrade", "apply", "--yes", f"v{version}", SYSTEM, *options, seconds=900)


def upgrade_node(node: Node, version: str, *options: str, seconds: float = 900) -> Result:
    """Install that kubeadm and move another node, all but its kubelet."""
    node.install(version, "kubeadm")
    return node.run("kubeadm", "upgrade", "node", SYSTEM, *options, seconds=seconds)


def move_kubelet(lab: Lab, node: Node, version: str) -> Result:
    """Drain the node, restart its kubelet in that version, wait until it says so, uncordon; returns what drain said.

    Raises LabError when a step fails.
    """
    drained = lab.kubectl("drain", node.name, "--ignore-daemonsets", "--timeout=300s")
    drained.checked()
    restart_kubelet(node, version)
    until(lambda: runs(lab, node, version), 240, f"kubelet {version} on {node.name}")
    if node.member.control_plane:
        settle(lab)
    lab.kubectl("uncordon", node.name).checked()
    return drained


def settle(lab: Lab, seconds: float = 20) -> None:
    """Wait until the API answers without a break for so long: a new kubelet starts its static pods anew, in its time.

    Raises LabError when it does not come to that.
    """
    since = time.monotonic()

    def quiet() -> bool:
        nonlocal since
        time.sleep(1)
        if lab.kubectl("get", "--raw=/readyz", "--request-timeout=5s").status:
            since = time.monotonic()
        return time.monotonic() - since > seconds

    until(quiet, 240, "the API without a break")


def restart_kubelet(node: Node, version: str) -> Result:
    """Install that kubelet and kubectl, and restart the kubelet."""
    node.install(version, "kubelet", "kubectl")
    return node.kubelet("restart")


def runs(lab: Lab, node: Node, version: str) -> bool:
    """Is the node Ready with a kubelet of that version?"""
    found = get(lab, "nodes", node.name)
    return bool(found) and found["status"]["nodeInfo"]["kubeletVersion"] == f"v{version}" and is_ready(found)


def is_ready(thing: dict[str, Any]) -> bool:
    """Is its condition Ready true?"""
    conditions = thing.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def get(lab: Lab, *what: str) -> Any:
    """What the API answers, or nothing at all when it does not answer."""
    done = lab.kubectl("get", *what, "--output=json", "--request-timeout=10s")
    return json.loads(done.stdout) if done.status == 0 else None


@contextmanager
def watched(lab: Lab, *deployment: str, every: float = 2) -> Iterator[list[str]]:
    """Ask for a deployment all the while; afterwards the list says how few replicas it had and how long nobody told."""
    over, told = threading.Event(), list[str]()
    least, away, answered = float("inf"), 0.0, time.monotonic()

    def ask() -> None:
        nonlocal least, away, answered
        while not over.wait(every):
            found = get(lab, *deployment)
            if found is not None:
                least = min(least, found["status"].get("availableReplicas", 0))
                answered = time.monotonic()
            away = max(away, time.monotonic() - answered)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()
        told += [f"at least {least} available", f"the API did not answer for {away:.0f} s at the longest"]


def log_of(node: Node, component: str, lines: int = 400) -> str:
    """The end of a static pod's logs on the node, of all its containers in the order in which they ran."""
    quoted = f"/var/log/pods/kube-system_{component}-*/*/*.log"
    return node.shell(f"ls -tr {quoted} | xargs tail -q -n {lines}").stdout


def first_line(node: Node, component: str, text: str, seconds: float = 420) -> str:
    """Wait until a line with that text is in a static pod's logs; such logs go when the pod is replaced."""
    logs = f"/var/log/pods/kube-system_{component}-*/*/*.log"
    look = f"until cat {logs} 2>/dev/null | grep -m 1 '{text}'; do sleep 1; done"
    return node.shell(look, seconds=seconds).stdout


def kubelet_log(node: Node) -> str:
    """What the kubelet wrote, all of it."""
    return node.read("/var/log/kubelet.log")
