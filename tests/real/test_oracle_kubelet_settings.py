"""The real kubelet says what all its flags and files come to: what is read of them has to be the same."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.real.machine import Machine

VERSION = "1.37.2"
HEAD = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
CONFIG = """\
cgroupDriver: cgroupfs
maxPods: 50
staticPodPath: /etc/kubernetes/manifests
clusterDNS: [10.96.0.10]
evictionHard: {memory.available: 200Mi}
featureGates: {NodeSwap: true}
memorySwap: {swapBehavior: LimitedSwap}
"""
DROP_INS = {
    "20.conf": "maxPods: 60\nclusterDNS: [10.96.0.11, 10.96.0.12]\nmemorySwap: {swapBehavior: NoSwap}\n",
    "10.conf": "maxPods: 55\npodsPerCore: 7\nevictionHard: {nodefs.available: 5%, memory.available: 100Mi}\n",
    "sub/05.conf": "maxPods: 70\nhealthzPort: 10000\n",
    "30.yaml": "maxPods: 99\n",
}
UNIT = """\
[Service]
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=/etc/kubelet.d"
EnvironmentFile=-/etc/default/kubelet
ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_EXTRA_ARGS
"""
STOP = "--image-gc-high-threshold=200"
"""No kubelet takes this; it says what its settings come to before it looks."""


def written(machine: Machine, files: dict[str, str]) -> None:
    for name, text in files.items():
        (machine.root / name).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / name).write_text(text)


def effective(machine: Machine, *flags: str) -> dict[str, Any]:
    said = machine.run("kubelet", VERSION, *flags, STOP).stderr
    _, begun, rest = said.partition('"Effective KubeletConfiguration" config=<\n')
    assert begun, said
    found: dict[str, Any] = yaml.safe_load(textwrap.dedent(rest.partition("\n >")[0]))
    return found


@pytest.mark.parametrize(
    ("flags", "setting"),
    [
        ([], {}),
        (["--cgroup-driver=systemd", "--max-pods", "80"], {"cgroupDriver": "cgroup-driver", "maxPods": "max-pods"}),
        (["--max-pods=1", "--max_pods=81"], {"maxPods": "max-pods"}),
        (["--pod-manifest-path=/srv"], {"staticPodPath": "pod-manifest-path"}),
    ],
)
def test_settings_come_to_what_the_kubelet_says(flags: list[str], setting: dict[str, str], tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    written(
        machine,
        {
            "var/lib/kubelet/config.yaml": HEAD + CONFIG,
            **{f"etc/kubelet.d/{name}": HEAD + text for name, text in DROP_INS.items()},
            "usr/lib/systemd/system/kubelet.service": UNIT,
            "etc/default/kubelet": f"KUBELET_EXTRA_ARGS={' '.join(flags)}\n",
        },
    )
    real = effective(machine, "--config=/var/lib/kubelet/config.yaml", "--config-dir=/etc/kubelet.d", *flags)
    kubelet = machine.host().kubelet
    keys = ["cgroupDriver", "maxPods", "staticPodPath", "clusterDNS", "podsPerCore", "healthzPort"]
    for key in [*keys, "memorySwap.swapBehavior", "evictionHard"]:
        value: Any = real
        for part in key.split("."):
            value = value[part]
        found = kubelet.value(key, setting.get(key, ""))
        assert str(found) == str(value), key
