"""kubeadm's check SystemVerification, as it would end on a host, apart from control groups of version 1.

Source: validators/kernel_validator.go and cgroup_validator_linux.go of k8s.io/system-validators v1.9.2 to v1.12.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.nodes import Verification


def kernel_matches(release: str, row: Verification) -> bool:
    """Whether the kernel of this release is one that kubeadm names."""
    return any(re.match(pattern, release) for pattern in row.kernels)


def missing_options(host: Host, row: Verification) -> tuple[str, ...] | Missing | None:
    """The options, in kubeadm's words, that the kernel was built without; None where its configuration is nowhere."""
    built, version = host.machine.kernel.built_with, host.machine.cgroup_version
    if built is None or isinstance(built, Missing):
        return built
    wanted = [*row.built_with]
    if not isinstance(version, Missing):
        wanted += row.built_with_v1 if version == 1 else row.built_with_v2
    return tuple(f"CONFIG_{names.rpartition('|')[2]}" for names in wanted if not built & set(names.split("|")))


def missing_controllers(host: Host, row: Verification) -> tuple[str, ...] | Missing:
    """The controllers of control groups that cannot be used there."""
    version, controllers = host.machine.cgroup_version, host.machine.cgroup_controllers
    if isinstance(controllers, Missing):
        return controllers
    wanted = row.controllers_v1 if version == 1 else row.controllers_v2
    return tuple(one for one in wanted if one not in controllers)


def unknown(host: Host) -> Iterator[Missing]:
    """Why the check cannot be foretold for a host, each reason once."""
    machine = host.machine
    facts = (host.kernel, machine.cgroup_version, machine.cgroup_controllers, machine.kernel.built_with)
    yield from dict.fromkeys(one for one in facts if isinstance(one, Missing))
