"""The standard streams, whatever the caller made of them: closed, full, or a pipe whose reader has left."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO


def complete_streams() -> None:
    """Let input and errors that were closed lead nowhere; a closed output stays None, for a report must not be lost.

    Their numbers are taken, lest a file that is opened later becomes standard output.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - it stays open to the end
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it stays open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_all(text: str) -> None:
    """Write to standard output, to the end. Raises OSError, after which nothing more goes there."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        abandon(sys.stdout)
        raise


def abandon(stream: TextIO) -> None:
    """Let what is still to be written to a stream go nowhere: Python would try it again at exit, and fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
