import pytest

from kubepreflight.knowledge.versions import KubeadmPolicy
from kubepreflight.semantics.kubeadm_policy import KubeadmVerdict, kubeadm_upgrade_verdict
from kubepreflight.version import Version

POLICY = KubeadmPolicy.provide()


def verdict(
    target: str,
    *,
    cluster: str = "1.36.3",
    kubeadm: str = "1.37.2",
    kubelets: tuple[str, ...] | None = ("1.36.3",),
    experimental: bool = False,
    candidates: bool = False,
) -> KubeadmVerdict:
    return kubeadm_upgrade_verdict(
        target=Version.parse(target),
        cluster=Version.try_parse(cluster),
        kubeadm=Version.try_parse(kubeadm),
        kubelets=None if kubelets is None else [Version.parse(one) for one in kubelets],
        policy=POLICY,
        allow_experimental=experimental,
        allow_release_candidates=candidates,
    )


def rows(found: KubeadmVerdict) -> str:
    """The rows of the table that apply, M for those that --force does not pass."""
    return " ".join(f"{error.row}{'S' if error.skippable else 'M'}" for error in found.errors)


@pytest.mark.parametrize(
    ("why", "found", "expected"),
    [
        ("the next minor", verdict("1.37.2"), ""),
        ("a patch", verdict("1.36.4", kubeadm="1.36.4"), ""),
        ("the same version", verdict("1.36.3", kubeadm="1.36.3"), ""),
        ("down a patch", verdict("1.36.1", kubeadm="1.36.3"), ""),
        ("down a minor", verdict("1.36.0", cluster="1.37.0", kubeadm="1.36.0"), ""),
        ("a kubelet that is too new", verdict("1.37.2", kubelets=("1.38.0",)), ""),
        ("no API server", verdict("1.37.2", cluster=""), "1M"),
        ("no kubeadm", verdict("1.37.2", kubeadm=""), "2M"),
        ("no kubelets", verdict("1.37.2", kubelets=None), "3S"),
        ("below kubeadm's minimum", verdict("1.35.0", cluster="1.38.0", kubelets=None), "4M"),
        ("a preview of kubeadm's minimum", verdict("1.36.0-rc.1", experimental=True), "4M"),
        ("two minors up", verdict("1.37.2", cluster="1.35.0"), "5M"),
        ("two minors up, a preview", verdict("1.37.0-rc.1", cluster="1.35.0", candidates=True), "5S"),
        ("two minors down", verdict("1.37.0", cluster="1.39.0"), "6M"),
        ("two minors down, a preview", verdict("1.37.0-beta.1", cluster="1.39.0", experimental=True), "6S"),
        ("kubeadm a minor too old", verdict("1.37.2", kubeadm="1.36.3"), "7M"),
        ("kubeadm a minor too old, preview", verdict("1.37.0-rc.0", kubeadm="1.36.3", candidates=True), "7S"),
        ("kubeadm a patch too old", verdict("1.37.2", kubeadm="1.37.1"), "8S"),
        ("kubeadm a minor too new", verdict("1.36.4"), "9S"),
        ("a preview", verdict("1.37.0-alpha.3", kubeadm="1.37.0"), "10S"),
        ("a candidate, allowed as such", verdict("1.37.0-rc.1", kubeadm="1.37.0", candidates=True), ""),
        ("a candidate, allowed as experiment", verdict("1.37.0-rc.1", kubeadm="1.37.0", experimental=True), ""),
        ("a beta is no candidate", verdict("1.37.0-beta.0", kubeadm="1.37.0", candidates=True), "10S"),
        ("kubelets three minors behind", verdict("1.37.2", kubelets=("1.34.0", "1.36.3")), ""),
        ("kubelets four minors behind", verdict("1.37.2", kubelets=("1.33.9", "1.32.0", "1.33.9")), "11S"),
        (
            "kubeadm 1.28 allows one",
            verdict("1.28.3", cluster="1.27.1", kubeadm="1.28.3", kubelets=("1.26.0",)),
            "11S",
        ),
        ("kubeadm 1.29 allows three", verdict("1.29.0", cluster="1.28.1", kubeadm="1.29.0", kubelets=("1.26.0",)), ""),
    ],
)
def test_each_row(why: str, found: KubeadmVerdict, expected: str) -> None:
    assert rows(found) == expected
    assert len(found.mandatory) + len(found.skippable) == len(found.errors)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            verdict("1.37.2", cluster="1.35.0"),
            'Specified version to upgrade to "v1.37.2" is too high; kubeadm can upgrade only 1 minor version at a time',
        ),
        (
            verdict("1.37.2", kubeadm="1.36.3"),
            (
                'Specified version to upgrade to "v1.37.2" is at least one minor release higher than the kubeadm '
                "minor release (37 > 36). Such an upgrade is not supported"
            ),
        ),
        (verdict("1.36.4"), "Kubeadm version v1.37.2 can only be used to upgrade to Kubernetes version 1.37"),
        (
            verdict("1.37.2", kubelets=("v1.33.9", "v1.32.0+k3s1", "v1.33.9", "v1.33.9-eks-1234567")),
            (
                "There are kubelets in this cluster that are too old that have these versions "
                "[v1.32.0+k3s1 v1.33.9 v1.33.9-eks-1234567]"
            ),
        ),
        (
            verdict("1.35.0"),
            (
                "this version of kubeadm only supports deploying clusters with the control plane version >= 1.36.0. "
                "Current version: v1.35.0"
            ),
        ),
    ],
)
def test_kubeadms_own_words(found: KubeadmVerdict, text: str) -> None:
    assert [str(error) for error in found.errors] == [text]
