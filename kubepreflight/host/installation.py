"""Which Kubernetes a machine has."""

from __future__ import annotations

import msgspec

KUBEADM = "kubeadm"


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What manages Kubernetes on a machine.

    `manager` is `kubeadm` (also where its packages are installed and nothing has joined yet), the name of a
    distribution that brings its own (`k3s`, `RKE2`, `MicroK8s`, `k0s`), or empty for a machine without Kubernetes;
    `found` is by what it was told, or what runs there instead.
    """

    manager: str
    found: str = ""

    @property
    def is_kubeadms(self) -> bool:
        """Whether what is true of kubeadm's nodes is true of it."""
        return self.manager == KUBEADM
