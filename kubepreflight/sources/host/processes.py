"""Processes that may hang, never end, or say too much: run side by side, bounded, and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Final

import msgspec

LARGEST_OUTPUT: Final = 16 << 20
LARGEST_COMPLAINT: Final = 64 << 10


class Ended(msgspec.Struct, frozen=True):
    """How a process ended: its status, what it wrote to standard output, and to standard error."""

    status: int
    output: bytes
    complaint: str


class Runs:
    """The processes that run now, each for `timeout` seconds at most. Safe for several threads.

    `environment` is all of theirs, when it is given; `memory` the bytes that each may take, where the system lets that
    be said of another process (Linux).
    """

    def __init__(self, timeout: float, environment: Mapping[str, str] | None = None, memory: int = 0) -> None:
        self._timeout = timeout
        self._environment = environment
        self._memory = memory
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, command: Sequence[str], text: str) -> Ended:
        """Run `command` with `text` on its standard input. Raises OSError; TimeoutError when it takes too long."""
        with tempfile.TemporaryFile() as given:
            given.write(text.encode())
            given.seek(0)
            process = self._start(command, given)
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
        if len(output) > LARGEST_OUTPUT:
            raise OSError(f"it sent more than {LARGEST_OUTPUT >> 20} MB, which is more than is read")
        return Ended(process.returncode, output, complaint.decode(errors="replace"))

    def _start(self, command: Sequence[str], given: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise OSError("stopped before its turn came")
            process = subprocess.Popen(  # noqa: S603 - no shell here; who calls has checked the words
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                # A group of its own, so that a jump host's ssh ends with it.
                start_new_session=True,
            )
            self._running.add(process)
        if self._memory and sys.platform == "linux":
            import resource

            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_AS, (self._memory, self._memory))
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
        output = process.stdout.read(LARGEST_OUTPUT + 1)
        if len(output) > LARGEST_OUTPUT:
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
