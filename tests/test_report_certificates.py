from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from kubepreflight.report import CertificateRow, Report
from kubepreflight.reports._certificates import FEW_BARS, MOST_BARS, State, Timeline, timeline
from tests.report_samples import START, home_cluster, large_cluster, make_report

YEAR = timedelta(days=365)
WINDOW = timedelta(days=14)


def certificate(node: str, name: str, ends: datetime, authority: bool = False, path: str = "") -> CertificateRow:
    return CertificateRow(
        node=node, name=name, path=path or name, not_before=ends - YEAR, not_after=ends, is_authority=authority
    )


def drawn(*rows: CertificateRow) -> Timeline:
    found = timeline(make_report(certificates=rows))
    assert found is not None
    return found


def test_no_certificate_no_picture() -> None:
    assert timeline(make_report()) is None


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (timedelta(days=-2), State.ENDED),
        (timedelta(hours=-2), State.BEFORE),
        (timedelta(0), State.IN_WINDOW),
        (timedelta(hours=18), State.IN_WINDOW),
        (WINDOW, State.IN_WINDOW),
        (WINDOW + timedelta(seconds=1), State.LATER),
    ],
)
def test_what_an_end_means_for_the_plan(ends: timedelta, state: State) -> None:
    assert [bar.state for bar in drawn(certificate("cp1", "apiserver", START + ends)).bars] == [state]


def test_what_the_plan_renews_before_its_end_is_no_trouble() -> None:
    end = START + timedelta(hours=18)
    first, second = certificate("cp1", "apiserver", end), certificate("cp2", "apiserver", end)
    found = drawn(msgspec.structs.replace(first, renewed_at=START, renewed_by_upgrade=True), second)
    assert found.window is not None
    assert [(bar.nodes, bar.state, bar.renewal) for bar in found.bars] == [
        (("cp1",), State.RENEWED, found.window[0]),
        (("cp2",), State.IN_WINDOW, None),
    ]


def test_certificates_of_a_node_that_end_together_are_one_bar() -> None:
    end = START + timedelta(hours=18)
    names = ["apiserver", "etcd-peer", "etcd-server"]
    rows = [
        certificate(node, name, end + timedelta(minutes=n)) for node in ("cp2", "cp3") for n, name in enumerate(names)
    ]
    bars = drawn(*rows, certificate("cp2", "kubelet-client", end + timedelta(days=90))).bars
    assert [(bar.nodes, bar.names, bar.count, bar.ends) for bar in bars] == [
        (("cp2",), tuple(names), 3, ("2020-03-03 02:00", "02:02")),
        (("cp3",), tuple(names), 3, ("2020-03-03 02:00", "02:02")),
        (("cp2",), ("kubelet-client",), 1, ("2020-06-01",)),
    ]


def test_authorities_stand_last_and_once_for_all_their_copies() -> None:
    end = START + 8 * YEAR
    rows = [certificate(node, name, end, authority=True) for node in ("cp1", "cp2", "w1") for name in ("ca", "etcd-ca")]
    bars = drawn(*rows, certificate("cp1", "apiserver", START + YEAR)).bars
    assert [(bar.nodes, bar.names, bar.count) for bar in bars] == [
        (("cp1",), ("apiserver",), 1),
        (("cp1", "cp2", "w1"), ("ca", "etcd-ca"), 2),
    ]
    assert bars[1].beyond


def test_the_authority_that_a_kubelet_made_for_itself_is_no_bar() -> None:
    end, path = START + timedelta(days=60), "/var/lib/kubelet/pki/kubelet.crt"
    rows = [certificate("w1", "kubelet", end, path=f"{path}#1"), certificate("w1", "w1-ca@1", end, True, f"{path}#2")]
    assert [bar.names for bar in drawn(*rows).bars] == [("kubelet",)]


def test_the_picture_lies_within_its_frame() -> None:
    for report in (home_cluster(), large_cluster(1)):
        found = timeline(report)
        assert found is not None
        assert found.window is not None
        assert found.now is not None
        assert 0 < found.now < found.window[0] < found.window[1] < 100
        assert all(0 <= bar.left <= bar.end <= bar.last <= 100 for bar in found.bars)
        assert 3 <= len(found.ticks) <= 8


def test_a_short_life_and_a_short_window_are_drawn_to_scale() -> None:
    report = make_report(
        certificates=(
            certificate("cp1", "apiserver", START + timedelta(minutes=60)),
            certificate("cp2", "apiserver", START + timedelta(minutes=40)),
        )
    )
    assert report.upgrade is not None
    hour = msgspec.structs.replace(report.upgrade, planned_end=START + timedelta(hours=1))
    found = timeline(msgspec.structs.replace(report, upgrade=hour, created=START - timedelta(minutes=5)))
    assert found is not None
    assert [bar.nodes for bar in found.bars] == [("cp2",), ("cp1",)]
    assert found.bars[1].end - found.bars[0].end > 10
    assert {tick.label.partition(" ")[0] for tick in found.ticks} == {"03-02"}


def test_a_plan_in_the_past_is_seen_from_its_own_beginning() -> None:
    report = msgspec.structs.replace(home_cluster(), created=datetime(2026, 11, 23, tzinfo=UTC))
    found = timeline(report)
    assert found is not None
    assert found.now is None
    assert [bar.state for bar in found.bars].count(State.IN_WINDOW) == 2
    assert found.window is not None
    assert found.window[1] - found.window[0] > 3


def test_without_a_plan_there_is_only_today() -> None:
    found = timeline(msgspec.structs.replace(home_cluster(), upgrade=None))
    assert found is not None
    assert found.window is None
    assert {bar.state for bar in found.bars} == {State.ENDED, State.LATER}


def of_nodes(count: int, spread: timedelta) -> Report:
    rows = (certificate(f"n{n}", f"system:node:n{n}", START + WINDOW + (n + 1) * spread) for n in range(count))
    return make_report(certificates=tuple(rows))


def test_many_nodes_whose_certificates_are_alike_share_bars() -> None:
    found = timeline(of_nodes(400, timedelta(hours=10)))
    assert found is not None
    assert len(found.bars) <= FEW_BARS
    assert sum(len(bar.nodes) for bar in found.bars) == sum(bar.count for bar in found.bars) == 400
    assert all(bar.last > bar.end for bar in found.bars)


def test_what_is_not_drawn_is_counted() -> None:
    rows = tuple(certificate(f"n{n}", f"name-{n}", START + timedelta(days=n)) for n in range(90))
    found = drawn(*rows)
    assert len(found.bars) == MOST_BARS
    assert found.rest == f"{90 - MOST_BARS} certificates that end later are not drawn."
