"""Where the cluster is, where it goes, in which hops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubepreflight.errors import UsageError
from kubepreflight.objects import Metadata, Node, NodeStatus
from kubepreflight.parts import NodeInfo
from kubepreflight.upgrade import ApiServers, ScanOptions, Upgrade
from kubepreflight.version import Minor, Version

START = datetime(2026, 12, 1, tzinfo=UTC)


def options(target: str | None = None) -> ScanOptions:
    version = Version.parse(target) if target else None
    return ScanOptions(start=START, window=timedelta(days=14), target=version, newest_known=Minor(1, 37))


def plan(target: str | None, *servers: str, kubelets: tuple[str, ...] = ()) -> Upgrade:
    by_node = {f"cp{number}": Version.parse(one) for number, one in enumerate(servers)}
    nodes = [
        Node(metadata=Metadata(name=one), status=NodeStatus(node_info=NodeInfo(kubelet_version=one)))
        for one in kubelets
    ]
    return Upgrade.provide(options(target), ApiServers(by_node, None), nodes)


@pytest.mark.parametrize(
    ("target", "servers", "hops"),
    [
        (None, ("v1.36.3",), ["1.36 → 1.37"]),
        ("1.38", ("v1.36.3",), ["1.36 → 1.37", "1.37 → 1.38"]),
        ("1.37.2", ("v1.36.3",), ["1.36 → 1.37"]),
        ("1.36.5", ("v1.36.3",), ["1.36 → 1.36"]),
        (None, ("v1.37.2", "v1.36.3", "v1.36.3"), ["1.36 → 1.37"]),
        ("1.37", ("v1.37.2", "v1.36.3"), ["1.36 → 1.37"]),
        ("1.38", ("v1.37.2",), ["1.37 → 1.38"]),
        (None, ("v1.38.0",), ["1.38 → 1.39"]),
    ],
)
def test_hops(target: str | None, servers: tuple[str, ...], hops: list[str]) -> None:
    assert [str(hop) for hop in plan(target, *servers).hops] == hops


def test_half_upgraded_goes_on_to_the_minor_that_was_begun() -> None:
    begun = plan(None, "v1.37.2", "v1.36.3")
    assert begun.half_upgraded
    assert str(begun.current) == "1.36.3"
    assert str(begun.target) == "1.37"
    assert not plan(None, "v1.36.3", "v1.36.4").half_upgraded


def test_at_the_newest_known_minor_a_patch_is_judged_and_what_comes_after_is_said_to_be_unknown() -> None:
    taken = plan(None, "v1.37.2", "v1.37.0-rc.1")
    assert ([str(hop) for hop in taken.hops], str(taken.target)) == (["1.37 → 1.37"], "1.37.3")
    assert "no minor after 1.37 is known" in taken.assumed
    (gap,) = taken.gaps
    assert gap.asked
    assert "--target 1.37.3" in gap.how
    named = plan("1.37.3", "v1.37.2")
    assert (named.hops, named.gaps, named.assumed) == (taken.hops, (), "")
    with pytest.raises(UsageError, match=r"or leave it out for 1\.37\.3\.$"):
        plan("1.37", "v1.37.2")


@pytest.mark.parametrize("target", ["1.35", "1.36", "1.36.3", "1.36.1", "1.99", "0.1", "2.0"])
def test_a_target_that_is_no_upgrade_or_absurd_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match=r"no upgrade|is it what you mean"):
        plan(target, "v1.36.3")


def test_without_an_api_server_the_newest_kubelet_is_taken_and_said() -> None:
    taken = plan(None, kubelets=("v1.35.1", "v1.36.3", "what?"))
    assert str(taken.current) == "1.36.3"
    assert "newest kubelet" in taken.assumed


def test_without_a_cluster_the_newest_known_minor_is_the_target_and_said() -> None:
    taken = plan(None)
    assert (taken.current, str(taken.target)) == (None, "1.37")
    assert "no cluster was read" in taken.assumed
    assert [str(hop) for hop in plan("1.22").hops] == ["1.21 → 1.22"]


def test_the_hop_to_a_minor() -> None:
    upgrade = plan("1.38", "v1.36.3")
    assert str(upgrade.hop_to(Minor(1, 38))) == "1.37 → 1.38"
    assert str(upgrade.hop_to(Minor(1, 22))) == "1.36 → 1.37"
    assert upgrade.hop_to(Minor(1, 39)) is None
    assert upgrade.end - upgrade.start == timedelta(days=14)
