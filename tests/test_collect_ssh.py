"""Collecting from several nodes: each answer by itself, whatever the others do. ssh is a program of the test's."""

from __future__ import annotations

import errno
import io
import os
import platform
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from kubepreflight.commands.collect import CollectOptions, run_collect
from kubepreflight.errors import SourceError, UsageError
from kubepreflight.policy import ExitStatus
from kubepreflight.sources.host import ssh
from kubepreflight.sources.host.collected_by import CollectedBy
from kubepreflight.sources.host.ssh import Collected, Target, collect, collect_local
from tests.collecting import SH_ON_ANOTHER_DISK

SSH = """#!/bin/sh
echo "$@" >>"$LOG"
while [ "$1" != -- ]; do shift; done
host=$2; shift 2
case $host in
    refused) echo "ssh: connect to host refused port 22: Connection refused" >&2; exit 255 ;;
    unknown) printf 'No ED25519 host key is known.\\nHost key verification failed.\\n' >&2; exit 255 ;;
    changed)
        printf '@ REMOTE HOST IDENTIFICATION HAS CHANGED! @\\nHost key verification failed.\\n' >&2
        exit 255 ;;
    closed) echo "This account is currently not available."; exit 1 ;;
    unresolved) echo "ssh: Could not resolve hostname unresolved: Name or service not known" >&2; exit 255 ;;
    silent) exit 7 ;;
    hanging) exec sleep 60 ;;
    endless) exec yes ;;
    noisy) head -c 1000000 /dev/zero | tr '\\0' y >&2; exit 1 ;;
    truncated) echo "kubepreflight: the archive follows"; echo "nothing like a tar" ;;
    password) PATH=$TOOLS:$PATH exec sh -c "$*" ;;
    banner) echo "Welcome to this node"; exec sh -c "$*" ;;
    *) exec sh -c "$*" ;;
esac
"""
SUDO = "log in as root, or let sudo run sh without a password, or see less with --no-sudo"
COLLECTOR = 'cd "$ROOT" && tar -cf - host.json'


def tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tool(tmp_path / "bin", "ssh", SSH)
    tool(tmp_path / "tools", "id", "#!/bin/sh\necho 1000\n")
    tool(tmp_path / "tools", "sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    tool(tmp_path / "root", "id", "#!/bin/sh\necho 0\n")
    (tmp_path / "host.json").write_text("{}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{tmp_path / 'root'}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("ROOT", str(tmp_path))
    # The real script has tests of its own; here it is about how it travels.
    monkeypatch.setattr(ssh, "collect_script", lambda: COLLECTOR)
    return tmp_path / "log"


def typed(*hosts: str) -> list[Target]:
    return [Target.typed(host) for host in hosts]


def by_host(*hosts: str, parallel: int = 8, timeout: float = 20) -> dict[str, Collected]:
    return {one.host: one for one in collect(typed(*hosts), parallel=parallel, timeout=timeout)}


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("refused", "ssh: connect to host refused port 22: Connection refused"),
        (
            "unknown",
            "Host key verification failed. (its key is not known here: log in once by hand, and compare it)",
        ),
        (
            "changed",
            f"{ssh.CHANGED}: its key is not the one that is known here; find out why before you log in there",
        ),
        ("closed", "This account is currently not available."),
        ("silent", "it ended with status 7 and said nothing"),
        ("truncated", "what it sent is no archive"),
        ("noisy", "y" * 200),
        ("endless", "it sent more than 16 MB, which is more than is read"),
        (
            "password",
            f"sudo: a password is required ({SUDO})",
        ),
        ("-oProxyCommand=evil", "not the name of a host"),
        ("two words", "not the name of a host"),
        ("", "not the name of a host"),
    ],
)
def test_a_node_that_fails_says_why_and_the_others_come(host: str, reason: str, log: Path) -> None:
    results = by_host(host, "w1")
    assert results[host] == Collected(host=host, reason=reason)
    archive = results["w1"].archive
    assert archive is not None
    assert names(archive) == ["collected-by.json", "host.json"]


def test_a_node_that_hangs_is_given_up(log: Path) -> None:
    assert by_host("hanging", timeout=0.3) == {"hanging": Collected(host="hanging", reason="no answer within 0.3 s")}


def test_what_a_login_shell_says_first_is_not_of_the_archive(log: Path) -> None:
    archive = by_host("banner")["banner"].archive
    assert archive is not None
    assert names(archive) == ["collected-by.json", "host.json"]


def test_when_it_was_asked_and_when_it_came_stands_in_the_archive(log: Path) -> None:
    before = datetime.now(UTC)
    archive = by_host("w1")["w1"].archive
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile("collected-by.json")
        assert member is not None
        by = msgspec.json.decode(member.read(), type=CollectedBy)
    assert before <= by.asked_at < by.answered_at <= datetime.now(UTC)
    assert by.machine == platform.node()


def test_an_interrupted_collector_s_archive_is_kept_with_a_word(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "collect_script", lambda: COLLECTOR + "; exit 3")
    result = by_host("w1")["w1"]
    assert result.archive
    assert result.reason == "interrupted there: not all of it came"


def test_every_host_once_and_host_keys_checked_as_the_user_has_it(log: Path) -> None:
    began: list[str] = []
    lock = threading.Lock()

    def progress(host: str) -> None:
        with lock:
            began.append(host)

    results = list(collect(typed("admin@w1", "w2", "admin@w1"), parallel=2, timeout=20, progress=progress))
    assert sorted(one.host for one in results) == sorted(began) == ["admin@w1", "w2"]
    calls = log.read_text().splitlines()
    assert len(calls) == 2
    assert all("BatchMode=yes" in call and "HostKey" not in call and "KnownHosts" not in call for call in calls)


def test_an_address_stands_in_for_a_name_that_ssh_does_not_know_and_for_no_other(log: Path) -> None:
    targets = [Target("unresolved", "unresolved", "10.0.0.1"), Target("refused", "refused", "10.0.0.2")]
    came = {one.host: one for one in collect([*targets, Target("nowhere", "unresolved")], timeout=20)}
    assert came["unresolved"].archive
    assert "Connection refused" in came["refused"].reason
    assert came["nowhere"].reason.endswith("(name it as ssh knows it, or give its address)")
    assert "10.0.0.2" not in log.read_text()


def test_without_sudo_nobody_becomes_root(log: Path) -> None:
    (one,) = collect(typed("password"), timeout=20, sudo=False)
    assert one.archive


def test_closing_ends_what_runs(log: Path) -> None:
    results = collect(typed("w1", "hanging", "hanging2"), parallel=3, timeout=60)
    assert next(results).host in ("w1", "hanging2")
    results.close()  # type: ignore[attr-defined] # it is a generator


def test_without_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="ssh is not installed"):
        next(collect(typed("w1")))


def test_this_machine(log: Path) -> None:
    assert collect_local(timeout=20).archive


def test_an_archive_for_which_there_is_no_room_is_said_and_not_left_in_part(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == "w2.tar":
            raise OSError(errno.ENOSPC, "No space left on device")
        return kept(path, target)

    monkeypatch.setattr(Path, "replace", full)
    folder = log.parent / "hosts"
    status = run_collect(CollectOptions(hosts="w1,w2,w3", to=str(folder), parallel=2, timeout=20))
    assert status == ExitStatus.INCOMPLETE
    assert "w2.tar could not be written: No space left on device" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["w1.tar", "w3.tar"]


def test_a_node_that_fails_keeps_its_earlier_archive_and_that_is_said(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = log.parent / "hosts"
    folder.mkdir()
    (folder / "refused.tar").write_text("of yesterday")
    assert run_collect(CollectOptions(hosts="refused,w1", to=str(folder), timeout=20)) == ExitStatus.INCOMPLETE
    assert (folder / "refused.tar").read_text() == "of yesterday"
    assert f"Connection refused ({folder}/refused.tar is still that of an earlier time)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (CollectOptions(), "say where to collect"),
        (CollectOptions(hosts=" , "), "say where to collect"),
        (CollectOptions(hosts="w1", local=True), "say where to collect"),
        (CollectOptions(hosts="w1,admin@w1"), "w1 and admin@w1 would go into one file"),
        (CollectOptions(local=True, user="admin"), "--ssh-user goes with"),
        (CollectOptions(hosts="w1", context="prod"), "--context goes with --ssh-from-cluster"),
        (CollectOptions(print_script=True, sudo=False), "--no-sudo goes with"),
        (CollectOptions(print_daemonset=True, image="a b\n"), "not the name of an image"),
    ],
)
def test_options_that_do_not_go_together(options: CollectOptions, said: str, log: Path) -> None:
    with pytest.raises(UsageError, match=said):
        run_collect(msgspec.structs.replace(options, to=str(log.parent / "hosts")))
    assert not log.exists()


def test_whoever_logs_in_is_said_only_where_it_was_not(log: Path) -> None:
    run_collect(CollectOptions(hosts="w1,root@w2", user="admin", to=str(log.parent / "hosts"), timeout=20))
    assert sorted(call.partition(" -- ")[2].split()[0] for call in log.read_text().splitlines()) == [
        "admin@w1",
        "root@w2",
    ]


def test_the_real_script_on_its_way(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (log.parent / "disk").mkdir()
    tool(log.parent / "bin", "sh", SH_ON_ANOTHER_DISK.format(disk=log.parent / "disk"))
    monkeypatch.setenv("PATH", f"{log.parent / 'bin'}:{log.parent / 'root'}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(log))
    archive = by_host("w1", timeout=60)["w1"].archive
    assert archive is not None
    assert "commands/uname/stdout" in names(archive)
