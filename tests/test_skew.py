import pytest

from kubepreflight.knowledge.versions import Component, SkewPolicy
from kubepreflight.semantics.skew import (
    Skew,
    api_server_skew,
    client_skew,
    controller_skew,
    kube_proxy_skew,
    kube_proxy_skew_on_node,
    kubelet_skew,
)
from kubepreflight.version import Minor

POLICY = SkewPolicy.provide()


def shown(skew: Skew | None) -> str:
    if skew is None:
        return "ok"
    return f"{'newer' if skew.newer else 'older'}, {skew.lowest} to {skew.highest}"


@pytest.mark.parametrize(
    ("kubelet", "oldest", "newest", "expected"),
    [
        ("1.37", "1.37", "1.37", "ok"),
        ("1.34", "1.37", "1.37", "ok"),
        ("1.33", "1.37", "1.37", "older, 1.34 to 1.37"),
        ("1.38", "1.37", "1.37", "newer, 1.34 to 1.37"),
        # the bound is the kubelet's own: three minors from kubelet 1.25 on, two before
        ("1.25", "1.28", "1.28", "ok"),
        ("1.24", "1.27", "1.27", "older, 1.25 to 1.27"),
        ("1.24", "1.26", "1.26", "ok"),
        # API servers of two versions: the oldest limits above, the newest below
        ("1.37", "1.36", "1.37", "newer, 1.34 to 1.36"),
        ("1.33", "1.36", "1.37", "older, 1.34 to 1.36"),
        ("1.34", "1.36", "1.37", "ok"),
        ("1.16", "1.15", "1.15", "newer, 1.13 to 1.15"),
    ],
)
def test_kubelet(kubelet: str, oldest: str, newest: str, expected: str) -> None:
    versions = Minor.parse(kubelet), Minor.parse(oldest), Minor.parse(newest)
    assert shown(kubelet_skew(*versions, POLICY)) == expected
    assert shown(kube_proxy_skew(*versions, POLICY)) == expected, "kube-proxy has the kubelet's bounds"


@pytest.mark.parametrize(
    ("kube_proxy", "kubelet", "expected"),
    [
        ("1.37", "1.37", "ok"),
        ("1.34", "1.37", "ok"),
        ("1.37", "1.34", "ok"),
        ("1.33", "1.37", "older, 1.34 to 1.40"),
        ("1.37", "1.33", "newer, 1.30 to 1.36"),
        ("1.24", "1.27", "older, 1.25 to 1.29"),
        ("1.24", "1.26", "ok"),
    ],
)
def test_kube_proxy_beside_its_kubelet(kube_proxy: str, kubelet: str, expected: str) -> None:
    assert shown(kube_proxy_skew_on_node(Minor.parse(kube_proxy), Minor.parse(kubelet), POLICY)) == expected


@pytest.mark.parametrize("component", ["kube-controller-manager", "kube-scheduler", "cloud-controller-manager"])
@pytest.mark.parametrize(
    ("version", "oldest", "newest", "expected"),
    [
        ("1.37", "1.37", "1.37", "ok"),
        ("1.36", "1.37", "1.37", "ok"),
        ("1.36", "1.36", "1.37", "ok"),
        ("1.35", "1.37", "1.37", "older, 1.36 to 1.37"),
        ("1.37", "1.36", "1.37", "newer, 1.36 to 1.36"),
    ],
)
def test_controllers(component: Component, version: str, oldest: str, newest: str, expected: str) -> None:
    skew = controller_skew(component, Minor.parse(version), Minor.parse(oldest), Minor.parse(newest), POLICY)
    assert shown(skew) == expected


@pytest.mark.parametrize(
    ("kubectl", "oldest", "newest", "expected"),
    [
        ("1.36", "1.37", "1.37", "ok"),
        ("1.38", "1.37", "1.37", "ok"),
        ("1.35", "1.37", "1.37", "older, 1.36 to 1.38"),
        ("1.39", "1.37", "1.37", "newer, 1.36 to 1.38"),
        # between two API servers only what suits both
        ("1.38", "1.36", "1.37", "newer, 1.36 to 1.37"),
    ],
)
def test_kubectl(kubectl: str, oldest: str, newest: str, expected: str) -> None:
    assert shown(client_skew(Minor.parse(kubectl), Minor.parse(oldest), Minor.parse(newest), POLICY)) == expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [([], "ok"), (["1.36"], "ok"), (["1.36", "1.37", "1.36"], "ok"), (["1.35", "1.37"], "older, 1.36 to 1.37")],
)
def test_api_servers_among_themselves(versions: list[str], expected: str) -> None:
    assert shown(api_server_skew([Minor.parse(one) for one in versions], POLICY)) == expected


@pytest.mark.parametrize(
    ("skew", "text"),
    [
        (
            kubelet_skew(Minor(1, 17), Minor(1, 16), Minor(1, 16), POLICY),
            "1.17 is 1 minor version newer than the API server, 1.16; none newer is allowed",
        ),
        (
            kubelet_skew(Minor(1, 24), Minor(1, 26), Minor(1, 27), POLICY),
            "1.24 is 3 minor versions older than the newest API server, 1.27; at most 2 are allowed",
        ),
        (
            client_skew(Minor(1, 30), Minor(1, 28), Minor(1, 28), POLICY),
            "1.30 is 2 minor versions newer than the API server, 1.28; at most 1 is allowed",
        ),
    ],
)
def test_the_sentence(skew: Skew | None, text: str) -> None:
    assert str(skew) == text
