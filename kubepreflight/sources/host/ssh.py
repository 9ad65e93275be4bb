"""Running the collector: on other machines through the system's ssh, and on this one.

ssh reads the user's configuration, agent and jump hosts as ever, and host keys are checked as it is told there; it is
only kept from asking questions, because nobody could see of which host, and from what a collection has no use for.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from typing import Final

import msgspec

from kubepreflight.errors import SourceError
from kubepreflight.sources.host.collected_by import CollectedBy, stamped
from kubepreflight.sources.host.processes import Ended, Runs
from kubepreflight.sources.host.script import collect_script

PARTIAL: Final = 3
"""The collector's exit status when it was interrupted and what it had is in the archive."""
CONNECT_SECONDS: Final = 30
"""A login that takes longer is given up with ssh's own word for it; who does not answer at all keeps nobody waiting."""

_MARK = b"kubepreflight: the archive follows\n"
_OPTIONS = (
    "BatchMode=yes",
    # What is said otherwise, banners and debugging, would hide the reason of a failure.
    "LogLevel=ERROR",
    # With the user's own command for a host ssh would refuse ours.
    "RemoteCommand=none",
    # One that is open is used; ours would outlive this program, or be killed under the user's other sessions.
    "ControlMaster=no",
    # Ports of the user's that are forwarded already would fail; his agent has no business there.
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
)
_UNRESOLVED = "Could not resolve hostname"
CHANGED = "REMOTE HOST IDENTIFICATION HAS CHANGED"
_HINTS = (
    ("sudo:", "log in as root, or let sudo run sh without a password, or see less with --no-sudo"),
    ("Host key verification failed", "its key is not known here: log in once by hand, and compare it"),
    (_UNRESOLVED, "name it as ssh knows it, or give its address"),
)


class Target(msgspec.Struct, frozen=True):
    """A node to log in to. `name` is what it is called here, `destination` what ssh is told, and `otherwise` what it is
    told instead when it cannot resolve that."""

    name: str
    destination: str
    otherwise: str = ""

    @classmethod
    def typed(cls, host: str) -> Target:
        """One that the user named as ssh takes it: `w1`, `admin@w1`."""
        return cls(host, host)


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one node: the `archive`, a tar, or None; and the `reason` why there is none or not all of it."""

    host: str
    archive: bytes | None = None
    reason: str = ""


def collect(
    targets: Sequence[Target],
    *,
    parallel: int = 8,
    timeout: float = 120.0,
    sudo: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Collected]:
    """Collect from `targets`, `parallel` at a time; each result as it comes, one for each.

    A node that has not answered within `timeout` seconds is given up. With `sudo` somebody else than root becomes root
    that way. `progress` is called with a name when its turn comes, from another thread. Closing the iterator ends what
    still runs. Raises SourceError where there is no ssh.
    """
    if shutil.which("ssh") is None:
        raise SourceError("ssh is not installed here: install OpenSSH's client, or carry the script over by hand")
    runs = Runs(timeout)

    def one(target: Target) -> Collected:
        progress(target.name)
        return _one(target, runs, _remote(timeout, sudo), min(CONNECT_SECONDS, timeout / 2))

    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        futures = {pool.submit(one, target) for target in dict.fromkeys(targets)}
        try:
            for future in as_completed(futures):
                futures.discard(future)  # an archive goes when it has been given away
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            runs.stop()


def collect_local(*, timeout: float = 120.0, sudo: bool = True) -> Collected:
    """Collect from this machine, as root or through sudo where it asks no password."""
    return _result(platform.node(), Runs(timeout), ["sh", "-c", _script(timeout, sudo)])


def _script(timeout: float, sudo: bool) -> str:
    # The collector stops earlier than we give up, so that what it has arrives.
    run = f"sh -s -- --deadline {max(5, int(timeout * 0.8))}"
    mark = f'echo "{_MARK.decode().strip()}"'
    if not sudo:
        return f"{mark}; exec {run}"
    return f'{mark}; if [ "$(id -u)" = 0 ]; then exec {run}; else exec sudo -n {run}; fi'


def _remote(timeout: float, sudo: bool) -> str:
    # ssh hands the words to the login shell, whichever it is: one quoted script for sh.
    return f"sh -c '{_script(timeout, sudo)}'"


def _one(target: Target, runs: Runs, remote: str, connect_seconds: float) -> Collected:
    options = [part for one in (*_OPTIONS, f"ConnectTimeout={max(1, int(connect_seconds))}") for part in ("-o", one)]
    result = Collected(host=target.name, reason="not the name of a host")
    for destination in filter(None, (target.destination, target.otherwise)):
        if destination.startswith("-") or any(char.isspace() or ord(char) < 32 for char in destination):
            return Collected(host=target.name, reason="not the name of a host")
        result = _result(target.name, runs, ["ssh", "-T", *options, "--", destination, remote])
        if _UNRESOLVED not in result.reason:
            break
    return result


def _result(host: str, runs: Runs, command: list[str]) -> Collected:
    asked = datetime.now(UTC)
    try:
        ended = runs.run(command, collect_script())
    except (OSError, TimeoutError) as error:
        return Collected(host=host, reason=str(error))
    # A login shell may greet before it does what it is told.
    said, mark, archive = ended.output.partition(_MARK)
    if mark and archive[257:262] == b"ustar" and ended.status in (0, PARTIAL):
        reason = "interrupted there: not all of it came" if ended.status else ""
        by = CollectedBy(machine=platform.node(), asked_at=asked, answered_at=datetime.now(UTC))
        return Collected(host=host, archive=stamped(archive, by), reason=reason)
    return Collected(host=host, reason=_reason(ended, b"" if mark else said, arrived=bool(mark)))


def _reason(ended: Ended, greeting: bytes, *, arrived: bool) -> str:
    """The last thing that was said, which is the most likely reason, with what to do about it."""
    if CHANGED in ended.complaint:
        return f"{CHANGED}: its key is not the one that is known here; find out why before you log in there"
    text = ended.complaint if ended.complaint.strip() else greeting.decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "what it sent is no archive" if arrived else f"it ended with status {ended.status} and said nothing"
    reason = lines[-1][:200]
    hint = next((hint for sign, hint in _HINTS if sign in reason), "")
    return f"{reason} ({hint})" if hint else reason
