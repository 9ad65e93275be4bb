from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.finding import Hop
from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.objects import Origin
from kubepreflight.semantics.folders import (
    STANDARD_INPUT,
    common_path,
    folders,
    for_kubectl,
    is_template,
)
from kubepreflight.semantics.kustomizations import Kustomizations
from kubepreflight.semantics.removed_apis import ManifestUses, RemovedApis
from kubepreflight.semantics.replacements import replacement_for
from kubepreflight.semantics.several import NAMED
from kubepreflight.snapshot import ManifestHeader, ManifestHeaders
from kubepreflight.version import Minor

LIFECYCLE = ApiLifecycle.provide()


def cron_jobs(files: Iterable[str]) -> ManifestHeaders:
    return ManifestHeaders(
        tuple(ManifestHeader("batch/v1beta1", "CronJob", "", f"job-{file}", Origin(file, 1)) for file in files)
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.yaml"], {""}),
        (["apps/a.yaml", "apps/b.yaml"], {"apps"}),
        (["shop/templates/a.yaml", "shop/templates/jobs/b.yaml", "shop/crds/c.yaml"], {"shop"}),
        (["shop/a.yaml", "bank/b.yaml"], {"shop", "bank"}),
        ([f"apps/{number}/job.yaml" for number in range(NAMED)], {f"apps/{number}" for number in range(NAMED)}),
        ([f"apps/{number}/job.yaml" for number in range(200)], {"apps"}),
        ([f"{number}/job.yaml" for number in range(200)], {""}),
        (
            [*(f"apps/{number}/base/job.yaml" for number in range(200)), "tools/x/y/z/job.yaml"],
            {"apps", "tools"},
        ),
    ],
)
def test_how_files_are_told_together(files: list[str], expected: set[str]) -> None:
    assert set(folders(files).values()) == expected
    manifests = ManifestUses.provide(LIFECYCLE, Kustomizations.provide(), cron_jobs(files))
    found = RemovedApis.provide(manifests, None, None)
    assert len(list(found.causes())) == len(expected)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("shop/templates/a.yaml", True),
        ("templates/sub/a.yaml", True),
        ("templates.yaml", False),
        ("crds/a.yaml", False),
    ],
)
def test_which_files_kubectl_cannot_read_as_they_are(file: str, expected: bool) -> None:
    assert is_template(file) is expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("apps/a.yaml", "apps/a.yaml"),
        ("../our apps/a.yaml", "'../our apps/a.yaml'"),
        ("shop/templates/a.yaml", "FILE"),
        ("shop/kustomization.yaml", "FILE"),
        ("Kustomization", "FILE"),
        ("apps.tar.gz!apps/a.yaml", "FILE"),
        (STANDARD_INPUT, "FILE"),
        ("", "FILE"),
    ],
)
def test_how_a_file_is_given_to_kubectl(file: str, expected: str) -> None:
    assert for_kubectl(file) == expected


FILES = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4).map("/".join), min_size=1, max_size=60)


@given(FILES)
def test_there_are_never_many_folders_and_each_file_lies_in_its_own(files: list[str]) -> None:
    found = folders(files)
    assert found.keys() == set(files)
    assert len(set(found.values())) <= NAMED
    assert all(file.startswith(folder) for file, folder in found.items())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a/b/c.yaml"], "a/b/c.yaml"),
        (["a/b/c.yaml", "a/b/c.yaml"], "a/b/c.yaml"),
        (["a/b/c.yaml", "a/b/d.yaml"], "a/b"),
        (["a/b/c.yaml", "a/bb/d.yaml"], "a"),
        (["a/b/c.yaml", "a/d.yaml", "a/b/e.yaml"], "a"),
        (["c.yaml", "d.yaml"], ""),
    ],
)
def test_what_files_have_in_common(files: list[str], expected: str) -> None:
    assert common_path(files) == expected


@pytest.mark.parametrize(
    ("api_version", "kind", "before", "expected"),
    [
        # the newest that is served on both sides of the hop
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.25", "flowcontrol.apiserver.k8s.io/v1beta2"),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.26", "flowcontrol.apiserver.k8s.io/v1beta3"),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.36", "flowcontrol.apiserver.k8s.io/v1"),
        ("extensions/v1beta1", "Deployment", "1.15", "apps/v1"),
        # served by default on both sides, else by default right after, else switched on
        ("resource.k8s.io/v1alpha3", "ResourceClaim", "1.34", "resource.k8s.io/v1"),
        ("resource.k8s.io/v1alpha3", "ResourceClaim", "1.33", "resource.k8s.io/v1"),
        ("resource.k8s.io/v1alpha3", "ResourceClaim", "1.32", "resource.k8s.io/v1beta1"),
        # where there is none, the first that comes
        ("scheduling.k8s.io/v1alpha2", "Workload", "1.36", "scheduling.k8s.io/v1beta1"),
        ("policy/v1beta1", "PodSecurityPolicy", "1.24", None),
        # what replaced it has gone itself
        ("extensions/v1beta1", "PodSecurityPolicy", "1.15", "policy/v1beta1"),
        ("extensions/v1beta1", "PodSecurityPolicy", "1.25", None),
    ],
)
def test_what_to_write_instead(api_version: str, kind: str, before: str, expected: str | None) -> None:
    row = LIFECYCLE.find(api_version, kind)
    assert row is not None
    minor = Minor.parse(before)
    found = replacement_for(row, LIFECYCLE, Hop(minor, minor.plus(1)))
    assert (found.api_version if found else None) == expected


def test_notes_of_every_step_are_told() -> None:
    row = LIFECYCLE.find("flowcontrol.apiserver.k8s.io/v1beta2", "PriorityLevelConfiguration")
    assert row is not None
    found = replacement_for(row, LIFECYCLE, Hop(Minor(1, 36), Minor(1, 37)))
    assert found is not None
    assert len(found.notes) == 2
