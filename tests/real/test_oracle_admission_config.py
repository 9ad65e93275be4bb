"""The file of --admission-control-config-file holds others, each with a version of its own."""

from pathlib import Path

import pytest

from kubepreflight.knowledge.component_config import ComponentConfig
from kubepreflight.version import Minor
from tools.kubernetes.control_plane import ControlPlane, StartError

CONFIGURATION = """
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: ValidatingAdmissionWebhook
  configuration: {{apiVersion: {api_version}, kind: {kind}, kubeConfigFile: {kubeconfig}}}
"""


@pytest.mark.parametrize("version", ["1.36.3", "1.37.2"])
@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("apiserver.config.k8s.io/v1alpha1", "WebhookAdmission"),
        ("apiserver.config.k8s.io/v1", "WebhookAdmissionConfiguration"),
    ],
)
def test_an_api_server_starts_with_the_versions_that_it_is_said_to_read(
    tmp_path: Path, version: str, api_version: str, kind: str
) -> None:
    kubeconfig, file = tmp_path / "kubeconfig", tmp_path / "admission.yaml"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\nusers: []\n", encoding="utf-8")
    text = CONFIGURATION.format(api_version=api_version, kind=kind, kubeconfig=kubeconfig)
    file.write_text(text, encoding="utf-8")
    flags = {"kube-apiserver": {"admission-control-config-file": str(file)}}
    row = ComponentConfig.provide().find(api_version, kind)
    assert row is not None
    if row.read_by(Minor.parse(version)):
        with ControlPlane(tmp_path / "plane", version, flags=flags):
            pass
    else:
        with pytest.raises(StartError) as refused:
            ControlPlane(tmp_path / "plane", version, flags=flags).__enter__()
        said = str(refused.value).replace('\\"', '"')
        assert f'no kind "{kind}" is registered for version "{api_version}"' in said
