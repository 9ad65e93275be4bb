"""Collect from NODES=50 nodes at once through the machine's ssh and a real sshd: python -m benchmarks.fifty_nodes

One sshd in a Debian root plays all of them, so that what the nodes themselves take is on this machine too; beside it
the same script through the same ssh alone. Needs root, debootstrap and an OpenSSH client.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import best, scan, table
from kubepreflight.sources.host.script import collect_script
from tests.real.ssh_nodes import SshNodes


def main() -> None:
    """Measure, and print."""
    count = int(os.environ.get("NODES", "50"))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kubepreflight-bench-")))
        (scratch / "user").mkdir()
        nodes = SshNodes(scratch / "user", stack)
        nodes.start("node", {"etc/kubernetes/tls.crt": b"-----BEGIN CERTIFICATE-----\n"})
        names = [f"node-{number}" for number in range(count)]
        for name in names:
            nodes.alias(name, HostName="127.0.0.1", Port=nodes.ports["node"], User="root")
        os.environ.update(nodes.environment)
        collect = [scan()[0], "collect", "--to", str(scratch / "hosts"), "--timeout", "600"]
        script = scratch / "collect.sh"
        script.write_text(collect_script(), encoding="utf-8")
        bare = f"ssh $0 sh -s < {shlex.quote(str(script))} > {shlex.quote(str(scratch))}/$0.tar"
        side_by_side = ["xargs", "-P", "8", "-n", "1", "sh", "-c", bare]
        costs = best(
            {
                f"{count} nodes, 8 at once": [*collect, "--ssh", ",".join(names)],
                f"{count} nodes, all at once": [*collect, "--parallel", str(count), "--ssh", ",".join(names)],
                "one node": [*collect, "--ssh", names[0]],
                "ssh alone, 8 at once": ["sh", "-c", f"printf '%s\\n' {' '.join(names)} | {shlex.join(side_by_side)}"],
            },
            1,
        )
        table("collect", costs, "ssh alone, 8 at once")
        sizes = [path.stat().st_size for path in (scratch / "hosts").iterdir()]
        print(f"  {len(sizes)} archives, {max(sizes) >> 10} kB at most")


main()
