import msgspec
import pytest

from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.knowledge.applied_kinds import AppliedKinds
from kubepreflight.objects import Origin, group_of
from kubepreflight.semantics.applied_manifests import AppliedHead, AppliedManifest
from kubepreflight.snapshot import Collector

APPLIED = AppliedKinds.provide().apis
NOT_KEPT = {
    # controllers make them
    *("ControllerRevision", "ReplicaSet", "EndpointSlice", "Event", "Lease", "LeaseCandidate", "CSINode"),
    *("CSIStorageCapacity", "VolumeAttachment", "IPAddress", "ResourceSlice", "PodScheduling", "PodSchedulingContext"),
    # somebody asks once
    *("CertificateSigningRequest", "PodCertificateRequest", "StorageVersionMigration", "TokenReview"),
    *("SelfSubjectReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"),
    *("LocalSubjectAccessReview", "APIGroupDiscovery"),
    # the kind has another name since
    "ResourceClass",
}


def test_every_kind_that_lost_a_version_and_lives_on_is_listed_or_left_out_on_purpose() -> None:
    lifecycle = ApiLifecycle.provide()
    moved = {
        (group_of(row.api_version), row.kind)
        for row in lifecycle.served()
        if row.removed is not None and not lifecycle.is_planned(row) and row.replacement
    }
    known = {(group, api.kind) for api in APPLIED for group in (api.group, *api.also)}
    assert {kind for kind in moved if kind[1] not in NOT_KEPT} <= known
    assert NOT_KEPT.isdisjoint(api.kind for api in APPLIED)
    assert {api.kind for api in APPLIED} <= {kind for _, kind in moved}


def test_each_is_listed_in_the_group_that_serves_it_last() -> None:
    assert len({(api.group, api.kind) for api in APPLIED}) == len(APPLIED)
    assert {api.group for api in APPLIED}.isdisjoint({"extensions"})
    lifecycle = ApiLifecycle.provide()
    for api in APPLIED:
        rows = [row for row in lifecycle.served() if api.serves(group_of(row.api_version), row.kind)]
        replaced = {group_of(row.replacement_version) for row in rows if row.replacement}
        assert replaced == {api.group}


def test_of_what_was_applied_only_the_head_is_kept() -> None:
    collector = Collector(Wanted.by([Parameter("applied", list, AppliedManifest, False)]))
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    for name, text in (
        ("whole", '{"kind": "Deployment", "apiVersion": "apps/v1beta1", "spec": {"password": "x"}}'),
        ("headless", '{"spec": {}}'),
        ("wrong", '{"kind": 1, "apiVersion": []}'),
        ("broken", "{"),
    ):
        metadata = {"name": name, "uid": name, "annotations": {annotation: text}}
        collector.add_value({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}, Origin())
    whole, *others = collector.snapshot().observed[AppliedManifest]
    assert whole.applied == AppliedHead("apps/v1beta1", "Deployment")
    assert "password" not in repr(whole)
    assert [one.applied for one in others] == [None, None, None]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("kubectl", "batch/v1beta1", 1)], ["batch/v1beta1"]),
        ([("kubectl", "batch/v1", 1)], []),
        # what did not change since keeps its old entry: the manager has moved all the same
        ([("kubectl", "batch/v1beta1", 1), ("kubectl", "batch/v1", 2)], []),
        ([("kubectl", "batch/v1", 1), ("kubectl", "batch/v1beta1", 1)], []),
        ([("kubectl", "batch/v1", 1), ("kubectl", "batch/v1beta1", 2)], ["batch/v1beta1"]),
        ([("kubectl", "batch/v1beta1", 1), ("helm", "batch/v1", 2)], ["batch/v1beta1"]),
        ([("kubectl", "batch/v1beta1", None), ("kubectl", "batch/v1", 1)], []),
    ],
)
def test_of_each_manager_the_version_that_it_wrote_last_counts(
    entries: list[tuple[str, str, int | None]], expected: list[str]
) -> None:
    managed = [
        {"manager": manager, "apiVersion": version, "time": f"2026-11-20T00:00:0{second}Z" if second else None}
        for manager, version, second in entries
    ]
    value = {"metadata": {"name": "x", "managedFields": managed}}
    one = msgspec.json.decode(msgspec.json.encode(value), type=AppliedManifest)
    assert [entry.api_version for entry in one.metadata.managed_fields or ()] == expected
