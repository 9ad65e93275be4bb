"""Where a node has no `timeout`, the collector's own watchdog: it goes with the command that it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from importlib import resources
from pathlib import Path

import pytest

STAGE = resources.files("kubepreflight.sources.host") / "stage.sh"
SHELLS = ["dash", "busybox sh", "bash", "bash --posix"]
MANY = """
prepare
HAS_TIMEOUT='' SECONDS_EACH=60 n=0
while [ $n -lt 200 ]; do limited true || exit 9; n=$((n + 1)); done
"""
SLEEP = """#!/bin/sh
echo $$ >>{started}
exec {sleep} "$1"
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_that_ends_is_waited_for_no_longer_and_leaves_nothing_behind(shell: str, tmp_path: Path) -> None:
    program, *options = shell.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    started = tmp_path / "started"
    started.touch()
    stub = tmp_path / "sleep"
    stub.write_text(SLEEP.format(started=started, sleep=shutil.which("sleep")))
    stub.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    script = STAGE.read_text() + MANY
    # One watchdog that is not called off would take the whole minute that its command may take.
    done = subprocess.run(
        [program, *options], check=False, input=script, env=environment, capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "")
    end = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in started.read_text().split()):
        assert time.monotonic() < end, "a watchdog sleeps on"
