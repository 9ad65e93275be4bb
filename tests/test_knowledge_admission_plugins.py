"""When admission plugins came and went."""

import pytest

from kubepreflight.knowledge.admission_plugins import AdmissionPlugin, AdmissionPlugins
from kubepreflight.version import Minor

PLUGINS = AdmissionPlugins.provide()


@pytest.mark.parametrize(
    "plugin",
    [
        AdmissionPlugin(name="PodSecurityPolicy", removed=Minor(1, 25)),
        AdmissionPlugin(name="PodPreset", removed=Minor(1, 20)),
        AdmissionPlugin(name="SecurityContextDeny", removed=Minor(1, 30)),
        AdmissionPlugin(name="PersistentVolumeLabel", removed=Minor(1, 31)),
        AdmissionPlugin(name="PodSecurity", since=Minor(1, 22), default_since=Minor(1, 22)),
        AdmissionPlugin(name="DenyServiceExternalIPs", since=Minor(1, 21)),
        AdmissionPlugin(name="NamespaceLifecycle", default_since=Minor(1, 15)),
        AdmissionPlugin(name="NodeRestriction"),
    ],
)
def test_plugins(plugin: AdmissionPlugin) -> None:
    assert PLUGINS.find(plugin.name) == plugin


def test_what_is_unknown_is_none() -> None:
    assert PLUGINS.find("ImageScanner") is None
