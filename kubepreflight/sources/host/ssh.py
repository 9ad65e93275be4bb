"""Running the collector: on other machines through the system's ssh, and on this one.

ssh reads the user's configuration, agent and jump hosts as ever, and host keys are checked as it is told there; it is
only kept from asking questions, because nobody could see of which host.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import IO, Final

import msgspec

from kubepreflight.errors import SourceError
from kubepreflight.sources.host.script import collect_script

LARGEST_ARCHIVE: Final = 16 << 20
LARGEST_COMPLAINT: Final = 64 << 10
PARTIAL: Final = 3
"""The collector's exit status when it was interrupted and what it had is in the archive."""

_MARK = b"kubepreflight: the archive follows\n"


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one node: the `archive`, a tar, or None; and the `reason` why there is none or not all of it."""

    host: str
    archive: bytes | None = None
    reason: str = ""


class _Ended(msgspec.Struct, frozen=True):
    status: int
    output: bytes
    complaint: str


def collect(
    hosts: Sequence[str],
    *,
    parallel: int = 8,
    timeout: float = 120.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Collected]:
    """Collect from `hosts`, names as ssh takes them, `parallel` at a time; each result as it comes, one per host.

    A host that has not answered within `timeout` seconds is given up. `progress` is called with a host when its turn
    comes, from another thread. Closing the iterator ends what still runs. Raises SourceError where there is no ssh.
    """
    if shutil.which("ssh") is None:
        raise SourceError("ssh is not installed here: install OpenSSH's client, or carry the script over by hand")
    runs = _Runs(timeout)
    names = list(dict.fromkeys(hosts))

    def one(host: str) -> Collected:
        progress(host)
        if not host or host.startswith("-") or any(char.isspace() or ord(char) < 32 for char in host):
            return Collected(host=host, reason="not the name of a host")
        # ssh hands the words to the login shell, whichever it is: one quoted script for sh.
        command = ["ssh", "-T", "-o", "BatchMode=yes", "--", host, f"sh -c '{_as_root(timeout)}'"]
        return _result(host, runs, command)

    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        futures = [pool.submit(one, host) for host in names]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            runs.stop()


def collect_local(*, timeout: float = 120.0) -> Collected:
    """Collect from this machine, as root or through sudo where it asks no password."""
    return _result(platform.node(), _Runs(timeout), ["sh", "-c", _as_root(timeout)])


def _as_root(timeout: float) -> str:
    # The collector stops earlier than we give up, so that what it has arrives.
    run = f"sh -s -- --deadline {max(5, int(timeout * 0.8))}"
    mark = _MARK.decode().strip()
    return f'echo "{mark}"; if [ "$(id -u)" = 0 ]; then exec {run}; else exec sudo -n {run}; fi'


def _result(host: str, runs: _Runs, command: list[str]) -> Collected:
    try:
        ended = runs.run(command)
    except (OSError, TimeoutError) as error:
        return Collected(host=host, reason=str(error))
    # A login shell may greet before it does what it is told.
    _, mark, archive = ended.output.partition(_MARK)
    if mark and archive[257:262] == b"ustar" and ended.status in (0, PARTIAL):
        return Collected(
            host=host, archive=archive, reason="interrupted there: not all of it came" if ended.status else ""
        )
    lines = [line.strip() for line in ended.complaint.splitlines() if line.strip()]
    said_nothing = "what it sent is no archive" if mark else f"it ended with status {ended.status} and said nothing"
    reason = lines[-1][:200] if lines else said_nothing
    if reason.startswith("sudo:"):
        reason += " (log in as root, or let sudo run sh without a password)"
    return Collected(host=host, reason=reason)


class _Runs:
    """The processes that run now, so that they can be ended together."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, command: list[str]) -> _Ended:
        """Run `command` with the script on its standard input. Raises OSError; TimeoutError when it takes too long."""
        with tempfile.TemporaryFile() as script:
            script.write(collect_script().encode())
            script.seek(0)
            process = self._start(command, script)
        late = threading.Event()

        def give_up() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(self._timeout, give_up)
        timer.start()
        try:
            output, complaint = _read(process)
        finally:
            timer.cancel()
            with self._lock:
                self._running.discard(process)
        if late.is_set():
            raise TimeoutError(f"no answer within {self._timeout:g} s")
        if len(output) > LARGEST_ARCHIVE:
            raise OSError(f"it sent more than {LARGEST_ARCHIVE >> 20} MB, which is no archive of ours")
        return _Ended(process.returncode, output, complaint.decode(errors="replace"))

    def _start(self, command: list[str], script: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise OSError("stopped before its turn came")
            process = subprocess.Popen(  # noqa: S603 - no shell here; the host's name was checked
                command,
                stdin=script,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A group of its own, so that a jump host's ssh ends with it.
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def stop(self) -> None:
        """End what runs, and let nothing start."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What it wrote to its two outputs, each up to a limit, after its end."""
    assert process.stdout is not None
    assert process.stderr is not None
    complaint = bytearray()
    aside = threading.Thread(target=_drain, args=[process.stderr, complaint])
    with process:
        aside.start()
        output = process.stdout.read(LARGEST_ARCHIVE + 1)
        if len(output) > LARGEST_ARCHIVE:
            _kill(process)
        aside.join()
    return output, bytes(complaint)


def _drain(stream: IO[bytes], kept: bytearray) -> None:
    while part := stream.read(4096):
        kept += part[: LARGEST_COMPLAINT - len(kept)]


def _kill(process: subprocess.Popen[bytes]) -> None:
    # It may have ended just now, or be root's by way of sudo.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
