"""The command line against an API server: a scan, an interrupted one, snapshots."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_api_server import FakeApiServer, serving
from tests.one_node import NODE, ONE_RULE
from tests.program import PROGRAM, run

HEARING_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[FakeApiServer, Path]]:
    with serving() as fake:
        path = tmp_path / "config"
        path.write_text(json.dumps(fake.kubeconfig()))
        yield fake, path


def test_a_live_cluster(server: tuple[FakeApiServer, Path]) -> None:
    fake, kubeconfig = server
    fake.answers["/api/v1/nodes"] = (200, {"kind": "NodeList", "apiVersion": "v1", "items": [NODE]})
    done = run("scan", *ONE_RULE, "-o", "json", folder=kubeconfig.parent, env={"KUBECONFIG": str(kubeconfig)})
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (0, "go-with-warnings")
    assert report["cluster"]["name"] == "fake"
    assert "a-token" not in done.stdout


def test_forbidden_everywhere_is_incomplete_and_never_go(server: tuple[FakeApiServer, Path]) -> None:
    fake, kubeconfig = server
    fake.answers["/api/v1/nodes"] = fake.answers["/api/v1/pods"] = (403, {"message": "forbidden"})
    done = run("scan", "-o", "json", folder=kubeconfig.parent, env={"KUBECONFIG": str(kubeconfig)})
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"] == "incomplete"


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_with_130_and_being_told_to_end_with_143(
    server: tuple[FakeApiServer, Path], sent: signal.Signals, status: int
) -> None:
    fake, kubeconfig = server
    fake.hang("/api/v1/pods")
    process = subprocess.Popen(
        # What is started in the background of a script inherits that it ignores Ctrl-C.
        [sys.executable, "-c", HEARING_CTRL_C, PROGRAM, "scan"],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    fake.hanging.wait(30)
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (status, "", "interrupted")
    assert "Traceback" not in err


def test_a_snapshot_gives_the_same_report(server: tuple[FakeApiServer, Path]) -> None:
    fake, kubeconfig = server
    pod = {
        "metadata": {"name": "a", "namespace": "shop", "uid": "2"},
        "spec": {"containers": [{"name": "a", "image": "a", "env": [{"name": "PASSWORD", "value": "planted-secret"}]}]},
    }
    fake.answers["/api/v1/nodes"] = (200, {"kind": "NodeList", "apiVersion": "v1", "items": [NODE]})
    fake.answers["/api/v1/pods"] = (200, {"kind": "PodList", "apiVersion": "v1", "items": [pod]})
    env = {"KUBECONFIG": str(kubeconfig)}
    folder = kubeconfig.parent
    at = ("--at", "2026-12-01", "-o", "json")
    live = json.loads(run("scan", *at, folder=folder, env=env).stdout)
    assert run("snapshot", "--to", "c.tar.gz", folder=folder, env=env).returncode == 0
    again = json.loads(run("scan", "c.tar.gz", *at, folder=folder).stdout)
    for moving in ("created", "sources"):
        del live[moving], again[moving]
    assert again == live

    assert b"planted-secret" not in gzip.decompress((folder / "c.tar.gz").read_bytes())


def test_a_snapshot_that_lacks_something_says_so_and_is_kept(server: tuple[FakeApiServer, Path]) -> None:
    fake, kubeconfig = server
    fake.answers["/api/v1/pods"] = (403, {"message": "pods is forbidden"})
    folder = kubeconfig.parent
    done = run("snapshot", "--to", "c.tar.gz", folder=folder, env={"KUBECONFIG": str(kubeconfig)})
    assert (done.returncode, done.stdout) == (3, "")
    assert "pods: 403 pods is forbidden. To do: allow `list` of pods" in done.stderr
    assert "c.tar.gz is saved without them" in done.stderr
    assert run("scan", "c.tar.gz", folder=folder).returncode == 3
