"""What etcd says of itself on a control-plane node when the collector asks it through crictl."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

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


def on_disk(cluster: Cluster, machine: Machine, collected: str) -> Mapping[str, tuple[str, str]]:
    """The database, and the snapshots that a crontab of the first control-plane node takes every night."""
    first = next(one for one in cluster.machines if one.control_plane)
    taken, lines = machine is first and cluster.era.runtime != "docker", []
    day = datetime.fromisoformat(collected).replace(hour=2, minute=15, second=4)
    for age in range(7) if taken else ():
        when = day - timedelta(days=age)
        pages = number("snapshot", cluster.name, str(age), low=10_000, high=15_000)
        lines.append(f"{int(when.timestamp())}\t{pages * 4096 + 32}\t/var/backups/etcd/{when:%Y-%m-%d}.db\n")
    places = ["/var/backups", "/root", "/tmp", *(["/var/lib/etcd"] if machine.control_plane else [])]
    found = {
        "etcd-snapshots": ("find /var/backups", "".join(lines) + "".join(f"looked\t{one}\n" for one in places)),
        "etcd-schedules": ("grep etcd", "/etc/cron.d/etcd-backup\n" if taken else ""),
    }
    if machine.control_plane:
        # By steps of 16 MiB.
        size = number("file", cluster.name, machine.name, low=4, high=6) * (16 << 20)
        found["etcd-database"] = ("stat -c %s /var/lib/etcd/member/snap/db", f"{size}\n")
    return found


def _identity(*names: str) -> int:
    return int(hexadecimal("etcd", *names, length=16), 16)


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
