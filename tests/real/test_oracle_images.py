"""The real kubeadm lists the images that it wants: for every configuration the list has to be ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.kubeadm_images import HopImages
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.upgrade import ApiServers, ScanOptions, Upgrade
from kubepreflight.version import Minor, Version
from tests.real.machine import Machine
from tests.real.tables import VERSIONS

CONFIGURATIONS = {
    "default": "",
    "another repository": "imageRepository: r.example.com:5000/k8s\n",
    "no add-ons": "dns: {disabled: true}\nproxy: {disabled: true}\n",
    "own images": "dns: {imageRepository: d.example.com/x, imageTag: v9}\n"
    "etcd: {local: {imageRepository: e.example.com, imageTag: 3.6.0-9}}\n",
    "own tag alone": "dns: {imageTag: v9}\n",
    "external etcd": "etcd: {external: {endpoints: [https://10.0.0.9:2379]}}\n",
    "the old registry": "imageRepository: k8s.gcr.io\n",
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_list_is_kubeadms(name: str, version: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    document = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        f"kubernetesVersion: v{version}\n{CONFIGURATIONS[name]}"
    )
    (tmp_path / "config.yaml").write_text(document)
    done = machine.run("kubeadm", version, "config", "images", "list", "--config", "/config.yaml")
    assert done.returncode == 0, done.stderr
    assert {str(image) for image in wanted(document, version).wanted} == set(done.stdout.split())


def wanted(document: str, version: str) -> HopImages:
    target = Version.parse(version)
    options = ScanOptions(
        start=datetime(2026, 11, 23, tzinfo=UTC), window=timedelta(days=1), target=target, newest_known=Minor(1, 37)
    )
    servers = ApiServers({"cp1": Version(*target.minor_version.plus(-1), patch=0)}, None)
    return HopImages.provide(
        config=KubeadmConfig.parse(document),
        upgrade=Upgrade.provide(options, servers, None),
        versions=ComponentVersions.provide(),
        kubelets=PlannedKubelets(),
    )
