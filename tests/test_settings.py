"""Settings as they are written: lists of gates and versions, flags with odd shapes, the edits that undo them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.finding import Gap, Hop, Subject
from kubepreflight.knowledge.api_lifecycle import ApiLifecycle
from kubepreflight.knowledge.kubeadm_upgrades import KubeadmUpgrades
from kubepreflight.rules.runtime_config_removed import MOST, _refused
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.runtime_config import entries_of
from kubepreflight.semantics.setting import (
    GATES,
    Document,
    Place,
    Setting,
    Where,
    gates_of_document,
    gates_of_flag,
    truth,
)
from kubepreflight.semantics.setting_words import edits
from kubepreflight.semantics.settings import Settings
from kubepreflight.semantics.settings_of_kubeadm import of_cluster_configuration
from kubepreflight.version import Minor

PLACE = Place(Where.KUBEADM_CONFIG, Subject(kind="ConfigMap", name="kubeadm-config"), entry="apiServer.extraArgs")


def flag(name: str, value: str, component: str = "kube-apiserver") -> Setting:
    return Setting(component=component, name=name, value=value, place=PLACE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A=true,B=false", {"A": True, "B": False}),
        (" A = true , B=0,", {"A": True, "B": False}),
        ("A=T,B=F,C=1,D=TRUE,E=False", {"A": True, "B": False, "C": True, "D": True, "E": False}),
        ("kube:A=true,wardle:B=true", {"A": True}),
        ("A=false,A=true", {"A": True}),
        ("A", {}),
        ("A=yes,B=", {"A": None, "B": None}),
        ("", {}),
        (",,=,", {"": None}),
    ],
)
def test_gates_are_read_as_gos_feature_gate_reads_them(value: str, expected: dict[str, bool | None]) -> None:
    assert {one.name: one.switch for one in gates_of_flag(flag("feature-gates", value))} == expected


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,20}", fullmatch=True), st.booleans(), max_size=8))
def test_what_go_writes_comes_back(gates: dict[str, bool]) -> None:
    text = ",".join(f"{name}={str(value).lower()}" for name, value in gates.items())
    assert {one.name: one.switch for one in gates_of_flag(flag("feature-gates", text))} == gates


def test_truth_values_are_gos() -> None:
    assert [truth(text) for text in ("1", "t", "T", "true", "TRUE", "True")] == [True] * 6
    assert [truth(text) for text in ("0", "f", "F", "false", "FALSE", "False")] == [False] * 6
    assert [truth(text) for text in ("yes", "tRUE", "", "on")] == [None] * 4


def test_a_gate_in_a_document_is_a_truth_value_and_has_its_line() -> None:
    values = {"featureGates": {"A": True, "B": "true", "C": None, "D": False}}
    place = Place(Where.NODE, Subject(node="w1", file="/c.yaml"))
    document = Document(component="kubelet", values=values, place=place, lines={"featureGates.D": 7})
    read = list(gates_of_document(document))
    found = {one.name: (one.switch, one.place.subject.line) for one in read if isinstance(one, Setting)}
    assert found == {"A": (True, 0), "C": (False, 0), "D": (False, 7)}
    (gap,) = (one for one in read if isinstance(one, Gap))
    assert gap.reason == "in featureGates, B: neither true nor false; kubelet does not start with that"


@pytest.mark.parametrize(
    ("odd", "unread"),
    [(None, 0), ({}, 0), ([], 1), ("A=true", 1), ({"A": {"b": []}}, 1), (dict.fromkeys("abcdefghij", "x"), 1)],
)
def test_feature_gates_that_are_none_are_not_passed_over(odd: object, unread: int) -> None:
    place = Place(Where.NODE, Subject(node="w1", file="/c.yaml"))
    found = Settings.of([Document(component="kubelet", values={"featureGates": odd}, place=place)])
    assert (found.gates, len(found.gaps)) == ((), unread)


@pytest.mark.parametrize(("value", "unread"), [("A=true,", 0), ("", 0), ("A=true,B", 1), ("A=yes,B=", 1)])
def test_nor_is_what_a_flag_says_of_none(value: str, unread: int) -> None:
    assert len(Settings.of([flag(GATES, value)]).gaps) == unread


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("api/all=true,batch/v2alpha1=true", [("batch/v2alpha1", "", True)]),
        ("batch/v2alpha1,a/v1/things=false", [("batch/v2alpha1", "", True), ("a/v1", "things", False)]),
        ("v1=false,a/b/c/d=true,,=", []),
        ("a/v1=maybe", [("a/v1", "", False)]),
    ],
)
def test_entries_of_the_runtime_configuration(value: str, expected: list[tuple[str, str, bool]]) -> None:
    found = [(one.version, one.resource, one.on) for one in entries_of([flag("runtime-config", value)])]
    assert found == expected


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("resourceclaimparameters", "ResourceClaimParameters"),
        ("resourceclassparameters", "ResourceClassParameters"),
        ("resourceclasses", "ResourceClass"),
    ],
)
def test_a_resource_is_known_by_its_plural(resource: str, kind: str) -> None:
    (entry,) = entries_of([flag("runtime-config", f"resource.k8s.io/v1alpha2/{resource}=true")])
    rows = (row for row in ApiLifecycle.provide().served() if row.api_version == entry.version)
    assert [row.kind for row in rows if entry.switches_on(row)] == [kind]


@pytest.mark.parametrize("shape", ["extraArgs: {a: '1', b: null}", "extraArgs: [{name: a, value: '1'}, {name: b}]"])
def test_both_shapes_of_extra_arguments(shape: str) -> None:
    config = KubeadmConfig.parse(
        f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer: {{{shape}}}\n"
        f"etcd: {{local: {{{shape}}}}}\n"
    )
    found = [
        (one.component, one.name, one.value, one.place.entry)
        for one in of_cluster_configuration(config, Place(Where.KUBEADM_CONFIG, config.subject))
        if isinstance(one, Setting)
    ]
    assert found == [
        ("kube-apiserver", "a", "1", "apiServer.extraArgs"),
        ("kube-apiserver", "b", "", "apiServer.extraArgs"),
        ("etcd", "a", "1", "etcd.local.extraArgs"),
        ("etcd", "b", "", "etcd.local.extraArgs"),
    ]


def test_what_kubeadm_takes_out_by_itself_and_when() -> None:
    table = KubeadmUpgrades.provide()
    to_35, to_36 = Hop(Minor(1, 34), Minor(1, 35)), Hop(Minor(1, 35), Minor(1, 36))
    pause, gone = "pod-infra-container-image", Minor(1, 35)
    assert table.drops(pause, (to_35, to_36), gone)
    assert not table.drops(pause, (to_36,), gone)
    assert not table.drops("network-plugin", (to_35, to_36), gone)
    # what would be taken out after the kubelet that does not know it has come
    assert not table.drops(pause, (to_35,), Minor(1, 34))


def test_edits_name_what_others_have_written_without_their_control_characters() -> None:
    place = Place(Where.NODE, Subject(node="w1", file="/etc/x\x1b[2J", line=2), entry="")
    assert "\x1b" not in edits([Setting(component="kubelet", name="a", value="", place=place)], "--a")


def test_flags_are_written_with_dashes_or_underscores() -> None:
    given = {"apiServer": {"extraArgs": [{"name": "feature_gates", "value": "A=true"}]}}
    found = Settings.of(
        one for one in of_cluster_configuration(KubeadmConfig(given), PLACE) if not isinstance(one, Gap)
    )
    assert [one.name for one in found.gates] == ["A"]
    assert found.flags[0].place.subject.field == "kube-apiserver --feature-gates"


def test_of_ten_thousand_entries_a_few_are_named() -> None:
    value = ",".join(f"batch/v2alpha1/x{number}=true" for number in range(10_000))
    entries = list(entries_of([flag("runtime-config", value)]))
    found = _refused("batch/v2alpha1", entries, Hop(Minor(1, 20), Minor(1, 21)))
    assert len(found.remedy) < 1000
    assert len(found.evidence["entries"]) == MOST
