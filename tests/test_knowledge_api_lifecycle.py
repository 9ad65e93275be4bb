import csv
import re
from collections import Counter

import pytest

from kubepreflight.inputs import parameters_of
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.table import DIRECTORY
from kubepreflight.version import Minor

LIFECYCLE = ApiLifecycle.provide()
ROWS = list(LIFECYCLE.served())
API_VERSION = re.compile(r"([a-z0-9.-]+/)?v\d+((alpha|beta)\d+)?")


def named(row: ApiKind) -> str:
    return f"{row.api_version} {row.kind}"


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_each_row_is_sane(row: ApiKind) -> None:
    life = [minor for minor in (row.introduced, row.deprecated, row.removed) if minor is not None]
    assert life == sorted(life)
    assert row.removed != row.introduced
    assert API_VERSION.fullmatch(row.api_version)
    assert row.source
    assert bool(row.replacement) == (row.replacement_since is not None)
    if row.replacement:
        assert API_VERSION.fullmatch(row.replacement_version)
        assert row.replacement_version != row.api_version
    if row.replacement_since is not None and row.removed is not None:
        assert row.replacement_since <= row.removed, "it would replace what is long gone"
    assert (row.stage, row.served_by_default) not in {("alpha", "yes"), ("ga", "no")}
    if row.stage == "beta" and row.introduced >= Minor(1, 24) and not row.api_version.startswith("flowcontrol"):
        assert row.served_by_default == "no", "new beta versions are off since 1.24"


def test_no_row_twice() -> None:
    lines = (DIRECTORY / "api_lifecycle.csv").read_text().splitlines()
    table = csv.DictReader(line for line in lines if not line.startswith("#"))
    counted = Counter((row["api_version"], row["kind"]) for row in table)
    assert [key for key, count in counted.items() if count > 1] == []
    assert len(ROWS) == len(counted)


@pytest.mark.parametrize(
    ("api_version", "kind", "removed", "replacement"),
    [
        ("extensions/v1beta1", "Deployment", "1.16", "apps/v1"),
        ("apps/v1beta2", "DaemonSet", "1.16", "apps/v1"),
        ("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1"),
        ("networking.k8s.io/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1"),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.22", "apiextensions.k8s.io/v1"),
        ("rbac.authorization.k8s.io/v1beta1", "Role", "1.22", "rbac.authorization.k8s.io/v1"),
        ("batch/v1beta1", "CronJob", "1.25", "batch/v1"),
        ("policy/v1beta1", "PodDisruptionBudget", "1.25", "policy/v1"),
        ("policy/v1beta1", "PodSecurityPolicy", "1.25", ""),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "autoscaling/v2"),
        # what is served on both sides of the hop, not what is newest today
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.26", "flowcontrol.apiserver.k8s.io/v1beta2"),
        ("storage.k8s.io/v1beta1", "CSIStorageCapacity", "1.27", "storage.k8s.io/v1"),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "1.32", "flowcontrol.apiserver.k8s.io/v1"),
        # gone before the minor that upstream's own marker names
        ("certificates.k8s.io/v1alpha1", "PodCertificateRequest", "1.35", "certificates.k8s.io/v1beta1"),
        ("storagemigration.k8s.io/v1alpha1", "StorageVersionMigration", "1.35", "storagemigration.k8s.io/v1beta1"),
        ("resource.k8s.io/v1alpha3", "ResourceClaim", "1.34", "resource.k8s.io/v1beta1"),
        ("networking.k8s.io/v1beta1", "ServiceCIDR", "1.37", "networking.k8s.io/v1"),
    ],
)
def test_what_an_api_server_drops(api_version: str, kind: str, removed: str, replacement: str) -> None:
    row = LIFECYCLE.find(api_version, kind)
    assert row is not None
    assert (str(row.removed), row.replacement_version) == (removed, replacement)
    assert not LIFECYCLE.is_planned(row)


@pytest.mark.parametrize(
    ("api_version", "kind", "introduced"),
    [
        ("v1", "Pod", "1.0"),
        ("apps/v1", "Deployment", "1.9"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "1.16"),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "1.23"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "1.30"),
        # its marker says 1.19, and 1.15 serves it
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "1.6"),
        ("resource.k8s.io/v1", "ResourceClaim", "1.34"),
    ],
)
def test_what_stays(api_version: str, kind: str, introduced: str) -> None:
    row = LIFECYCLE.find(api_version, kind)
    assert row is not None
    assert (str(row.introduced), row.removed, row.stage, row.served_by_default) == (introduced, None, "ga", "yes")


def test_what_needs_a_gate_besides() -> None:
    gates = {named(row): row.gate for row in ROWS if row.gate}
    assert gates["scheduling.k8s.io/v1beta1 Workload"] == "GenericWorkload"
    assert gates["storagemigration.k8s.io/v1 StorageVersionMigration"] == "StorageVersionMigrator"
    assert "v1 Pod" not in gates, "a gate switches one of its subresources"


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("", ""),
        # a look-alike of a custom resource
        ("gateway.networking.k8s.io/v1", "Gateway"),
        # only what a webhook is sent
        ("admission.k8s.io/v1", "AdmissionReview"),
        # only a subresource
        ("autoscaling/v1", "Scale"),
        ("extensions/v1beta1", "Nothing"),
        # read by kubeadm from a file, never served
        ("kubeadm.k8s.io/v1beta3", "ClusterConfiguration"),
    ],
)
def test_what_no_api_server_serves(api_version: str, kind: str) -> None:
    assert LIFECYCLE.find(api_version, kind) is None


def test_a_removal_beyond_the_verified_range_is_planned() -> None:
    planned = {named(row): str(row.removed) for row in ROWS if LIFECYCLE.is_planned(row)}
    assert planned["resource.k8s.io/v1beta1 ResourceClaim"] == "1.38"
    assert "resource.k8s.io/v1alpha3 DeviceTaintRule" not in planned, "upstream took its date back"
    assert all(Minor.parse(minor) > LIFECYCLE.info.end for minor in planned.values())


def test_a_kind_may_change_its_name() -> None:
    row = LIFECYCLE.find("resource.k8s.io/v1alpha2", "ResourceClass")
    assert row is not None
    assert (row.replacement_version, row.replacement_kind) == ("resource.k8s.io/v1alpha3", "DeviceClass")


@pytest.mark.parametrize(
    ("api_version", "kind", "convertible"),
    [
        ("extensions/v1beta1", "Deployment", True),
        ("networking.k8s.io/v1beta1", "Ingress", True),
        # its groups are not in kubectl-convert
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", False),
        # nor are versions whose types upstream has deleted
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", False),
    ],
)
def test_what_kubectl_convert_can_do(api_version: str, kind: str, convertible: bool) -> None:
    row = LIFECYCLE.find(api_version, kind)
    assert row is not None
    assert row.convertible is convertible


def test_an_eviction_is_still_accepted_in_its_old_version() -> None:
    row = LIFECYCLE.find("policy/v1beta1", "Eviction")
    assert row is not None
    assert row.removed is None


def test_replacements_of_replacements() -> None:
    row = LIFECYCLE.find("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema")
    assert row is not None
    chain = LIFECYCLE.successors(row)
    assert [one.api_version.rpartition("/")[2] for one in chain] == ["v1beta2", "v1beta3", "v1"]
    assert chain[-1].replacement == ""


def test_a_rule_can_ask_for_it() -> None:
    assert parameters_of(ApiLifecycle.provide) == ()
    assert hasattr(ApiLifecycle, "info")
    assert ApiLifecycle.provide() is LIFECYCLE
