"""The command line as its users meet it: what is said, where, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kubepreflight.knowledge.versions import SkewPolicy
from tests.one_node import NODE, ONE_RULE
from tests.program import PROGRAM, run


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [NODE]}))
    return path


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 0),
        (("--fail-on", "warning"), 1),
        (("--fail-on", "note"), 1),
        (("--fail-on", "never"), 0),
        (("--require", "hosts"), 3),
        (("--require", "hosts", "--fail-on", "warning"), 1),
        (("--require", "hosts,manifests", "--allow-incomplete"), 0),
        (("--require", "api"), 0),
    ],
)
def test_exit_status(dump: Path, arguments: tuple[str, ...], status: int) -> None:
    done = run("scan", dump, *ONE_RULE, *arguments, folder=dump.parent)
    assert done.returncode == status, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan",), "there is no cluster to scan"),
        (("scan", "--kubeconfig", "nowhere"), "the kubeconfig nowhere cannot be used"),
        (("scan", "--context", "other"), "the context 'other' cannot be used"),
        (("scan", "nowhere.yaml"), "nowhere.yaml: no such file or folder"),
        (("scan", "x" * 5000), "File name too long"),
        (("scan", "circle"), "circle: "),
        (("scan", "empty"), "holds nothing to look at"),
        (("scan", "dump.json", "--at", "tomorrow"), "'tomorrow' is no date"),
        (("scan", "dump.json", "--window", "long"), "'long' is no duration"),
        (("scan", "dump.json", "--target", "latest"), "not a version"),
        (("scan", "dump.json", "--target", "1.35"), "is no upgrade"),
        (("scan", "dump.json", "--target", "1.36"), "is no upgrade"),
        (("scan", "dump.json", "--target", "9.9"), "--target 9.9: the cluster runs 1.36.3, of another major"),
        (("scan", "dump.json", "--target", "1.99"), "is it what you mean"),
        (("scan", "dump.json", "-o", "pdf"), "there is no report format 'pdf'"),
        (("scan", "dump.json", "-o", "html=nowhere/report.html"), "cannot be written"),
        (("scan", "dump.json", "-o", "html=empty"), "cannot be written"),
        (("scan", "dump.json", "-o", "text", "-o", "json"), "two reports go to standard output"),
        (("scan", "dump.json", "-o", "html=a", "-o", "json=a"), "two reports go to a"),
        (("scan", "dump.json", "--require", "luck"), "it is any of"),
        (
            ("scan", "dump.json", "--opt-in", "served-certificates"),
            "only a live scan can connect to servers; add --live",
        ),
        (
            ("scan", "dump.json", "--opt-in", "tls-secret"),
            "it is any of helm-releases, served-certificates, tls-secrets",
        ),
        (("scan", "dump.json", "--disable", "no-such-rule"), "there is no such rule"),
        (("scan", "dump.json", "--rules", "nowhere"), "no such folder"),
        (("scan", "dump.json", "--config", "nowhere.toml"), "nowhere.toml"),
        (("scan", "--no-such-option"), "No such option"),
        (("explain", "single-control-plan"), "Did you mean single-control-plane"),
        (("collect",), "say where to collect"),
        (("scan", "dump.json", "--at", ""), "'' is no date"),
        (("scan", "dump.json", "--window", ""), "'' is no duration"),
    ],
)
def test_what_could_not_run_ends_with_2_and_says_why(dump: Path, arguments: tuple[str, ...], said: str) -> None:
    (dump.parent / "empty").mkdir()
    (dump.parent / "circle").symlink_to("circle")
    (dump.parent / "kubepreflight.toml").write_text("")
    done = run(*arguments, folder=dump.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_target_beyond_what_is_known_is_incomplete(dump: Path) -> None:
    done = run("scan", dump, "--target", "1.45", "-o", "json", folder=dump.parent)
    report = json.loads(done.stdout)
    assert done.returncode in (1, 3)
    reasons = {gap["reason"] for covered in report["coverage"] for gap in covered["gaps"] if gap.get("asked")}
    assert any("knowledge ends at" in reason for reason in reasons)
    assert report["verdict"] in ("incomplete", "no-go")


def test_hosts_alone_are_too_little_to_say_go(dump: Path) -> None:
    hosts = Path(__file__).parent.parent / "examples" / "healthy-cluster" / "hosts"
    done = run("scan", hosts, folder=dump.parent)
    assert done.returncode == 3
    assert "could not be checked: the cluster" in " ".join(done.stdout.split())
    assert run("scan", hosts, "--only", "package-*", folder=dump.parent).returncode == 0


def test_a_cluster_at_the_newest_known_minor_is_judged_for_a_patch(dump: Path) -> None:
    newest = str(SkewPolicy.provide().info.end)
    dump.write_text(dump.read_text().replace("v1.36.3", f"v{newest}.2"))
    done = run("scan", dump, *ONE_RULE, "-o", "json", folder=dump.parent)
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (3, "incomplete")
    assert f"could not be checked: the minor after {newest}" in report["summary"]
    assert [one["status"] for one in report["coverage"] if one["rule"] == "single-control-plane"] == ["checked"]
    (gap,) = report["gaps"]
    assert f"--target {newest}.3" in gap["how"]
    assert run("scan", dump, *ONE_RULE, "--target", f"{newest}.3", folder=dump.parent).returncode == 0


def test_reports_go_where_they_are_sent(dump: Path) -> None:
    done = run("scan", dump, "-o", "json=report.json", "-o", "html=report.html", folder=dump.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((dump.parent / "report.json").read_text())["schema"] == "kubepreflight.report/v1"
    assert (dump.parent / "report.html").read_text().startswith("<!doctype html>")


def test_no_colour_and_no_progress_in_a_pipe_and_timings_with_v(dump: Path) -> None:
    done = run("scan", dump, folder=dump.parent)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert "dump.json" in run("scan", "-v", dump, folder=dump.parent).stderr


def test_a_terminal_without_unicode_gets_the_report_all_the_same(dump: Path) -> None:
    done = shell("PYTHONIOENCODING=ascii $0 scan dump.json", folder=dump.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1.36 \\u2192 1.37" in done.stdout


def test_standard_input(dump: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "scan", "-", *ONE_RULE, "-o", "json"],
        input=dump.read_bytes(),
        capture_output=True,
        check=True,
        cwd=dump.parent,
    )
    assert [one["rule"] for one in json.loads(done.stdout)["findings"]] == ["single-control-plane"]


def test_a_file_beside_the_input_sets_the_plan_and_nothing_else(dump: Path) -> None:
    folder = dump.parent / "cluster"
    folder.mkdir()
    dump.rename(folder / "dump.json")
    beside = 'target = "1.38"\nat = 2026-12-24\nwindow = "3d"\nfail-on = "never"\ndisable = ["*"]\n'
    (folder / "kubepreflight.toml").write_text(beside)
    report = json.loads(run("scan", folder, "-o", "json", folder=dump.parent).stdout)
    assert report["upgrade"]["to"] == "1.38"
    assert report["upgrade"]["start"] == "2026-12-24T00:00:00Z"
    assert report["upgrade"]["end"] == "2026-12-27T00:00:00Z"
    assert any(one["rule"] == "single-control-plane" for one in report["findings"])
    (said,) = [one["detail"] for one in report["sources"] if one["kind"] == "configuration"]
    assert "ignored" in said
    assert "disable, fail_on" in said
    typed = run("scan", folder, "--target", "1.37", "-o", "json", folder=dump.parent)
    assert json.loads(typed.stdout)["upgrade"]["to"] == "1.37"


def test_ones_own_configuration_sets_everything_and_typing_wins(dump: Path) -> None:
    (dump.parent / "kubepreflight.toml").write_text('fail-on = "warning"\nonly = ["single-control-plane"]\n')
    assert run("scan", dump, folder=dump.parent).returncode == 1
    assert run("scan", dump, "--fail-on", "blocker", folder=dump.parent).returncode == 0
    (dump.parent / "kubepreflight.toml").write_text("fial-on = 3\n")
    done = run("scan", dump, folder=dump.parent)
    assert done.returncode == 2
    assert "there is no option 'fial_on'" in done.stderr


def test_a_rule_that_ends_the_program_does_not_end_it_well(dump: Path) -> None:
    folder = dump.parent / "mine"
    folder.mkdir()
    (folder / "ends.py").write_text("import sys\nsys.exit(0)\n")
    done = run("scan", dump, "--rules", "mine", folder=dump.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert "ends.py does not load: SystemExit(0)" in done.stderr


def test_a_file_in_the_scanned_folder_does_not_become_ones_own_by_standing_there(dump: Path) -> None:
    (dump.parent / "kubepreflight.toml").write_text('disable = ["single-control-plane"]\n')
    for what in (".", dump.parent, ".."):
        done = run("scan", what, "--fail-on", "warning", folder=dump.parent)
        assert done.returncode == 1, done.stdout
    assert run("scan", "dump.json", *ONE_RULE, "--fail-on", "warning", folder=dump.parent).returncode == 3
    done = run("scan", "dump.json", *ONE_RULE, "--config", "/dev/null", "--fail-on", "warning", folder=dump.parent)
    assert done.returncode == 1


def namespace(uid: str) -> dict[str, Any]:
    metadata = {"name": "kube-system", "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}],
    }


def test_the_verdicts_line_says_how_much_was_not_checked(dump: Path) -> None:
    everything = json.loads(run("scan", dump, "-o", "json", folder=dump.parent).stdout)
    idle = sum(one["status"] == "not checked" for one in everything["coverage"])
    assert idle > 10
    assert f"{idle} of {len(everything['coverage'])} rules not checked" in everything["summary"]
    assert (
        "not checked"
        not in json.loads(run("scan", dump, *ONE_RULE, "-o", "json", folder=dump.parent).stdout)["summary"]
    )


def test_two_clusters_at_once_are_refused(dump: Path) -> None:
    for name, uid in (("a.json", "1"), ("b.json", "2")):
        (dump.parent / name).write_text(json.dumps(namespace(uid)))
    assert run("scan", "a.json", "a.json", dump, *ONE_RULE, folder=dump.parent).returncode == 0
    done = run("scan", "a.json", "b.json", dump, folder=dump.parent)
    assert done.returncode == 2
    assert "several clusters" in done.stderr


def test_a_report_in_a_file_outlives_a_pipe_that_closes(dump: Path) -> None:
    report = dump.parent / "report.json"
    with subprocess.Popen(
        [PROGRAM, "scan", dump, "-o", "text", "-o", f"json={report}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(60)
    assert json.loads(report.read_text())["schema"] == "kubepreflight.report/v1"


def test_a_full_disk_leaves_the_report_that_was_there(dump: Path) -> None:
    report = dump.parent / "report.json"
    report.write_text("old")
    for what in ("scan dump.json -o json=report.json", "scan dump.json -o html=new.html"):
        done = shell(f"ulimit -f 4; $0 {what}", folder=dump.parent)
        assert (done.returncode, "could not be written" in done.stderr) == (2, True), done.stderr
    assert report.read_text() == "old"
    assert sorted(one.name for one in dump.parent.iterdir()) == ["dump.json", "report.json"]


def test_reports_on_standard_output_by_its_name(dump: Path) -> None:
    done = shell("$0 scan dump.json -o json=/dev/fd/1", folder=dump.parent)
    assert json.loads(done.stdout)["schema"] == "kubepreflight.report/v1"
    done = shell("$0 scan dump.json -o json=/dev/fd/1 >out.json", folder=dump.parent)
    assert json.loads((dump.parent / "out.json").read_text())["schema"] == "kubepreflight.report/v1"
    assert shell("$0 snapshot dump.json --to /dev/fd/1 | gzip -t", folder=dump.parent).returncode == 0


def shell(line: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line, str(PROGRAM)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("$0 scan dump.json >&-", 2, "standard output is closed"),
        ("$0 scan dump.json -o json=r.json >&-", 0, ""),
        ("$0 scan dump.json >/dev/full", 2, "standard output could not be written: No space left"),
        ("$0 rules >/dev/full", 2, "No space left"),
        ("$0 collect --print-script >/dev/full", 2, "No space left"),
        ("$0 scan dump.json -o json=/dev/full", 2, "/dev/full could not be written, its report is above"),
        ("$0 scan nowhere 2>/dev/full", 2, ""),
        ("$0 scan --no-such-option 2>/dev/full", 2, ""),
        ("$0 scan - <&-", 2, "nothing to look at"),
        ("$0 scan dump.json -o json 2>&-", 0, ""),
        ("$0 scan -v dump.json -o json=r.json 2>&-", 0, ""),
        ("mkfifo pipe; (cat pipe >/dev/null &); $0 scan dump.json -o json=pipe", 0, ""),
        ("mkdir gone; cd gone; rmdir ../gone; $0 scan .", 2, "No such file"),
    ],
)
def test_streams_that_are_closed_or_full_are_said_without_a_traceback(
    dump: Path, line: str, status: int, said: str
) -> None:
    done = shell(line, folder=dump.parent)
    assert (done.returncode, "Traceback" in done.stderr, "ignored" in done.stderr) == (status, False, False)
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)


@pytest.mark.parametrize(("fail_on", "status"), [("blocker", 0), ("warning", 1)])
def test_a_reader_that_leaves_early_changes_nothing(dump: Path, fail_on: str, status: int) -> None:
    with subprocess.Popen(
        [PROGRAM, "scan", dump, "--fail-on", fail_on], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (status, b"")


@pytest.mark.parametrize("arguments", [("rules",), ("--help",), ("scan", "-v", "dump.json")])
def test_nor_does_one_who_leaves_a_page_or_the_log(dump: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=dump.parent, stdout=writing, stderr=writing, timeout=60, check=False
    )
    os.close(writing)
    assert done.returncode == 2


def test_what_is_said_acts_upon_no_terminal(dump: Path) -> None:
    done = run("scan", "a\x1b[31m\u202e\nb.yaml", folder=dump.parent)
    assert done.stderr == "kubepreflight: a\\x1b[31m\\u202e\\nb.yaml: no such file or folder\n"


def test_a_rule_that_crashes_is_incomplete_and_its_traceback_is_in_the_json(dump: Path) -> None:
    folder = dump.parent / "mine"
    folder.mkdir()
    (folder / "breaks.py").write_text(
        "from kubepreflight.finding import NOTE\nfrom kubepreflight.objects import Node\n"
        "from kubepreflight.rule import rule\n\n"
        "@rule(severity=NOTE, area='nodes', phase='before')\n"
        "def breaks(nodes: list[Node]):\n    'It breaks.'\n    return [1 / 0]\n"
    )
    done = run("scan", dump, *ONE_RULE, "--rules", "mine", "--disable", "zzz*", "-o", "json", folder=dump.parent)
    assert done.returncode == 2
    done = run(
        "scan", dump, "--disable", "s*", "--disable", "[!b]*", "--rules", "mine", "-o", "json", folder=dump.parent
    )
    report = json.loads(done.stdout)
    (covered,) = [one for one in report["coverage"] if one["rule"] == "breaks"]
    assert (done.returncode, report["verdict"], covered["status"]) == (3, "incomplete", "crashed")
    assert "ZeroDivisionError" in covered["traceback"]
