"""The lab's network: a bridge in a namespace of its own, one cable to each node, no route out.

The namespace belongs to a process that sleeps, each cable to two such: when the processes are gone,
so is all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

from tools.kubernetes.build import build_other
from tools.lab import cgroups
from tools.lab.node import Node
from tools.lab.plan import BALANCER, NETWORK, SWITCH, LabError, Plan

ROOT = Path(__file__).parents[2]


def group(lab: str) -> str:
    """The control group of the network's own processes."""
    return f"{lab}/switch"


def switch(lab: str, folder: Path) -> int:
    """The number of the process that has the network's namespace. Raises LabError when there is none."""
    try:
        process = int((folder / "switch").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        process = 0
    if process not in cgroups.processes(group(lab)):
        raise LabError(f"the lab {lab} does not run")
    return process


def start(plan: Plan, folder: Path) -> None:
    """Make the network of the lab in `folder`, with the balancer before several API servers."""
    command = cgroups.inside(
        cgroups.leaves(cgroups.make(group(plan.name))), ["unshare", "--net", str(build_other("pause"))]
    )
    running = _detached(command, subprocess.DEVNULL)
    mine, deadline = Path("/proc/self/ns/net").readlink(), time.monotonic() + 10
    while Path(f"/proc/{running.pid}/ns/net").readlink() == mine:
        if time.monotonic() > deadline or running.poll() is not None:
            raise LabError("no network namespace can be made")
        time.sleep(0.01)
    (folder / "switch").write_text(str(running.pid), encoding="ascii")
    addresses = [f"addr add {one}/{NETWORK.prefixlen} dev br0" for one in (SWITCH, BALANCER)]
    _ip(running.pid, "link set lo up", "link add br0 type bridge", *addresses, "link set br0 up")
    if plan.endpoint:
        backends = [f"{each.address}:6443" for each in plan.members if each.control_plane]
        balancer = [sys.executable, "-m", "tools.lab.balancer", plan.endpoint, *backends]
        command = outside(plan.name, folder, balancer)
        with (folder / "balancer.log").open("wb") as log:
            subprocess.Popen(
                command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
            )


def plug_in(node: Node, folder: Path) -> None:
    """Lay the cable to `node`. Its default route ends at the switch, which forwards nothing."""
    far = switch(node.lab, folder)
    _ip(
        far,
        f"link add {node.name} type veth peer name eth0 netns {node.process}",
        f"link set {node.name} master br0 up",
    )
    address = f"addr add {node.member.address}/{NETWORK.prefixlen} dev eth0"
    _ip(node.process, address, "link set eth0 up", f"route add default via {SWITCH}")


def route_pods(node: Node, others: dict[Node, IPv4Network]) -> None:
    """Tell `node` where the pods of the other nodes are, and the switch too when it is called with each."""
    _ip(node.process, *(f"route add {subnet} via {other.member.address}" for other, subnet in others.items()))


def outside(lab: str, folder: Path, command: Sequence[str]) -> list[str]:
    """`command`, as one that runs with this machine's files and the lab's network."""
    entered = ["nsenter", "--target", str(switch(lab, folder)), "--net", "--", *command]
    return cgroups.inside(cgroups.leaves(cgroups.make(group(lab))), entered)


def pod_networks(nodes: str) -> dict[str, IPv4Network]:
    """The pod network of each node that has one, from what `kubectl get nodes -o json` prints."""
    items = json.loads(nodes)["items"]
    return {
        each["metadata"]["name"]: IPv4Network(each["spec"]["podCIDR"]) for each in items if "podCIDR" in each["spec"]
    }


def _detached(command: list[str], log: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """A process that outlives this one, and holds none of its files open."""
    return subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)


def _ip(process: int, *lines: str) -> None:
    command = ["nsenter", "--target", str(process), "--net", "ip", "-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"the network cannot be made: {done.stderr.strip()}")
