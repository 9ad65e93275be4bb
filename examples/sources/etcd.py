"""What etcd says of itself on a control-plane node when the collector asks it through crictl."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sources.cluster import Cluster, Machine, Object
from sources.stamps import hexadecimal, number

FLAGS = {"trusted-ca-file": "cacert", "cert-file": "cert", "key-file": "key"}


def etcdctl(manifest: Object) -> str:
    """The command line up to its verb, as the collector makes it from the manifest."""
    flags = dict(word.removeprefix("--").split("=", 1) for word in manifest["spec"]["containers"][0]["command"][1:])
    endpoint = flags["listen-client-urls"].partition(",")[0]
    keys = "".join(f" --{name} {flags[flag]}" for flag, name in FLAGS.items())
    return f"etcdctl --endpoints {endpoint} --command-timeout=5s --dial-timeout=2s{keys}"


def said(cluster: Cluster, machine: Machine, manifest: Object) -> Mapping[str, tuple[str, str]]:
    """The two questions and their answers by the names of the commands, for a cluster in good order."""
    container = hexadecimal("container", cluster.name, machine.name, "etcd")
    asked = f"crictl exec --sync --timeout 8 {container} {etcdctl(manifest)}"
    planes = [one for one in cluster.machines if one.control_plane]
    members = {one.name: _identity("member", cluster.name, one.name) for one in planes}
    header = {"cluster_id": _identity("cluster", cluster.name), "member_id": members[machine.name]}
    index = number("index", cluster.name, low=9_000_000, high=12_000_000)
    size = number("size", cluster.name, machine.name, low=40, high=60) * 1_048_576
    status = {
        "header": {**header, "revision": index - 800_000, "raft_term": 9},
        "version": manifest["spec"]["containers"][0]["image"].rpartition(":")[2].partition("-")[0],
        "dbSize": size,
        "leader": members[planes[0].name],
        "raftIndex": index,
        "raftTerm": 9,
        "raftAppliedIndex": index,
        "dbSizeInUse": size // 2,
    }
    endpoint = etcdctl(manifest).split()[2]
    listed = [
        {
            "ID": members[one.name],
            "name": one.name,
            "peerURLs": [f"https://{one.address}:2380"],
            "clientURLs": [f"https://{one.address}:2379"],
        }
        for one in sorted(planes, key=lambda one: members[one.name])
    ]
    return {
        "etcd-status": (f"{asked} endpoint status -w json", _line([{"Endpoint": endpoint, "Status": status}])),
        "etcd-members": (
            f"{asked} member list -w json",
            _line({"header": {**header, "raft_term": 9}, "members": listed}),
        ),
    }


def _identity(*names: str) -> int:
    return int(hexadecimal("etcd", *names, length=16), 16)


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
