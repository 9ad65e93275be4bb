"""What the kubelet is told, as systemd and the kubelet read it, and where each setting is made."""

from __future__ import annotations

import json

import pytest

from kubepreflight.host import KubeletFlag, KubeletSettings, Missing, SettingPlace, Unit
from kubepreflight.host.kubelet import merged
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.kubelet import key_lines
from kubepreflight.sources.host.systemd import file_variables, split_words

HEAD = json.dumps({"format": "kubepreflight.host/v1", "name": "w1", "complete": True})
UNIT = "files/usr/lib/systemd/system/kubelet.service"
DROP_IN = f"{UNIT}.d/10-kubeadm.conf"
OWN = "files/etc/systemd/system/kubelet.service.d/20-own.conf"
ENV = "files/var/lib/kubelet/kubeadm-flags.env"
EXTRA = "files/etc/default/kubelet"
CONFIG = "files/var/lib/kubelet/config.yaml"
PROCESS = "files/proc/7/cmdline"
KUBEADM = """\
# Note
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""
NODE = {UNIT: "[Service]\nExecStart=/usr/bin/kubelet\n", DROP_IN: KUBEADM, CONFIG: "cgroupDriver: systemd\n"}


def settings(files: dict[str, str], *, collected: bool = True, **changes: str) -> KubeletSettings:
    members = {"host.json": HEAD} if collected else {}
    members |= files | changes
    return read_host({path: text.encode() for path, text in members.items()}, "w1.tar", "w1").kubelet


def flags(found: KubeletSettings) -> dict[str, str]:
    assert not isinstance(found.flags, Missing)
    return {one.name: one.value for one in found.flags}


def test_kubeadms_unit_and_every_place_of_a_setting() -> None:
    found = settings(
        NODE
        | {
            ENV: 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.4 --cgroup-driver=cgroupfs"\n',
            EXTRA: "# mine\nKUBELET_EXTRA_ARGS=--cgroup-driver systemd --v=2\n",
            CONFIG: "kind: Kubelet\nauthentication:\n  x509:\n    clientCAFile: /ca\ncgroupDriver: systemd\n",
            PROCESS: "/usr/bin/kubelet\n--cgroup-driver=old\n--v=2\n",
            "files/var/lib/kubelet/instance-config.yaml": "cgroupDriver: own\n",
        }
    )
    assert found.value("cgroupDriver", "cgroup-driver") == "systemd"
    assert found.value("cgroupDriver") == "systemd"
    assert found.value("authentication.x509.clientCAFile", "client-ca-file") == "/ca"
    assert found.value("maxPods", "max-pods") is None
    assert [(one.file, one.line, one.entry, one.value) for one in found.places("cgroupDriver", "cgroup-driver")] == [
        ("/etc/default/kubelet", 2, "--cgroup-driver", "systemd"),
        ("/var/lib/kubelet/kubeadm-flags.env", 1, "--cgroup-driver", "cgroupfs"),
        ("/proc/7/cmdline", 0, "--cgroup-driver", "old"),
        ("/var/lib/kubelet/config.yaml", 5, "cgroupDriver", "systemd"),
        ("/var/lib/kubelet/instance-config.yaml", 1, "cgroupDriver", "own"),
    ]
    assert found.places("authentication.x509.clientCAFile") == (
        SettingPlace(
            file="/var/lib/kubelet/config.yaml", line=4, entry="authentication.x509.clientCAFile", value="/ca"
        ),
    )
    assert found.unread == ""


@pytest.mark.parametrize(
    ("unit", "own", "given"),
    [
        ("ExecStart=/usr/bin/kubelet --a=1", "", {"a": "1"}),
        # The last one counts; another without an empty one before it is refused by systemd, and is no second kubelet.
        ("ExecStart=/usr/bin/kubelet --a=1", "ExecStart=\nExecStart=-/usr/bin/kubelet --b", {"b": ""}),
        ("ExecStart=/usr/bin/kubelet --a=1 \\\n# between\n  --b=2", "", {"a": "1", "b": "2"}),
        ('ExecStart=/usr/bin/kubelet "--a=x y" --b=\'z\' --c="1"2', "", {"a": "x y", "b": "z", "c": "12"}),
        ("ExecStart=/usr/bin/kubelet --a=50%%", "", {"a": "50%"}),
        ("Environment=A=1 'B=--b=2 -c'\nExecStart=/bin/kubelet --a=${A} $B $NONE", "", {"a": "1", "b": "2", "c": ""}),
        # `$B` within a word is no variable for systemd, `${B}` is, and stays one word.
        ("Environment=B=x\\sy\nExecStart=/bin/kubelet --a=$B --b=${B} --c=$$", "", {"a": "$B", "b": "x y", "c": "$"}),
        ("Environment=B=--b\nExecStart=/usr/bin/kubelet --a $B", "Environment=", {"a": ""}),
        ("Environment=B=--b=1\nExecStart=/usr/bin/kubelet $B", "Environment=B=--b=2", {"b": "2"}),
        ("ExecStart=/usr/bin/kubelet --feature-gates A=true --v 2", "", {"feature-gates": "A=true", "v": "2"}),
    ],
)
def test_units_are_read_as_systemd_does(unit: str, own: str, given: dict[str, str]) -> None:
    found = settings({UNIT: f"[Unit]\nExecStart=/no\n[Service]\n{unit}\n", OWN: f"[Service]\n{own}\n"})
    assert flags(found) == given


def test_drop_ins_go_by_name_and_that_in_etc_hides_its_namesake() -> None:
    def start(flag: str) -> str:
        return f"[Service]\nExecStart=\nExecStart=/usr/bin/kubelet {flag}\n"

    vendor, mine = f"{UNIT}.d", "files/etc/systemd/system/kubelet.service.d"
    files = {UNIT: start("--unit"), f"{vendor}/10.conf": start("--a"), f"{mine}/05.conf": start("--b")}
    assert flags(settings(files)) == {"a": ""}
    assert flags(settings(files | {f"{mine}/10.conf": ""})) == {"b": ""}
    assert flags(settings(files | {f"{mine}/90.txt": start("--c")})) == {"a": ""}


def test_what_an_environment_file_sets_wins() -> None:
    drop_in = "[Service]\nEnvironmentFile=/e\nEnvironment=A=--a=1\nExecStart=/usr/bin/kubelet $A\n"
    assert flags(settings({UNIT: drop_in, "files/e": "A=--a=2\n"})) == {"a": "2"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1 2 ", "1 2"),
        ("A = ' 1'\" 2\" ", " 1 2"),
        ('A="--a=\'1 2\' \\"x\\" \\n"', "--a='1 2' \"x\" \\n"),
        ("A=--a \\\n  --b", "--a   --b"),
        ('A="--a\n--b"', "--a\n--b"),
        ("A=--a='1 2'", "--a='1 2'"),
        ('A="no end', "no end"),
        ("A=", ""),
        ("; A=0\n\nnonsense\nA=1", "1"),
    ],
)
def test_environment_files(text: str, value: str) -> None:
    assert {one.key: one.value for one in file_variables(text, "/e")} == {"A": value}


def test_words_of_a_variable() -> None:
    assert split_words(" --a='1 2' \"\" b\\ c ") == ["--a=1 2", "", "b c"]
    assert split_words("a\\tb") == ["atb"]
    assert split_words("a\\tb", unescape=True) == ["a\tb"]


def test_hostile_environment_files_take_no_time() -> None:
    for text in ("A=\n" * 100_000, '""' * 200_000, "A=" + '"" ' * 100_000 + "\\", 'A="' + "\\" * 200_001):
        assert list(file_variables(text, "/e")) is not None


def test_what_a_cut_environment_sets_is_not_known() -> None:
    found = settings(NODE | {OWN: "[Service]\nEnvironment=(cut)\n"})
    assert (
        found.unread == f"{OWN.removeprefix('files')}: an Environment= was cut on the node: what it sets is not known"
    )
    assert found.flag("feature-gates") == Missing(found.unread)
    named = settings(NODE | {OWN: '[Service]\nEnvironment=SECRET=(cut) "KUBELET_EXTRA_ARGS=--v=2"\n'})
    assert (named.unread, named.flag("v")) == ("", "2")
    unused = settings({UNIT: "[Service]\nEnvironment=(cut)\nExecStart=/usr/bin/kubelet --v=2\n", OWN: ""})
    assert unused.unread == ""


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({UNIT: "[Service]\nType=simple\n"}, "the unit starts nothing"),
        (
            {UNIT: "[Service]\nExecStart=/bin/sh -c kubelet\n"},
            "kubelet.service starts '/bin/sh', not the kubelet itself",
        ),
        ({PROCESS: "kubelet\n--a\n"}, "the node has no kubelet.service: something else starts its kubelet"),
    ],
)
def test_what_no_unit_tells_the_running_process_does(files: dict[str, str], reason: str) -> None:
    found = settings({PROCESS: "/opt/kubelet\n--config=/k.yaml\n--v=3\n", "files/k.yaml": "maxPods: 5\n"} | files)
    assert found.flags == Missing(reason)
    assert not isinstance(found.command_line, Missing)
    assert "v" in {one.name for one in found.command_line} or "a" in {one.name for one in found.command_line}


def test_the_config_file_is_the_one_that_is_named() -> None:
    files = {
        UNIT: "[Service]\nExecStart=/bin/kubelet --config etc/k.yaml --config-dir=/d\n",
        CONFIG: "maxPods: 1\n",
    }
    files |= {
        "files/etc/k.yaml": "maxPods: 2\nlogging:\n  verbosity: 1\n  format: json\nclusterDNS: [a]\n",
        "files/d/20.conf": "maxPods: 4\n",
        "files/d/10.conf": "maxPods: 3\nlogging:\n  format: null\nclusterDNS: [b]\n",
        "files/d/30.yaml": "maxPods: 5\n",
    }
    found = settings(files)
    assert found.config == {"maxPods": 4, "logging": {"verbosity": 1}, "clusterDNS": ["b"]}
    assert [place.file for place in found.places("maxPods")] == ["/d/20.conf", "/d/10.conf", "/etc/k.yaml"]
    without = settings({UNIT: "[Service]\nExecStart=/usr/bin/kubelet\n", CONFIG: "maxPods: 1\n"})
    assert (without.files, without.value("maxPods")) == ((), None)


def test_not_collected_not_readable_and_not_there_are_three_things() -> None:
    drop_in = DROP_IN.removeprefix("files").rpartition("/")[0]
    denied = settings(NODE | {"unreadable.txt": "/etc/default/kubelet\tpermission denied\n"})
    assert denied.flag("config") == "/var/lib/kubelet/config.yaml"
    assert denied.flag("v") == Missing("/etc/default/kubelet: /etc/default/kubelet: permission denied")
    hidden = settings({UNIT: NODE[UNIT], "unreadable.txt": f"{drop_in}\tpermission denied\n"})
    assert isinstance(hidden.flag("v"), Missing)
    copied = settings({ENV: "KUBELET_KUBEADM_ARGS=--a=1\n"}, collected=False)
    assert (copied.flag("a"), copied.running) == ("1", Missing("not collected"))
    assert isinstance(copied.flag("b"), Missing)
    assert settings(NODE).flag("v") is None
    assert settings({CONFIG: "- a\n"}).config == Missing("/var/lib/kubelet/config.yaml cannot be read")


def test_the_running_process() -> None:
    listed = {"commands/processes/stdout": "7 kubelet own\n9 kubelet other\n", "commands/processes/status": "0\n"}
    two = {PROCESS: "kubelet\n--a\n", "files/proc/8/cmdline": "kubelet\n--b\n"}
    assert settings({"commands/processes/status": "0\n"}).running == ()
    assert settings({PROCESS: "kubelet\n--a\n"}).running == (KubeletFlag(name="a", file="/proc/7/cmdline"),)
    assert isinstance(settings(listed).running, Missing)
    assert isinstance(settings(two).running, Missing)
    shown = "Id=kubelet.service\nMainPID=8\nLoadState=loaded\n"
    chosen = settings(two | {"commands/systemctl-show/stdout": shown, "commands/systemctl-show/status": "0\n"})
    assert chosen.running == (KubeletFlag(name="b", file="/proc/8/cmdline"),)


def test_units_of_systemd() -> None:
    shown = (
        "MainPID=8\nId=kubelet.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
        "NeedDaemonReload=yes\n\nMainPID=0\nId=crio.service\nLoadState=not-found\nActiveState=inactive\n"
        "UnitFileState=\nNeedDaemonReload=no\n"
    )
    files = {"commands/systemctl-show/stdout": shown, "commands/systemctl-show/status": "0\n", "host.json": HEAD}
    assert read_host({path: text.encode() for path, text in files.items()}, "", "").units == {
        "kubelet": Unit(name="kubelet", loaded="loaded", enabled="enabled", active="active", main_pid=8, reload=True),
        "crio": Unit(name="crio", loaded="not-found", active="inactive"),
    }


def test_lines_of_keys() -> None:
    text = "a: 1\n# x: 1\nb:\n  c: 2\n  d:\n  - e: 1\n'f': 2\nb2: {g: 1}\n"
    assert key_lines(text) == {"a": 1, "b": 3, "b.c": 4, "b.d": 5, "f": 7, "b2": 8}


def test_merging_is_that_of_a_merge_patch() -> None:
    assert merged([{"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [2]}]) == {"a": {"c": 2}, "d": [2]}


def test_a_command_line_that_no_system_takes_is_not_put_together() -> None:
    many = NODE | {
        DROP_IN: f"[Service]\nEnvironmentFile={EXTRA[5:]}\nExecStart=\nExecStart=/usr/bin/kubelet {'${A}' * 20_000}\n"
    }
    found = settings(many | {EXTRA: f"A={'-' * 200_000}\n"})
    assert found.flags == Missing("its command line is longer than the system takes")
