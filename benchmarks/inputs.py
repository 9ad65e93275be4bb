"""Inputs that look like real ones, made by formula: a GitOps tree, and a snapshot of a large cluster.

Usage: python -m benchmarks.inputs SNAPSHOT PODS
"""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PODS_PER_NODE = 30
TEAMS = 200


def manifest_tree(folder: Path, files: int = 1000, megabytes: int = 25) -> None:
    """A tree like a real GitOps repository: most bytes are the schemas of CRDs, most files are small workloads."""
    dice = random.Random(1)
    schemas = files // 8
    each = (megabytes << 20) // schemas - 1500
    for number in range(files):
        path = folder / f"team-{number % 20:02}" / f"app-{number:04}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_schema(number, each, dice) if number % 8 == 0 else _workload(number))


def _schema(number: int, size: int, dice: random.Random) -> str:
    head = f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things{number}.example.com
spec:
  group: example.com
  names: {{kind: Thing{number}, plural: things{number}}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
"""
    out = io.StringIO()
    out.write(head)
    field = 0
    while out.tell() < size:
        field += 1
        words = " ".join(dice.choice(("the", "name", "of", "a", "volume", "that", "is", "mounted")) for _ in range(30))
        out.write(
            f"          field{field}:\n"
            f"            description: |-\n              {words}\n              More info: https://example.com/{field}\n"
            f"            type: object\n            properties:\n"
            f"              inner{field}:\n                type: string\n                default: 'yes'\n"
        )
    return out.getvalue()


def _workload(number: int) -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}
  namespace: team-{number % 20:02}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app-{number}}}}}
  template:
    metadata: {{labels: {{app: app-{number}}}}}
    spec:
      containers:
      - name: app
        image: registry.example.com/app:{number}
---
apiVersion: v1
kind: Service
metadata:
  name: app-{number}
  namespace: team-{number % 20:02}
spec:
  selector: {{app: app-{number}}}
  ports: [{{port: 80}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: app-{number}
  namespace: team-{number % 20:02}
spec:
  maxUnavailable: 1
  selector: {{matchLabels: {{app: app-{number}}}}}
"""


def audit_log(path: Path, megabytes: int) -> None:
    """A log as an API server writes it with a policy of level Metadata: one request in fifty asks for a beta version,
    most of these for one of somebody else's."""
    lines = [_audited(number) for number in range(5000)]
    block = b"".join(lines)
    with path.open("wb") as target:
        while target.tell() < megabytes << 20:
            target.write(block)


def _audited(number: int) -> bytes:
    kind = number % 250
    group, version, resource = ("apps", "v1", "deployments")
    if kind == 0:
        group, version, resource = ("batch", "v1beta1", "cronjobs")
    elif kind % 50 == 0:
        group, version, resource = ("metrics.k8s.io", "v1beta1", "pods")
    at = f"2026-11-{number % 28 + 1:02}T08:{number % 60:02}:00.000000Z"
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"5a90f1cb-a868-485e-b1a4-{number:012}",
        "stage": "ResponseComplete",
        "requestURI": f"/apis/{group}/{version}/namespaces/team-{number % TEAMS:03}/{resource}?limit=500",
        "verb": "list",
        "user": {
            "username": f"system:serviceaccount:team-{number % TEAMS:03}:app",
            "uid": "a6f6103a-a26c-47ef-b536-eb370ed7e85d",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:team-{number % TEAMS:03}"],
            "extra": {"authentication.kubernetes.io/pod-name": [f"app-{number}"]},
        },
        "sourceIPs": ["10.0.0.7"],
        "userAgent": "app/v1.2.3 (linux/amd64) kubernetes/abcdef0",
        "objectRef": {"resource": resource, "apiGroup": group, "apiVersion": version},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC: allowed by x"},
    }
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def nodes(count: int) -> Iterator[dict[str, Any]]:
    """Nodes of a healthy cluster, three of them control planes."""
    for number in range(count):
        role = {"node-role.kubernetes.io/control-plane": ""} if number < 3 else {}
        yield {
            "metadata": {"name": f"node-{number:05}", "uid": f"node-{number}", "labels": {"os": "linux", **role}},
            "spec": {"podCIDR": f"10.{number >> 8}.{number & 255}.0/24"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
                "nodeInfo": {"kubeletVersion": "v1.36.3", "containerRuntimeVersion": "containerd://2.2.1"},
            },
        }


def pods(count: int, node_count: int) -> Iterator[dict[str, Any]]:
    """Pods as an API server returns them, about 4.6 kB each, three to a Deployment."""
    padding = [{"name": f"VARIABLE_{one}", "value": "x" * 60} for one in range(25)]
    for number in range(count):
        app = number // 3
        name = f"app-{app:06}-7c9d8f-{number % 3:05}"
        status = {"name": "app", "ready": True, "restartCount": 0, "image": "registry.example.com/app:1"}
        yield {
            "metadata": {
                "name": name,
                "namespace": f"team-{app % TEAMS:03}",
                "uid": f"pod-{number}",
                "labels": {"app": f"app-{app:06}", "pod-template-hash": "7c9d8f"},
                "annotations": {"example.com/checksum": "0123456789abcdef" * 8},
                "ownerReferences": [
                    {
                        "apiVersion": "apps/v1",
                        "kind": "ReplicaSet",
                        "name": f"app-{app:06}-7c9d8f",
                        "uid": f"rs-{app:06}",
                        "controller": True,
                    }
                ],
                "managedFields": [{"manager": "kube-controller-manager", "fieldsV1": {"f:x": {"f:y": "z" * 900}}}],
            },
            "spec": {
                "nodeName": f"node-{number % node_count:05}",
                "serviceAccountName": "default",
                "containers": [{"name": "app", "image": "registry.example.com/app:1", "env": padding}],
                "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
                "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
            },
            "status": {
                "phase": "Running",
                "conditions": [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "PodScheduled")],
                "containerStatuses": [status],
                "podIP": "10.0.0.1",
            },
        }


def snapshot(path: Path, pod_count: int) -> None:
    """A snapshot file, as `kubepreflight snapshot` writes it, of a cluster with so many pods."""
    node_count = max(pod_count // PODS_PER_NODE, 3)
    members = (
        ("nodes", "Node", node_count, nodes(node_count)),
        ("pods", "Pod", pod_count, pods(pod_count, node_count)),
    )
    files = [
        {"file": f"observed/{name}.jsonl", "api_version": "v1", "kind": kind, "desired": False, "count": count}
        for name, kind, count, _ in members
    ]
    index = {
        "format": "kubepreflight.snapshot/v1",
        "created": "2026-11-23T00:00:00Z",
        "files": files,
        "listed": [["", "Node"], ["", "Pod"]],
        "failures": [],
        "gaps": [],
        "sources": [],
        "headers": [],
        "manifests_given": False,
        "hosts_asked": False,
        "facts": {},
    }
    with gzip.open(path, "wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        _add(archive, "snapshot.json", json.dumps(index).encode())
        for name, _kind, _count, objects in members:
            _add(archive, f"observed/{name}.jsonl", b"".join(json.dumps(one).encode() + b"\n" for one in objects))


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


if __name__ == "__main__":
    snapshot(Path(sys.argv[1]), int(sys.argv[2]))
