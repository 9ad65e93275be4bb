"""Whole processes, timed from outside: seconds, processor time and peak memory as the operating system counts them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run cost: wall time and processor time in seconds, peak resident memory in MB."""

    seconds: float
    processor: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:7.2f} s  {self.processor:7.2f} s of a processor  {self.megabytes:6.0f} MB"


def run(command: Sequence[str | Path], allowed: Sequence[int] = (0,)) -> Cost:
    """Run a command once, its output thrown away. Raises RuntimeError for an exit status that is not allowed."""
    started = time.perf_counter()
    # An installed program has its modules compiled, whatever the environment of this benchmark says.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    arguments = [str(part) for part in command]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said.decode(errors='replace')[-500:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def best(
    commands: Mapping[str, Sequence[str | Path]], rounds: int = 5, allowed: Sequence[int] = (0,)
) -> dict[str, Cost]:
    """The fastest of several rounds of each command, in turn, so that a slow moment of the machine hits all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(run(command, allowed))
    return {name: min(all_of) for name, all_of in costs.items()}


def scan(*arguments: str | Path) -> list[str | Path]:
    """The command line of a scan, as users run it."""
    program = Path(sys.executable).with_name("kubepreflight")
    return [program, "scan", *arguments, "--fail-on", "never", "--allow-incomplete", "-o", "json"]


def table(title: str, costs: dict[str, Cost], against: str) -> None:
    """Print what was measured, each with its ratio to one of them."""
    print(f"\n{title}")
    for name, cost in costs.items():
        print(f"  {name:20} {cost}  {cost.seconds / costs[against].seconds:5.2f} x {against}")
