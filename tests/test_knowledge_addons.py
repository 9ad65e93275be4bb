import re
from datetime import date
from pathlib import Path

import pytest

from kubepreflight.errors import KnowledgeError
from kubepreflight.inputs import parameters_of
from kubepreflight.knowledge.addons import Addon, AddonMatrix, load_addon
from kubepreflight.knowledge.compatibility import Cause, ManifestShape, Range, Release, Status, Verdict
from kubepreflight.knowledge.table import DIRECTORY
from kubepreflight.version import Minor, Version

MATRIX = AddonMatrix.provide()
ADDONS = {addon.name: addon for addon in MATRIX.addons}
RELEASES = [(addon, release) for addon in MATRIX.addons for release in addon.releases]


def row(
    version: str = "1.0", *, low: str = "", high: str = "", status: Status = "supported", fails: str = ""
) -> Release:
    return Release(
        version=version,
        kubernetes=Range(min=Minor.parse(low) if low else None, max=Minor.parse(high) if high else None),
        status=status,
        incompatible=tuple(Minor.parse(one) for one in fails.split()),
        addon="Thing",
        newest_known=Minor(1, 36),
        collected=date(2026, 8, 22),
        source="https://example.org",
    )


DASHBOARD_OF_0_7 = "sha256:fb72156fad20ce408304c3b5b4a2fa6c56d884f9e73923706ef8d80218b612bd"
INCOMPATIBLE, UNSUPPORTED, UNTESTED = Verdict.INCOMPATIBLE, Verdict.UNSUPPORTED, Verdict.UNTESTED
SUPPORTED, UNKNOWN = Verdict.SUPPORTED, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("release", "target", "verdict", "cause"),
    [
        # upstream names what fails: the smallest entry above the range, and all after it
        (row(low="1.14", high="1.15", status="tested", fails="1.11 1.16 1.17"), "1.16", INCOMPATIBLE, "known-to-fail"),
        (row(low="1.14", high="1.15", status="tested", fails="1.11 1.16 1.17"), "1.30", INCOMPATIBLE, "known-to-fail"),
        (row(low="1.14", high="1.15", status="tested", fails="1.11 1.16 1.17"), "1.99", INCOMPATIBLE, "known-to-fail"),
        (row(low="1.14", high="1.15", status="tested", fails="1.11 1.16 1.17"), "1.15", SUPPORTED, "within"),
        (row(low="1.14", high="1.20", fails="1.11 1.13"), "1.20", SUPPORTED, "within"),
        (row(low="1.14", high="1.20", fails="1.11 1.13"), "1.21", UNSUPPORTED, "above-maximum"),
        (row(low="1.13", fails="1.25"), "1.24", SUPPORTED, "within"),
        (row(low="1.13", fails="1.25"), "1.26", INCOMPATIBLE, "known-to-fail"),
        (row(high="1.21", fails="1.22"), "1.22", INCOMPATIBLE, "known-to-fail"),
        (row(fails="1.22"), "1.22", INCOMPATIBLE, "known-to-fail"),
        # between the maximum and the first that fails
        (row(low="1.14", high="1.15", fails="1.18"), "1.17", UNSUPPORTED, "above-maximum"),
        (row(low="1.29", high="1.33"), "1.28", UNSUPPORTED, "below-minimum"),
        (row(low="1.29"), "1.28", UNSUPPORTED, "below-minimum"),
        (row(low="1.29", high="1.29", status="tested"), "1.28", UNTESTED, "below-minimum"),
        (row(low="1.29", fails="1.27"), "1.28", UNSUPPORTED, "below-minimum"),
        (row(low="1.29", fails="1.27"), "1.27", INCOMPATIBLE, "known-to-fail"),
        (row(low="1.29", high="1.33"), "1.29", SUPPORTED, "within"),
        (row(low="1.29", high="1.33"), "1.33", SUPPORTED, "within"),
        (row(low="1.29", high="1.33"), "1.34", UNSUPPORTED, "above-maximum"),
        (row(low="1.29", high="1.33", status="tested"), "1.34", UNTESTED, "above-maximum"),
        (row(low="1.29", high="1.33", status="works"), "1.34", UNTESTED, "above-maximum"),
        (row(low="1.29", high="1.33", status="works"), "1.30", SUPPORTED, "within"),
        (row(high="1.33"), "1.10", SUPPORTED, "within"),
        # newer than anything the file knows
        (row(low="1.33", high="1.36"), "1.37", UNKNOWN, "newer-than-data"),
        (row(low="1.33", high="1.36", status="tested"), "1.37", UNKNOWN, "newer-than-data"),
        # newer too, but the release was left behind before the file ends
        (row(low="1.33", high="1.35"), "1.37", UNSUPPORTED, "above-maximum"),
        (row(low="1.33", high="1.35", status="tested"), "1.37", UNTESTED, "above-maximum"),
        (row(low="1.29"), "1.37", SUPPORTED, "within"),
        (row(), "1.30", UNKNOWN, "no-statement"),
    ],
)
def test_judging_a_release(release: Release, target: str, verdict: Verdict, cause: str) -> None:
    found = release.judge(Minor.parse(target))
    assert (found.verdict, found.cause) == (verdict, Cause(cause))
    assert found.source == "https://example.org"
    assert "Thing 1.0" in found.reason


@pytest.mark.parametrize(
    ("release", "target", "reason"),
    [
        (
            row(low="1.14", high="1.15", status="tested", fails="1.16"),
            "1.16",
            "upstream says that Thing 1.0 fails on Kubernetes 1.16 and later",
        ),
        (
            row(low="1.29", high="1.33"),
            "1.34",
            "upstream supports Thing 1.0 on Kubernetes 1.29 to 1.33: 1.34 is above the maximum",
        ),
        (
            row(low="1.32", high="1.32", status="tested"),
            "1.31",
            "upstream tests Thing 1.0 on Kubernetes 1.32: 1.31 is below the minimum",
        ),
        (
            row(low="1.33", high="1.36"),
            "1.37",
            (
                "upstream supports Thing 1.0 on Kubernetes 1.33 to 1.36; "
                "the data of 2026-08-22 ends at 1.36 and says nothing about 1.37"
            ),
        ),
        (row(low="1.13"), "1.37", "upstream supports Thing 1.0 on Kubernetes 1.13 and later"),
        (row(high="1.21"), "1.20", "upstream supports Thing 1.0 on Kubernetes up to 1.21"),
    ],
)
def test_the_reason(release: Release, target: str, reason: str) -> None:
    assert release.judge(Minor.parse(target)).reason == reason


def test_only_the_manifest_fails() -> None:
    metallb = ADDONS["metallb"]
    old = Version.parse("0.9.3")
    seen = metallb.judge(old, Minor(1, 25))
    assert (seen.verdict, seen.scope) == (INCOMPATIBLE, "manifest")
    assert seen.manifest == ManifestShape("policy/v1beta1", "PodSecurityPolicy")
    assert seen.reason == (
        "upstream says that the PodSecurityPolicy of policy/v1beta1 in MetalLB 0.9 fails on Kubernetes 1.25 and later"
    )
    unseen = metallb.judge(old, Minor(1, 25), manifest_seen=False)
    assert (unseen.verdict, unseen.scope, unseen.manifest) == (SUPPORTED, "release", None)


def addon(directory: Path, text: str) -> Addon:
    path = directory / "thing.yaml"
    path.write_text(
        "name: thing\ntitle: Thing\nhomepage: https://example.org\nsource: https://example.org\n"
        'verified: {from: "1.20", to: "1.36", date: 2026-08-22}\n' + text
    )
    return load_addon(path)


BARE = "kubernetes: {}, status: works"
IMAGES = 'detect: {images: ["(^|/)thing$"]}\n'


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.2.0", "1.2"),
        ("1.2.3", "1.2.3"),
        ("1.2.4", "1.2"),
        ("1.2.5", "1.2.5"),
        ("1.2.7", "1.2.5"),
        ("1.2.8", "1.2.8"),
        ("1.2.12", "1.2.8"),
        ("1.2", "1.2"),
        ("1.3.0", None),
        ("1.4.9", None),
        ("1.4.10", "1.4.10"),
    ],
)
def test_which_row_is_about_a_version(tmp_path: Path, version: str, expected: str | None) -> None:
    rows = [
        f'- {{version: "1.2", {BARE}}}',
        f'- {{version: "1.2.3", {BARE}}}',
        f'- {{version: "1.2.8", scope: from-patch, {BARE}}}',
        f'- {{version: "1.2.5", scope: from-patch, {BARE}}}',
        f'- {{version: "1.4.10", {BARE}}}',
    ]
    thing = addon(tmp_path, IMAGES + "releases:\n" + "\n".join(rows))
    found = thing.release_for(Version.parse(version))
    assert (found.version if found else None) == expected


def test_a_version_that_is_not_in_the_file(tmp_path: Path) -> None:
    thing = addon(tmp_path, IMAGES + f'releases: [{{version: "1.2", {BARE}}}, {{version: "1.4", {BARE}}}]\n')
    found = thing.judge(Version.parse("1.5.0"), Minor(1, 30))
    assert (found.verdict, found.cause) == (UNKNOWN, Cause.NOT_IN_MATRIX)
    assert found.reason == "Thing 1.5.0 is not in the matrix of 2026-08-22, which knows 1.2 to 1.4"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("quay.io/jetstack/cert-manager-controller:v1.20.1", "cert-manager main 1.20.1"),
        ("quay.io/jetstack/cert-manager-webhook:v1.20.1", "cert-manager companion 1.20.1"),
        ("docker.io/bitnami/cert-manager:1.14.2-debian-12-r3", "cert-manager main 1.14.2"),
        ("rancher/mirrored-jetstack-cert-manager-controller:v1.11.0", "cert-manager main 1.11.0"),
        ("harbor.corp/quay.io/metallb/controller:v0.13.12", "metallb main 0.13.12"),
        ("metallb/speaker:v0.8.0", "metallb companion 0.8.0"),
        ("quay.io/metallb/controller:main", "metallb main"),
        ("docker.io/istio/pilot:1.22.3-distroless", "istio main 1.22.3"),
        ("gcr.io/istio-release/proxyv2:1.4.3", "istio companion 1.4.3"),
        ("rook/ceph:v1.2.7", "rook main 1.2.7"),
        ("quay.io/ceph/ceph:v18.2.4", "none"),
        ("nginx:1.27", "none"),
        ("docker.io/someone/pilot:1.22.3", "none"),
        ("gcr.io/kubeflow-images-public/centraldashboard:v1.0.0-g3ec0de71", "kubeflow main 1.0.0 1.0.1 1.0.2"),
        (f"gcr.io/kubeflow-images-public/centraldashboard@{DASHBOARD_OF_0_7}", "kubeflow main 0.7.0"),
        (
            "ghcr.io/kubeflow/kubeflow/central-dashboard:v1.10.0",
            "kubeflow main 1.10.0 1.10.1 1.10.2 1.11.0 26.3",
        ),
        # the dashboard's own version is not Kubeflow's
        ("ghcr.io/kubeflow/kubeflow/central-dashboard:v1.99.0", "kubeflow main"),
        ("gcr.io/ml-pipeline/api-server:2.0.5", "kubeflow companion"),
        (f"quay.io/metallb/controller@sha256:{'0' * 64}", "metallb main"),
        ("", "none"),
        ("not an image", "none"),
    ],
)
def test_what_an_image_is(image: str, expected: str) -> None:
    found = MATRIX.detect(image)
    shown = "none"
    if found is not None:
        shown = " ".join([found.addon.name, found.role, *map(str, found.versions)])
    assert shown == expected


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("Deployment", "rook-ceph-operator", True),
        ("Deployment", "rook-ceph-tools", False),
        ("DaemonSet", "rook-ceph-operator", False),
        ("", "", True),
    ],
)
def test_only_the_operator_tells_rooks_version(kind: str, name: str, found: bool) -> None:
    assert (MATRIX.detect("rook/ceph:v1.15.9", kind=kind, name=name) is not None) is found


@pytest.mark.parametrize(
    ("name", "version", "target", "verdict"),
    [
        ("kubeflow", "0.7.0", "1.15", SUPPORTED),
        ("kubeflow", "0.7.0", "1.16", INCOMPATIBLE),
        ("kubeflow", "1.0.2", "1.16", SUPPORTED),
        ("kubeflow", "1.10.1", "1.33", UNTESTED),
        ("kubeflow", "1.10.1", "1.35", UNTESTED),
        ("kubeflow", "0.7.0", "1.13", INCOMPATIBLE),
        ("kubeflow", "26.03", "1.37", SUPPORTED),
        ("istio", "1.4.3", "1.16", UNTESTED),
        ("istio", "1.28.0", "1.35", UNSUPPORTED),
        ("rook", "1.1.9", "1.16", SUPPORTED),
        ("rook", "1.19.2", "1.36", UNSUPPORTED),
        ("metallb", "0.8.0", "1.16", INCOMPATIBLE),
        ("metallb", "0.8.1", "1.16", SUPPORTED),
        ("metallb", "0.13.4", "1.25", INCOMPATIBLE),
        ("metallb", "0.13.5", "1.25", SUPPORTED),
        ("metallb", "0.16.1", "1.37", SUPPORTED),
        ("cert-manager", "1.19.1", "1.36", UNSUPPORTED),
        ("cert-manager", "1.21.0", "1.36", SUPPORTED),
        ("cert-manager", "1.21.0", "1.37", UNKNOWN),
        ("cert-manager", "1.99.0", "1.36", UNKNOWN),
    ],
)
def test_what_upstream_says(name: str, version: str, target: str, verdict: Verdict) -> None:
    assert ADDONS[name].judge(Version.parse(version), Minor.parse(target)).verdict == verdict


def test_end_of_support() -> None:
    release = ADDONS["cert-manager"].release_for(Version.parse("1.19.0"))
    assert release is not None
    assert not release.out_of_support(date(2026, 7, 8))
    assert release.out_of_support(date(2026, 7, 9))
    latest = ADDONS["cert-manager"].release_for(Version.parse("1.21.0"))
    assert latest is not None
    assert not latest.out_of_support(date(2040, 1, 1)), "upstream has named no day yet"


def test_a_crd_shows_what_was_installed_once() -> None:
    found = MATRIX.installed_by("cephclusters.ceph.rook.io")
    assert found is not None
    assert found.name == "rook"
    assert MATRIX.installed_by("widgets.example.org") is None


@pytest.mark.parametrize("known", MATRIX.addons, ids=lambda known: known.name)
def test_each_file_is_sane(known: Addon) -> None:
    assert (DIRECTORY / "addons" / f"{known.name}.yaml").is_file()
    assert known.homepage.startswith("https://")
    for expression in (*known.detect.images, *known.detect.companions):
        re.compile(expression)
        assert expression.startswith("(^|/)")
        assert expression.endswith("$")
    versions = [release.version for release in known.releases]
    assert len(set(versions)) == len(versions)
    in_order = [Version.parse(version).minor_version for version in versions]
    assert in_order == sorted(in_order)
    assert bool(known.detect.version_map) == bool(known.detect.version_source)
    for texts in known.detect.version_map.values():
        assert texts
        assert all(known.release_for(Version.parse(text)) for text in texts)


@pytest.mark.parametrize(
    ("known", "release"), RELEASES, ids=[f"{known.name} {release.version}" for known, release in RELEASES]
)
def test_each_release_is_sane(known: Addon, release: Release) -> None:
    low, high = release.kubernetes.min, release.kubernetes.max
    assert low is not None or high is not None
    assert release.source.startswith("https://")
    assert not release.note or release.note.endswith(".")
    if low is not None and high is not None:
        assert low <= high
    for minor in release.incompatible:
        assert minor < (low or minor) or minor > (high or low or Minor(0, 0)), "it cannot fail where it is supported"
    assert release.manifest is None or release.fails_from is not None
    mentioned = [minor for minor in (low, high, *release.tested, *release.incompatible) if minor is not None]
    assert known.verified.start <= min(mentioned)
    assert max(mentioned) <= known.verified.end


def test_adding_a_file_is_enough(tmp_path: Path) -> None:
    addon(tmp_path, IMAGES + f'releases: [{{version: "1.2", {BARE}}}]\n')
    matrix = AddonMatrix.load(tmp_path)
    found = matrix.detect("example.org/thing:1.2.3")
    assert found is not None
    assert found.addon.name == "thing"
    assert [info.table for info in matrix.tables] == ["addons/thing"]
    (tmp_path / "copy.yaml").write_text((tmp_path / "thing.yaml").read_text())
    with pytest.raises(KnowledgeError, match="about the same add-on"):
        AddonMatrix.load(tmp_path)


def test_a_folder_without_files(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="holds no add-on"):
        AddonMatrix.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detect: [\n", r"thing.yaml:7: did not find expected node content"),
        (IMAGES, "thing.yaml:1: .*releases"),
        (IMAGES + f"releases: [{{version: 1.10, {BARE}}}]", r"thing.yaml:7: Expected `str`, .*releases\[0\].version"),
        (IMAGES + f'releases: [{{version: "latest", {BARE}}}]', "thing.yaml:7: releases: not a version: 'latest'"),
        (IMAGES + 'releases: [{version: "1.2", kubernetes: {min: 1.10}, status: works}]', r"kubernetes.min"),
        (IMAGES + 'releases: [{version: "1.2", kubernetes: {}, status: fine}]', r"releases\[0\].status"),
        (IMAGES + f'releases: [{{version: "1.2", maximum: "1.30", {BARE}}}]', "maximum"),
        (IMAGES + "releases: []\n", "thing.yaml: releases: there is none"),
        (
            'detect: {images: ["(^|/)thing($"]}\n' + f'releases: [{{version: "1.2", {BARE}}}]',
            "thing.yaml:6: detect: not a regular expression",
        ),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        addon(tmp_path, text)


def test_a_rule_can_ask_for_it() -> None:
    assert parameters_of(AddonMatrix.provide) == ()
    assert hasattr(AddonMatrix, "info")
    assert MATRIX.info.covers(Minor(1, 99)), "beyond its data it answers unknown by itself"
    assert MATRIX.info.end == Minor(1, 36)
