"""`kubepreflight collect`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from kubepreflight.commands.console import progress
from kubepreflight.commands.output_files import replacing
from kubepreflight.errors import KubepreflightError, UsageError
from kubepreflight.policy import ExitStatus
from kubepreflight.sources.host.daemonset import IMAGE, daemonset_with_script
from kubepreflight.sources.host.script import collect_script
from kubepreflight.sources.host.ssh import Collected, Target, collect, collect_local
from kubepreflight.visible import visible

WHERE = (
    "say where to collect: --ssh NODE,… or --ssh-from-cluster or --local; --print-script or --print-daemonset to "
    "carry it there yourself"
)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")


class CollectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed; exactly one of the first five says where to collect."""

    hosts: str | None = None
    from_cluster: bool = False
    local: bool = False
    print_script: bool = False
    print_daemonset: bool = False
    address: str | None = None
    user: str | None = None
    sudo: bool = True
    kubeconfig: str | None = None
    context: str | None = None
    as_user: str | None = None
    image: str | None = None
    to: str = "hosts"
    parallel: int = 8
    timeout: float = 120.0


def run_collect(options: CollectOptions) -> ExitStatus:
    """Collect, one archive per node, and a line for each node that failed. 0 when all came whole, else 3.

    Raises UsageError for options that do not go together, KubepreflightError when nothing came at all.
    """
    _check(options)
    if options.print_script:
        sys.stdout.write(collect_script())
        return ExitStatus.NOTHING
    if options.print_daemonset:
        sys.stdout.write(daemonset_with_script(options.image or IMAGE))
        return ExitStatus.NOTHING
    folder = Path(options.to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--to {options.to}: {error.strerror or error}") from error
    with progress(verbose=False) as telling:
        came = [_keep(one, folder) for one in _collected(options, telling.doing)]
    if not any(came):
        raise KubepreflightError("nothing was collected")
    print(f"\nkubepreflight scan --live {options.to}", file=sys.stderr)  # noqa: T201 - what to type next
    return ExitStatus.NOTHING if all(came) else ExitStatus.INCOMPLETE


def _check(options: CollectOptions) -> None:
    ways = (options.hosts is not None, options.from_cluster, options.local, options.print_script)
    if sum((*ways, options.print_daemonset)) != 1:
        raise UsageError(WHERE)
    by_ssh, of_cluster = options.hosts is not None or options.from_cluster, options.from_cluster
    for name, value, fits, way in (
        ("--ssh-user", options.user, by_ssh, "--ssh or --ssh-from-cluster"),
        ("--no-sudo", not options.sudo or None, by_ssh or options.local, "--ssh, --ssh-from-cluster or --local"),
        ("--ssh-address", options.address, of_cluster, "--ssh-from-cluster"),
        ("--kubeconfig", options.kubeconfig, of_cluster, "--ssh-from-cluster"),
        ("--context", options.context, of_cluster, "--ssh-from-cluster"),
        ("--as", options.as_user, of_cluster, "--ssh-from-cluster"),
        ("--image", options.image, options.print_daemonset, "--print-daemonset"),
    ):
        if value is not None and not fits:
            raise UsageError(f"{name} goes with {way}")
    if options.image is not None and not _IMAGE.fullmatch(options.image):
        raise UsageError(f"--image {options.image}: that is not the name of an image")


def _collected(options: CollectOptions, tell: Callable[[str], None]) -> Iterator[Collected]:
    if options.local:
        yield collect_local(timeout=options.timeout, sudo=options.sudo)
        return
    if options.hosts is not None:
        targets = _typed(options.hosts.split(","), options.user)
    else:
        tell("the nodes of the cluster")
        targets, unreachable = _of_cluster(options)
        yield from unreachable
    _distinct(targets)
    done = 0

    def began(name: str) -> None:
        tell(f"{name}, {done} of {len(targets)} done")

    for one in collect(targets, parallel=options.parallel, timeout=options.timeout, sudo=options.sudo, progress=began):
        done += 1
        yield one


def _typed(names: Iterable[str], user: str | None) -> tuple[Target, ...]:
    given = dict.fromkeys(name for one in names if (name := one.strip()))
    if not given:
        raise UsageError(WHERE)
    return tuple(Target.typed(f"{user}@{name}" if user and "@" not in name else name) for name in given)


def _of_cluster(options: CollectOptions) -> tuple[tuple[Target, ...], tuple[Collected, ...]]:
    from kubepreflight.sources.host.nodes import nodes_of_cluster
    from kubepreflight.sources.kubeconfig import connect

    connection = connect(options.kubeconfig, options.context, options.as_user or "")
    nodes = nodes_of_cluster(connection, address=options.address, user=options.user or "")
    for name in nodes.foreign:
        _say(f"{name}: left out, the collector is a POSIX shell script and that is no Linux machine")
    return nodes.targets, nodes.unreachable


def _distinct(targets: Iterable[Target]) -> None:
    """Raises UsageError when the archive of one node would replace another's."""
    seen: dict[str, str] = {}
    for one in targets:
        if (other := seen.setdefault(_file_name(one.name), one.name)) != one.name:
            raise UsageError(f"{other} and {one.name} would go into one file: collect them into folders of their own")


def _keep(one: Collected, folder: Path) -> bool:
    """Write one archive, say what came; whether all of it did."""
    said, came, path = one.reason, one.archive is not None, folder / _file_name(one.host)
    if one.archive is not None:
        try:
            with replacing(path) as stream:
                stream.write(one.archive)
            said = f"{path}{': ' if said else ''}{said}"
        except OSError as error:
            said, came = f"{path} could not be written: {error.strerror or error}", False
    elif path.exists():
        said += f" ({path} is still that of an earlier time)"
    _say(f"{one.host}: {said}")
    return came and not one.reason


def _file_name(host: str) -> str:
    return f"{host.rpartition('@')[2].replace('/', '_')}.tar"


def _say(what: str) -> None:
    print(visible(what), file=sys.stderr)  # noqa: T201 - one line per node
