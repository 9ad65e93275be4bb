"""A live scan with every rule against the bare download of the same lists, from a real API server, in one run.

Usage: python -m benchmarks.live [NODES PODS [ROUNDS]]

Starts etcd and kube-apiserver, fills them, measures, stops them. 5,000 nodes and 150,000 pods want 12 GB of memory.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import best, run, scan, table
from kubepreflight.rule import load_rules
from kubepreflight.scan import wanted_by
from tools.kubernetes.build import BuildError
from tools.kubernetes.client import Client, root_of
from tools.kubernetes.control_plane import ControlPlane

FLAGS = {
    "etcd": {"quota-backend-bytes": str(8 << 30)},
    "kube-apiserver": {
        "disable-admission-plugins": "ServiceAccount",
    },
}


def main(node_count: int, pod_count: int, rounds: int = 3) -> None:
    """Fill, measure, and print."""
    with (
        tempfile.TemporaryDirectory(prefix="kubepreflight-bench-") as scratch,
        ControlPlane(Path(scratch) / "cluster", flags=FLAGS) as control_plane,
    ):
        own = control_plane.kubeconfig()
        # in a process of its own: the peak memory of a process is counted into those that it starts
        loader: list[str | Path] = [sys.executable, "-m", "benchmarks.loader", own, control_plane.etcd_url]
        cost = run([*loader, str(node_count), str(pod_count)])
        print(f"{node_count:,} nodes and {pod_count:,} pods written in {cost.seconds:.0f} s", flush=True)
        measure(own, f"live: {node_count:,} nodes, {pod_count:,} pods", rounds)


def measure(kubeconfig: Path, title: str, rounds: int) -> None:
    """The scan against the download in pages, as the scan asks for them, and against others for comparison."""
    download: list[str | Path] = [sys.executable, "-m", "benchmarks.bare_download", kubeconfig]
    paths = wanted_paths(Client(kubeconfig))
    commands: dict[str, list[str | Path]] = {
        "kubepreflight scan": scan("--kubeconfig", kubeconfig),
        "JSON in pages": [*download, "json", "500", *paths],
        "the same by gzip": [*download, "gzip", "500", *paths],
        "JSON in one answer": [*download, "json", "0", *paths],
        "protobuf in one": [*download, "protobuf", "0", *paths],
    }
    table(title, best(commands, rounds), "JSON in pages")


def wanted_paths(client: Client) -> list[str]:
    """The lists that some rule wants and this server has."""
    served = {one["name"]: root_of(version) for version, one in client.resources()}
    wanted = {(api.plural, api.namespace) for api in wanted_by(load_rules()).apis() if api.plural in served}
    return sorted(f"{served[plural]}{f'/namespaces/{space}' if space else ''}/{plural}" for plural, space in wanted)


if __name__ == "__main__":
    try:
        main(*(int(one) for one in sys.argv[1:] or ("300", "10000")))
    except BuildError as error:
        sys.exit(f"benchmarks.live: {error}")
