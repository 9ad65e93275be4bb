from pathlib import Path

import pytest

from kubepreflight.errors import KnowledgeError
from kubepreflight.inputs import parameters_of
from kubepreflight.knowledge.component_config import ComponentConfig, ConfigKind
from kubepreflight.version import Minor

CONFIG = ComponentConfig.provide()
KINDS = list(CONFIG)
PROGRAMS = {
    "kubeadm",
    "kubelet",
    "kube-proxy",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "kubectl",
}


def named(row: ConfigKind) -> str:
    return f"{row.api_version} {row.kind}"


@pytest.mark.parametrize("row", KINDS, ids=named)
def test_each_row_is_sane(row: ConfigKind) -> None:
    life = [minor for minor in (row.since, row.deprecated, row.removed) if minor is not None]
    assert life == sorted(life)
    assert row.removed is None or row.removed != row.since
    assert row.program in PROGRAMS
    assert row.source
    assert bool(row.replacement) == (row.replacement_since is not None)
    if row.replacement_since is not None and row.removed is not None:
        assert row.replacement_since <= row.removed, "it would replace what is long gone"
        assert CONFIG.find(row.replacement_version, row.replacement_kind) is not None


@pytest.mark.parametrize(
    ("api_version", "kind", "since", "removed"),
    [
        ("kubeadm.k8s.io/v1beta1", "ClusterStatus", "1.13", "1.22"),
        ("kubeadm.k8s.io/v1beta2", "InitConfiguration", "1.15", "1.27"),
        ("kubeadm.k8s.io/v1beta3", "ClusterConfiguration", "1.22", "1.37"),
        ("kubeadm.k8s.io/v1beta4", "UpgradeConfiguration", "1.31", "None"),
        ("kubescheduler.config.k8s.io/v1beta2", "KubeSchedulerConfiguration", "1.22", "1.28"),
        ("kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration", "1.25", "None"),
        ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", "None", "None"),
        ("kubelet.config.k8s.io/v1", "CredentialProviderConfig", "1.26", "None"),
        ("audit.k8s.io/v1beta1", "Policy", "1.8", "1.24"),
        ("apiserver.config.k8s.io/v1alpha1", "WebhookAdmission", "None", "1.36"),
        ("apiserver.config.k8s.io/v1", "AuthorizationConfiguration", "1.32", "None"),
    ],
)
def test_who_reads_which_files(api_version: str, kind: str, since: str, removed: str) -> None:
    row = CONFIG.find(api_version, kind)
    assert row is not None
    assert (str(row.since), str(row.removed)) == (since, removed)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        # experimental in 1.37: kubeadm refuses it without a flag
        ("kubeadm.k8s.io/v1", "InitConfiguration"),
        # registered, but the controller-manager reads no such file
        ("kubecontrollermanager.config.k8s.io/v1alpha1", "KubeControllerManagerConfiguration"),
        ("apps/v1", "Deployment"),
    ],
)
def test_what_nobody_reads(api_version: str, kind: str) -> None:
    assert CONFIG.find(api_version, kind) is None


def test_which_minors_read_a_file() -> None:
    row = CONFIG.find("kubeadm.k8s.io/v1beta3", "InitConfiguration")
    assert row is not None
    assert [minor for minor in range(20, 39) if row.read_by(Minor(1, minor))] == list(range(22, 37))
    assert (row.replacement_version, row.replacement_since) == ("kubeadm.k8s.io/v1beta4", Minor(1, 31))


def test_a_kind_may_change_its_name() -> None:
    row = CONFIG.find("apiserver.config.k8s.io/v1alpha1", "WebhookAdmission")
    assert row is not None
    assert (row.replacement_version, row.replacement_kind) == (
        "apiserver.config.k8s.io/v1",
        "WebhookAdmissionConfiguration",
    )


def test_fields_that_went_away() -> None:
    proxy = CONFIG.removed_fields("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration")
    assert {field.field: str(field.removed) for field in proxy} == {
        "resourceContainer": "1.16",
        "udpIdleTimeout": "1.26",
    }
    kubelet = CONFIG.removed_fields("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration")
    assert [(field.field, str(field.since), str(field.removed)) for field in kubelet] == [
        ("logging.sanitization", "1.20", "1.24")
    ]
    assert CONFIG.removed_fields("kubelet.config.k8s.io/v1beta1", "Nothing") == ()


def test_fields_that_came() -> None:
    fields = CONFIG.fields("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration")
    since = {field.field: str(field.since) for field in fields}
    assert (since["failCgroupV1"], since["crashLoopBackOff"]) == ("1.31", "1.32")
    assert "crashLoopBackOff.maxContainerRestartPeriod" not in since, "it came with what it is in"


def test_every_field_is_of_a_file_that_is_read() -> None:
    for kind in KINDS:
        for field in CONFIG.fields(kind.api_version, kind.kind):
            assert field.since is not None or field.removed is not None
            assert field.since is None or kind.read_by(field.since)


def test_a_broken_table_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "component_config.csv"
    broken.write_text("# verified: 1.15 to 1.37 on 2026-11-27\nprogram,api_version,kind,since,source\na,b,c,soon,d\n")
    with pytest.raises(KnowledgeError, match=r"component_config\.csv:3: .*since"):
        ComponentConfig.load(broken)


def test_a_rule_can_ask_for_it() -> None:
    assert parameters_of(ComponentConfig.provide) == ()
    assert ComponentConfig.provide() is CONFIG
    assert CONFIG.info.covers(Minor(1, 15))
