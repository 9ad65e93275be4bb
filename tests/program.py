"""kubepreflight run as a process of its own, but without its start, which takes longer than most of what is tested.

The process is forked from one that has everything imported. Its arguments, folder, environment, streams and end are its
own. What its start does to it is tested with PROGRAM itself.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("kubepreflight")
ROOT = Path(__file__).parents[1]
SECONDS = 60


def run(*arguments: str | Path, folder: Path, env: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run it in a folder that is its home too, with no Kubernetes settings but those given."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "NO_COLOR"))}
    with tempfile.TemporaryDirectory() as scratch:
        output, errors = Path(scratch) / "output", Path(scratch) / "errors"
        wanted = {
            "arguments": [str(PROGRAM), *map(str, arguments)],
            "folder": str(folder),
            "environment": {**clean, "HOME": str(folder), **env},
            "streams": [os.devnull, str(output), str(errors)],
        }
        loaded = _loaded()
        assert loaded.stdin is not None
        assert loaded.stdout is not None
        loaded.stdin.write(json.dumps(wanted) + "\n")
        loaded.stdin.flush()
        status = int(loaded.stdout.readline())
        said = [file.read_text(encoding="utf-8", errors="surrogateescape") for file in (output, errors)]
    return subprocess.CompletedProcess(arguments, status, *said)


@cache
def _loaded() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.program"]
    loaded = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(loaded.__exit__, None, None, None)
    return loaded


def main() -> None:
    """Import everything, then run the program once for each line of standard input, and answer with its status."""
    from kubepreflight.commands import collect, pages, scan  # noqa: F401
    from kubepreflight.rule import load_rules
    from kubepreflight.sources import files, snapshot_file  # noqa: F401
    from kubepreflight.writer import load_writer, writer_names

    load_rules()
    for name in writer_names():
        load_writer(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os._exit(_play(json.loads(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _play(wanted: dict[str, Any]) -> int:
    from kubepreflight import cli

    signal.alarm(SECONDS)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    for number, path in enumerate(wanted["streams"]):
        opened = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = wanted["arguments"]
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    main()
