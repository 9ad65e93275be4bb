"""The programs that the generated tables speak of, and how each is asked without its beginning to work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from kubepreflight.version import Minor, Version
from tests.real.machine import Machine

VERSIONS = ("1.36.3", "1.37.2")
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet")

ENDS: Mapping[str, tuple[str, ...]] = {
    "kube-apiserver": ("--etcd-servers=http://127.0.0.1:1", "--cert-dir=/tmp"),
    "kube-controller-manager": ("--kubeconfig=/none",),
    "kube-scheduler": ("--kubeconfig=/none",),
    "kube-proxy": ("--kubeconfig=/none",),
    "kubelet": ("--kubeconfig=/none", "--fail-cgroupv1=false"),
}
"""With these each program looks at all its flags and gates, and ends before it does anything else."""

Question = tuple[str, str]
"""A program, and what is asked of it."""


def minor(version: str) -> Minor:
    return Version.parse(version).minor_version


def said(machine: Machine, program: str, version: str, *arguments: str) -> str:
    """What the program prints."""
    done = machine.run(program, version, *arguments)
    return done.stdout + done.stderr


def differing(questions: Iterable[Question], agrees: Callable[[Question], bool]) -> list[Question]:
    """The questions that are not answered as expected, many asked at the same time."""
    asked = sorted(questions)
    with ThreadPoolExecutor(4) as pool:
        return [one for one, right in zip(asked, pool.map(agrees, asked), strict=True) if not right]
