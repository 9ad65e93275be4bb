"""One node's disk and packages, as its host archive tells them.

Whatever an archive may lack is typed `… | Missing`: a rule has to say what it does when it is not known.
All parsing is done in `kubepreflight.sources.host`; here are only the facts.
"""

from __future__ import annotations

from kubepreflight.host.automatic import AutomaticTool, AutomaticUpgrades, Release
from kubepreflight.host.etcd import EtcdData, EtcdListed, EtcdSnapshot, EtcdStatus, KubeadmCopy
from kubepreflight.host.installation import Installation
from kubepreflight.host.kubelet import KubeletConfigFile, KubeletFlag, KubeletSettings, SettingPlace
from kubepreflight.host.machine import Clock, FileSystem, Kernel, Machine, Swap
from kubepreflight.host.missing import Missing
from kubepreflight.host.node import Host, OnHost
from kubepreflight.host.package_database import LockHolder, PackageDatabase, Unfinished
from kubepreflight.host.packages import Package, Repository
from kubepreflight.host.plain_upgrade import Change, PlainUpgrade
from kubepreflight.host.pods import StaticPod, flags_in, last_flag
from kubepreflight.host.runtime import NO_CRICTL, SANDBOX_DEFAULTS, ContainerRuntime, RuntimeImage
from kubepreflight.host.supply import (
    EMBEDDED,
    RPM_DATABASE,
    CachedPackage,
    Keyring,
    Offer,
    PackageList,
    SigningKey,
    Supply,
)
from kubepreflight.host.trust import Certificate, Kubeconfig
from kubepreflight.host.units import Unit

__all__ = [
    "EMBEDDED",
    "NO_CRICTL",
    "RPM_DATABASE",
    "SANDBOX_DEFAULTS",
    "AutomaticTool",
    "AutomaticUpgrades",
    "CachedPackage",
    "Certificate",
    "Change",
    "Clock",
    "ContainerRuntime",
    "EtcdData",
    "EtcdListed",
    "EtcdSnapshot",
    "EtcdStatus",
    "FileSystem",
    "Host",
    "Installation",
    "Kernel",
    "Keyring",
    "KubeadmCopy",
    "Kubeconfig",
    "KubeletConfigFile",
    "KubeletFlag",
    "KubeletSettings",
    "LockHolder",
    "Machine",
    "Missing",
    "Offer",
    "OnHost",
    "Package",
    "PackageDatabase",
    "PackageList",
    "PlainUpgrade",
    "Release",
    "Repository",
    "RuntimeImage",
    "SettingPlace",
    "SigningKey",
    "StaticPod",
    "Supply",
    "Swap",
    "Unfinished",
    "Unit",
    "flags_in",
    "last_flag",
]
