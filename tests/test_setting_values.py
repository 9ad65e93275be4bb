"""The table of values that programs refuse: each row says in one way which, and matches those and no others."""

from __future__ import annotations

import msgspec
import pytest

from kubepreflight.knowledge.flags import Flags
from kubepreflight.knowledge.setting_values import RefusedValue, SettingValues
from kubepreflight.semantics.kubeadm_files import KubeletConfiguration, KubeProxyConfiguration
from kubepreflight.version import Minor

TABLE = SettingValues.provide()


def rows(name: str, flag: str = "") -> list[RefusedValue]:
    return [row for row in TABLE.values if row.name == name and row.flag in (flag, flag or row.flag)]


@pytest.mark.parametrize("row", TABLE.values, ids=lambda row: f"{row.name} {row.refused or 'window'} {row.flag}")
def test_each_row_is_sane(row: RefusedValue) -> None:
    ways = (row.values, row.others_than, row.items, row.labels, row.lacking, row.networks, row.window)
    assert sum(map(bool, ways)) == 1
    assert (row.refused is None) == (row.window is not None)
    assert row.flag or row.field
    assert row.source.startswith("https://")
    assert "{" not in row.error.replace("{value}", "")
    assert not row.sign or row.items


@pytest.mark.parametrize("row", TABLE.values, ids=lambda row: f"{row.name} {row.refused or 'window'} {row.flag}")
def test_a_flag_is_known_to_its_programs_when_its_value_goes(row: RefusedValue) -> None:
    flags = Flags.provide()
    for component in row.components:
        flag = flags.find(component, row.flag)
        if component == "etcd" or not row.flag or (flag is None and row.field):
            continue
        assert flag is not None
        assert row.refused is None or flag.removed is None or flag.removed > row.refused


@pytest.mark.parametrize(
    ("name", "refused", "taken"),
    [
        (
            "node-labels",
            ("node-role.kubernetes.io/worker=", "kubernetes.io/role=a", "k8s.io/a", "a.k8s.io/b=c"),
            ("a=b", "example.com/a=b", "node.kubernetes.io/a", "x.node.kubernetes.io/a=b", "kubernetes.io/os=linux",
             "notkubernetes.io/a=b", "kubernetes.io=a", "example.com/kubernetes.io=a"),
        ),
        ("controllers", ("service", "-service", "-route"), ("*", "-serviceaccount", "services", "--service")),
        ("cors-origins", (".*", "a.example", "^a"), ("^a$", "//a.example(:|$)", "http://a:80")),
        ("run-once", ("true", ""), ("false",)),
        (
            "advertise-address",
            ("127.0.0.1", "127.0.1.1", "169.254.10.1", "224.0.0.9", "::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1"),
            ("10.0.0.1", "0.0.0.0", "::", "224.0.1.1", "fd00::1", "", "localhost", "127.0.0.1/8"),
        ),
        ("insecure-port", ("8080",), ("0",)),
        ("emulated-version", ("1.33", "kube=1.33", "v1.33"), ("other=1.33", "", "x", "kube=")),
    ],
)  # fmt: skip
def test_values_that_match(name: str, refused: tuple[str, ...], taken: tuple[str, ...]) -> None:
    row = rows(name)[0]
    assert [value for value in refused if not row.refuses(value)] == []
    assert [value for value in taken if row.refuses(value)] == []


def test_windows() -> None:
    (emulated,) = rows("emulated-version", "emulated-version")
    assert emulated.span("kube=1.33") == (Minor(1, 33), Minor(1, 37))
    (hidden,) = rows("hidden-metrics")
    assert hidden.span("1.35") == (Minor(1, 36), Minor(1, 37))


def test_what_a_kubelet_of_1_16_may_set_and_one_of_1_17_may_not() -> None:
    first, second = rows("node-labels")
    assert (first.refused, second.refused) == (Minor(1, 16), Minor(1, 17))
    assert not any(first.refuses(label) for label in second.items)


@pytest.mark.parametrize("row", [one for one in TABLE.values if one.field], ids=lambda row: row.name)
def test_each_field_is_read_of_files_too(row: RefusedValue) -> None:
    for kind in (KubeletConfiguration, KubeProxyConfiguration):
        names = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert kind.component not in row.components or row.field.partition(".")[0] in names


def test_what_is_not_seen_is_one_flag_or_one_field() -> None:
    for one in TABLE.unseen:
        assert bool(one.flag) != bool(one.field)
        assert one.source.startswith("https://")
        assert "{" not in (one.reason + one.how).replace("{value}", "")
