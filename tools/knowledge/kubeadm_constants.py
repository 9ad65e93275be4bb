"""What kubeadm's source says of the components that it brings along."""

from __future__ import annotations

import re
from typing import NamedTuple

from tools.knowledge.modules import kubernetes, required
from tools.knowledge.pins import Pin
from tools.kubernetes.modules import ModuleError

MIGRATION = "github.com/coredns/corefile-migration"
"""The module with which kubeadm checks and migrates the Corefile."""

_CONSTANT = re.compile(r'^\s*(\w+) += "([^"]+)"', re.MULTILINE)
_ETCD_BY_MINOR = re.compile(r"SupportedEtcdVersion = map\[uint8\]string\{(.*?)\}", re.DOTALL)
_ENTRY = re.compile(r'(\d+): +"([^"]+)"')


class Components(NamedTuple):
    """The versions that one release names; `migration` is empty where kubeadm did not migrate yet."""

    etcd: str
    oldest_external_etcd: str
    coredns: str
    migration: str
    pause: str


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
