"""Which flags a program takes."""

import pytest

from kubepreflight.knowledge.flags import Flag, Flags
from kubepreflight.version import Minor

FLAGS = Flags.provide()
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet")


@pytest.mark.parametrize(
    ("component", "name", "since", "deprecated", "removed"),
    [
        ("kubelet", "network-plugin", None, "1.21", "1.24"),
        ("kubelet", "container-runtime", None, "1.24", "1.27"),
        ("kubelet", "pod-infra-container-image", None, "1.24", "1.35"),
        ("kubelet", "config-dir", "1.28", None, None),
        ("kubelet", "node-ip", None, None, None),
        ("kube-apiserver", "basic-auth-file", None, "1.16", "1.19"),
        ("kube-apiserver", "authentication-config", "1.29", None, None),
        ("kube-controller-manager", "pod-eviction-timeout", None, "1.26", "1.27"),
        ("kube-proxy", "boot-id-file", "1.21", None, "1.37"),
        ("kube-scheduler", "logtostderr", None, "1.23", "1.26"),
    ],
)
def test_when_a_flag_came_and_went(
    component: str, name: str, since: str | None, deprecated: str | None, removed: str | None
) -> None:
    found = FLAGS.find(component, name)
    assert found is not None
    assert (found.since, found.deprecated, found.removed) == tuple(
        text and Minor.parse(text) for text in (since, deprecated, removed)
    )


@pytest.mark.parametrize("component", PROGRAMS)
def test_every_program_has_a_version_and_a_verbosity(component: str) -> None:
    for name in ("version", "v", "help"):
        found = FLAGS.find(component, name)
        assert (found and (found.since, found.removed)) == (None, None)


def test_a_flag_that_is_deprecated_no_longer() -> None:
    found = FLAGS.find("kube-apiserver", "enable-logs-handler")
    assert found is not None
    assert (found.deprecated, found.undeprecated, found.removed) == (Minor(1, 15), Minor(1, 37), None)
    assert found.message == "Log handler functionality is deprecated"
    assert found.last_message == ""


def test_names_are_written_with_dashes_or_underscores() -> None:
    assert FLAGS.find("kubelet", "node_ip") == FLAGS.find("kubelet", "node-ip") is not None


def test_what_is_unknown_is_none() -> None:
    assert FLAGS.find("kubelet", "no-such-flag") is FLAGS.find("coredns", "v") is None


@pytest.mark.parametrize("component", PROGRAMS)
def test_a_life_is_in_order(component: str) -> None:
    def order(flag: Flag) -> list[Minor]:
        return [one for one in (flag.since, flag.deprecated, flag.undeprecated, flag.removed) if one is not None]

    assert [flag for flag in FLAGS.flags(component) if order(flag) != sorted(order(flag))] == []
    assert [flag.name for flag in FLAGS.flags(component) if bool(flag.message) != bool(flag.deprecated)] == []
