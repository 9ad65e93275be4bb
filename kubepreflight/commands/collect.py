"""`kubepreflight collect`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from kubepreflight.commands.console import progress
from kubepreflight.commands.output_files import replacing
from kubepreflight.errors import KubepreflightError, UsageError
from kubepreflight.policy import ExitStatus
from kubepreflight.sources.host.script import collect_script
from kubepreflight.sources.host.ssh import Collected, collect, collect_local
from kubepreflight.visible import visible


def run_collect(
    *, hosts: str | None, local: bool, print_script: bool, to: str, parallel: int, timeout: float
) -> ExitStatus:
    """Collect, one archive per node, and a line for each node that failed. 0 when all came whole, else 3.

    Raises UsageError for options that do not go together, KubepreflightError when nothing came at all.
    """
    if sum((hosts is not None, local, print_script)) != 1:
        raise UsageError("say where to collect: --ssh NODE,… or --local, or --print-script to carry it there yourself")
    if print_script:
        sys.stdout.write(collect_script())
        return ExitStatus.NOTHING
    names = [name.strip() for name in (hosts or "").split(",") if name.strip()]
    folder = Path(to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--to {to}: {error.strerror or error}") from error
    with progress(verbose=False) as telling:
        came = [
            _keep(one, folder)
            for one in (
                _local(timeout) if local else collect(names, parallel=parallel, timeout=timeout, progress=telling.doing)
            )
        ]
    if not any(came):
        raise KubepreflightError("nothing was collected")
    print(f"\nkubepreflight scan --live {to}", file=sys.stderr)  # noqa: T201 - what to type next
    return ExitStatus.NOTHING if all(came) else ExitStatus.INCOMPLETE


def _local(timeout: float) -> Iterator[Collected]:
    yield collect_local(timeout=timeout)


def _keep(one: Collected, folder: Path) -> bool:
    """Write one archive, say what came; whether all of it did."""
    said, came = one.reason, one.archive is not None
    if one.archive is not None:
        path = folder / f"{one.host.rpartition('@')[2].replace('/', '_')}.tar"
        try:
            with replacing(path) as stream:
                stream.write(one.archive)
            said = f"{path}{': ' if said else ''}{said}"
        except OSError as error:
            said, came = f"{path} could not be written: {error.strerror or error}", False
    print(visible(f"{one.host}: {said}"), file=sys.stderr)  # noqa: T201 - one line per node
    return came and not one.reason
