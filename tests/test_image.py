import pytest

from kubepreflight.image import ImageReference, parse_image, version_of_tag

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", "", ""),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", ""),
        ("rook/ceph:v1.15.9", "docker.io", "rook/ceph", "v1.15.9", ""),
        ("quay.io/metallb/controller:v0.13.12", "quay.io", "metallb/controller", "v0.13.12", ""),
        ("harbor.corp/quay.io/metallb/controller:v0.9.3", "harbor.corp", "quay.io/metallb/controller", "v0.9.3", ""),
        (f"quay.io/cilium/cilium:v1.16.1@{DIGEST}", "quay.io", "cilium/cilium", "v1.16.1", DIGEST),
        (f"gcr.io/a/b@{DIGEST}", "gcr.io", "a/b", "", DIGEST),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", ""),
        ("registry:5000/a:1", "registry:5000", "a", "1", ""),
        ("[fd00::1]:5000/a:1", "[fd00::1]:5000", "a", "1", ""),
        (f"docker-pullable://k8s.gcr.io/pause@{DIGEST}", "k8s.gcr.io", "pause", "", DIGEST),
    ],
)
def test_parts_of_a_reference(text: str, registry: str, repository: str, tag: str, digest: str) -> None:
    assert ImageReference.parse(text) == ImageReference(registry, repository, tag, digest)


@pytest.mark.parametrize("text", ["", " ", "a/", "/a", "a//b", "a/B:1", "a:", "a@sha256:12", DIGEST, "a b", "x" * 5000])
def test_refuses_the_rest(text: str) -> None:
    with pytest.raises(ValueError, match="not an image reference"):
        ImageReference.parse(text)
    assert parse_image(text) is None


@pytest.mark.parametrize("text", ["docker.io/library/nginx:1.27", f"quay.io/a/b:v1@{DIGEST}", f"gcr.io/a@{DIGEST}"])
def test_written_and_read_again(text: str) -> None:
    assert str(ImageReference.parse(text)) == text


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v1.14.2", "1.14.2"),
        ("1.22", "1.22"),
        ("1.14.2-debian-12-r3", "1.14.2"),
        ("1.22.3-distroless", "1.22.3"),
        ("1.22.3-debug", "1.22.3"),
        ("1.2.3-ubi8", "1.2.3"),
        ("1.2.3-fips", "1.2.3"),
        ("v4.0.2-thick", "4.0.2"),
        ("v1.2.3-amd64", "1.2.3"),
        ("v1.5.3-hotfix-2", "1.5.3"),
        ("v1.2.3-k3s2", "1.2.3"),
        ("1.2.3_ds1", "1.2.3"),
        ("v0.13.0-rancher1", "0.13.0"),
        ("3.5.24-0", "3.5.24"),
        ("550.54.15-ubuntu22.04", "550.54.15"),
        ("v4.8.1-20251030", "4.8.1"),
        ("stable-2.14.1", "2.14.1"),
        ("v1.0.0-g3ec0de71", "1.0.0"),
        ("1.30.0-rc.1-distroless", "1.30.0-rc.1"),
        ("1.0.0-beta6", "1.0.0-beta.6"),
    ],
)
def test_tag_that_tells_a_version(tag: str, version: str) -> None:
    assert str(version_of_tag(tag)) == version


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "latest",
        "main",
        "1",
        "v1",
        "vmaster-g8097cfeb",
        "v20190823-v0.6.0-rc.0-69-gcb7dab59",
        "edge-24.2.1",
        "snapshot-thick",
    ],
)
def test_tag_that_tells_none(tag: str) -> None:
    assert version_of_tag(tag) is None
