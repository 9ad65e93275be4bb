"""Fills a real API server with nodes and pods: one of each through its API, the others as copies of what it stored.

Through the API 150,000 pods and their status take half an hour. Here the bytes that the API server wrote into etcd for
one pod are written again under other names, a hundred in a transaction. All names have the same length, so its protobuf
stays whole. What the API server then reads is its own encoding, and lists of it cost what they always cost.

Usage: python -m benchmarks.loader KUBECONFIG ETCD_URL NODES PODS, with the certificates in pki/ beside the kubeconfig.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import urllib3

from benchmarks import inputs
from tools.kubernetes.client import Client, Object, Refused
from tools.waiting import until

Entry = tuple[str, bytes]
"""A key of etcd and its value."""
IN_A_TRANSACTION = 100
CONNECTIONS = 4
CACHE_SECONDS = 300


def fill(kubeconfig: Path, etcd_url: str, node_count: int, pod_count: int) -> None:
    """Write so many nodes (three of them control planes) and pods down. Raises Refused and OSError."""
    client = Client(kubeconfig)
    for number in range(inputs.TEAMS):
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{number:03}"}})
    nodes = [client.create({"apiVersion": "v1", "kind": "Node", **one}) for one in islice(inputs.nodes(node_count), 4)]
    (first,) = (client.create({"apiVersion": "v1", "kind": "Pod", **one}) for one in inputs.pods(1, node_count))
    etcd = Etcd(etcd_url, kubeconfig.with_name("pki"))
    etcd.write(_copies_of_node(etcd, nodes[-1], node_count))
    etcd.write(_copies_of_pod(etcd, first, pod_count, node_count))
    namespace, name = _names(pod_count - 1)
    last = f"/api/v1/namespaces/{namespace}/pods/{name}"
    if not until(lambda: _has_heard_of(client, last), CACHE_SECONDS, pause=0.5):
        raise TimeoutError(f"the API server has not heard of {last} after {CACHE_SECONDS} s")


def _has_heard_of(client: Client, path: str) -> bool:
    """The API server hears of what was written bit by bit, and lists what it has heard so far."""
    try:
        client.get(f"{path}?resourceVersion=0")  # from what it has heard, not from etcd
    except Refused as error:
        if error.status != 404:
            raise
        return False
    return True


class Etcd:
    """etcd's HTTP interface, as the API server's own user."""

    def __init__(self, url: str, pki: Path) -> None:
        context = ssl.create_default_context(cafile=str(pki / "etcd" / "ca.crt"))
        context.load_cert_chain(pki / "apiserver-etcd-client.crt", pki / "apiserver-etcd-client.key")
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, block=True, ssl_context=context, retries=False)
        self._url = url

    def value(self, key: str) -> bytes:
        """What is stored under a key. Raises LookupError."""
        found = self._ask("/v3/kv/range", {"key": _coded(key.encode())}).get("kvs")
        if not found:
            raise LookupError(key)
        return base64.b64decode(found[0]["value"])

    def write(self, entries: Iterable[Entry]) -> None:
        """Write entries down, in no order."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for _ in pool.map(self._write, _batches(entries)):
                pass

    def _write(self, batch: Sequence[Entry]) -> None:
        puts = [{"requestPut": {"key": _coded(key.encode()), "value": _coded(value)}} for key, value in batch]
        self._ask("/v3/kv/txn", {"success": puts})

    def _ask(self, path: str, body: object) -> dict[str, Any]:
        answer = self._pool.request("POST", self._url + path, body=json.dumps(body))
        if answer.status != 200:
            raise OSError(f"etcd: {answer.status} {answer.data[:300].decode(errors='replace')}")
        found: dict[str, Any] = json.loads(answer.data)
        return found


def _copies_of_node(etcd: Etcd, first: Object, count: int) -> Iterator[Entry]:
    name, uid = first["metadata"]["name"], first["metadata"]["uid"]
    stored = etcd.value(f"/registry/minions/{name}")
    for number in range(4, count):
        other = f"node-{number:05}"
        changes = {name: other, uid: _uid(1, number)}
        yield f"/registry/minions/{other}", _changed(stored, changes)


def _copies_of_pod(etcd: Etcd, first: Object, count: int, node_count: int) -> Iterator[Entry]:
    metadata = first["metadata"]
    stored = etcd.value(f"/registry/pods/{metadata['namespace']}/{metadata['name']}")
    for number in range(1, count):
        app = number // 3
        changes = {
            "app-000000": f"app-{app:06}",
            "-7c9d8f-00000": f"-7c9d8f-{number % 3:05}",
            "team-000": f"team-{app % inputs.TEAMS:03}",
            "node-00000": f"node-{number % node_count:05}",
            "rs-000000": f"rs-{app:06}",
            metadata["uid"]: _uid(2, number),
        }
        yield f"/registry/pods/{'/'.join(_names(number))}", _changed(stored, changes)


def _names(number: int) -> tuple[str, str]:
    """Namespace and name of a pod, as `inputs.pods` gives them."""
    app = number // 3
    return f"team-{app % inputs.TEAMS:03}", f"app-{app:06}-7c9d8f-{number % 3:05}"


def _changed(stored: bytes, changes: dict[str, str]) -> bytes:
    for old, new in changes.items():
        if len(old) != len(new):
            raise ValueError(f"{old} and {new} have not the same length")
        stored = stored.replace(old.encode(), new.encode())
    return stored


def _uid(kind: int, number: int) -> str:
    return f"0000000{kind}-0000-4000-8000-{number:012}"


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while batch := list(islice(rest, IN_A_TRANSACTION)):
        yield batch


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
