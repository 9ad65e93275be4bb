from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.finding import Subject
from kubepreflight.knowledge.admission_plugins import AdmissionPlugins
from kubepreflight.knowledge.etcd_flags import EtcdFlags
from kubepreflight.knowledge.feature_gate_dependencies import FeatureGateDependencies
from kubepreflight.knowledge.feature_gates import FeatureGates
from kubepreflight.knowledge.flags import Flags
from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.knowledge.runtime_config import RuntimeConfig
from kubepreflight.knowledge.setting_values import SettingValues
from kubepreflight.semantics.refused_settings import RefusedSettings, without
from kubepreflight.semantics.static_pods import NodePod, StaticPods
from kubepreflight.static_pod import StaticContainer, StaticPodSpec
from kubepreflight.upgrade import ApiServers, ScanOptions, Upgrade
from kubepreflight.version import Minor, Version


def refused(component: str, flag: str, start: str, target: str) -> RefusedSettings:
    container = StaticContainer(name=component, command=[component, f"--{flag}"])
    pod = NodePod(node="cp1", name=component, spec=StaticPodSpec(containers=[container]), place=Subject())
    end = Version(*Minor.parse(target))
    options = ScanOptions(
        start=datetime(2026, 11, 23, tzinfo=UTC), window=timedelta(1), target=end, newest_known=Minor(1, 37)
    )
    return RefusedSettings.provide(
        static_pods=StaticPods((pod, pod)),
        flags=Flags.provide(),
        etcd=EtcdFlags.provide(),
        gates=FeatureGates.provide(),
        dependencies=FeatureGateDependencies.provide(),
        kubeadm=KubeadmUpgrades.provide(),
        plugins=AdmissionPlugins.provide(),
        versions=RuntimeConfig.provide(),
        values=SettingValues.provide(),
        upgrade=Upgrade.provide(options, ApiServers({}, Version(*Minor.parse(start), 3)), None),
    )


@pytest.mark.parametrize(
    ("written", "end", "item", "error", "rest"),
    [
        (
            "kube-controller-manager --concurrent-service-syncs=5",
            Minor(1, 37),
            "",
            "unknown flag: --concurrent-service-syncs",
            (),
        ),
        (
            "kube-apiserver --feature-gates=AllBeta=false,kube:SidecarContainers=true",
            Minor(1, 37),
            "SidecarContainers",
            "unrecognized feature gate: SidecarContainers",
            ("AllBeta=false",),
        ),
        (
            "kube-scheduler --feature-gates=ContextualLogging=true,ClusterTrustBundle=false",
            Minor(1, 37),
            "ClusterTrustBundle",
            "ClusterTrustBundleProjection is enabled, but depends on features that are disabled: [ClusterTrustBundle]",
            ("ContextualLogging=true",),
        ),
        (
            "kube-controller-manager --controllers=*,-service",
            Minor(1, 37),
            "-service",
            '"service" is not in the list of known controllers',
            ("*",),
        ),
        (
            "kube-controller-manager --cloud-provider=gce",
            Minor(1, 29),
            "",
            "built-in cloud providers are disabled",
            ("external",),
        ),
        (
            "kube-apiserver --emulated-version=kube=1.33",
            Minor(1, 37),
            "",
            "emulation version 1.33 is not between …",
            (),
        ),
        (
            "kube-apiserver --enable-admission-plugins=NodeRestriction,JobValidation",
            Minor(1, 37),
            "JobValidation",
            'enable-admission-plugins plugin "JobValidation" is unknown',
            ("NodeRestriction",),
        ),
        (
            "kube-apiserver --runtime-config=scheduling.k8s.io/v1alpha2/workloads=true,api/alpha=true",
            Minor(1, 37),
            "scheduling.k8s.io/v1alpha2",
            "group version scheduling.k8s.io/v1alpha2 that has not been registered",
            ("api/alpha=true",),
        ),
        ("etcd --enable-v2=true", Minor(1, 34), "", "flag provided but not defined: -enable-v2", ()),
    ],
)
def test_what_runs_and_some_program_on_the_way_refuses(
    written: str, end: Minor, item: str, error: str, rest: tuple[str, ...]
) -> None:
    component, _, flag = written.partition(" --")
    name, _, value = flag.partition("=")
    found = refused(component, flag, str(end.plus(-2)), str(end))
    (one,) = found.of(component, name)
    assert found.all == (one,)
    assert (one.hop.end, one.item, one.error) == (end, item, error)
    assert without([one], [value]) == rest


@pytest.mark.parametrize(
    ("component", "flag"),
    [
        ("kube-scheduler", "v=4"),
        ("kube-apiserver", "feature-gates=AllAlpha=true,AllBeta=true"),
        ("kube-apiserver", "enable-admission-plugins=NodeRestriction"),
        ("kube-apiserver", "runtime-config=api/all=true"),
        # of other components than the one that it is of
        ("kube-scheduler", "enable-admission-plugins=JobValidation"),
        # today's program refuses it already
        ("kube-apiserver", "enable-admission-plugins=PodSecurityPolicy"),
    ],
)
def test_what_may_be_carried_over(component: str, flag: str) -> None:
    assert refused(component, flag, "1.36", "1.37").all == ()
