"""What kubeadm's source says of the components that it brings along, and of how far apart versions may be."""

from __future__ import annotations

import re
from typing import NamedTuple

from tools.knowledge.modules import kubernetes, required
from tools.knowledge.pins import Pin
from tools.kubernetes.modules import ModuleError

MIGRATION = "github.com/coredns/corefile-migration"
"""The module with which kubeadm checks and migrates the Corefile."""

_CONSTANT = re.compile(r'^\s*(\w+) += "([^"]+)"', re.MULTILINE)
_SKEW = re.compile(r"^\s*MaximumAllowedMinorVersion(\w+)Skew += (\d+)$", re.MULTILINE)
_OLDEST = re.compile(r"MinimumControlPlaneVersion += (?:getSkewedKubernetesVersion\(-(\d+)\)|.*\"v1\.(\d+)\.0\"\))")
_ETCD_BY_MINOR = re.compile(r"SupportedEtcdVersion = map\[uint8\]string\{(.*?)\}", re.DOTALL)
_ENTRY = re.compile(r'(\d+): +"([^"]+)"')


class Components(NamedTuple):
    """The versions that one release names; `migration` is empty where kubeadm did not migrate yet."""

    etcd: str
    oldest_external_etcd: str
    coredns: str
    migration: str
    pause: str


class Limits(NamedTuple):
    """How many minors one release of kubeadm goes, and how far back others may be."""

    upgrade_minors: str
    downgrade_minors: str
    control_plane_behind: str
    kubelets_behind: str


def limits(pin: Pin) -> Limits:
    """What one release allows. Raises ModuleError when its source is not to be had, or is not as it was."""
    folder = kubernetes(pin) / "cmd/kubeadm/app"
    skews = dict(_SKEW.findall((folder / "phases/upgrade/policy.go").read_text(encoding="utf-8")))
    oldest = _OLDEST.search((folder / "constants/constants.go").read_text(encoding="utf-8"))
    if oldest is None or not skews.keys() >= {"Upgrade", "Downgrade", "Kubelet"}:
        raise ModuleError(f"{pin.release} does not say what it allows: kubeadm_constants.py must say where it went")
    behind = oldest[1] or str(pin.minor.minor - int(oldest[2]))
    return Limits(skews["Upgrade"], skews["Downgrade"], behind, skews["Kubelet"])


def components(pin: Pin) -> Components:
    """What one release names. Raises ModuleError when its source is not to be had, or is not as it was."""
    folder = kubernetes(pin) / "cmd/kubeadm/app/constants"
    # Some had the name of the pause image in files for each platform.
    names = [name for name in ("constants.go", "constants_unix.go") if (folder / name).exists()]
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
    constants = dict(_CONSTANT.findall(text))
    try:
        return Components(
            etcd=_etcd(pin, text, constants["DefaultEtcdVersion"]),
            # It is written with the revision of an image, which no etcd tells of itself.
            oldest_external_etcd=constants["MinExternalEtcdVersion"].partition("-")[0],
            coredns=constants["CoreDNSVersion"].removeprefix("v"),
            migration=required(pin).get(MIGRATION, ""),
            pause=constants["PauseVersion"],
        )
    except KeyError as error:
        raise ModuleError(f"{pin.release} has no {error}: kubeadm_constants.py must say where it went") from error


def _etcd(pin: Pin, text: str, default: str) -> str:
    """As EtcdSupportedVersion finds it: of a minor that is later than all it knows it takes the last one's."""
    table = _ETCD_BY_MINOR.search(text)
    by_minor: dict[int, str] = {int(minor): tag for minor, tag in _ENTRY.findall(table[1])} if table else {}
    if not by_minor:
        return default
    return by_minor[min(pin.minor.minor, max(by_minor))]
