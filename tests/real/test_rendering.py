"""What the real helm and kubectl make of charts and kustomizations, by `--render` and through a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.real.cluster import Scan
from tests.real.helm import chart, helm_program
from tools.kubernetes.programs import program

PLAN = ("--target", "1.32.99", "--only", "removed-api")
SCHEMA = """
apiVersion: {{ .Values.version }}
kind: FlowSchema
metadata:
  name: {{ include "name" . }}-{{ .Capabilities.KubeVersion.Minor }}
"""
NAMED = '{{ define "name" }}{{ .Chart.Name }}{{ end }}\n'
OLD = "version: flowcontrol.apiserver.k8s.io/v1beta3\n"
FLOW = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: based}\n"


def scan(*paths: str, given: str | None = None, folder: Path | None = None) -> Scan:
    kubectl = program("kubectl")
    environment = {**os.environ, "PATH": f"{helm_program().parent}:{kubectl.parent}"}
    command = [str(Path(sys.executable).with_name("kubepreflight")), "scan", *paths, *PLAN, "-o", "json"]
    done = subprocess.run(
        command, input=given, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    return Scan(done.returncode, json.loads(done.stdout), done.stderr)


def places(scan: Scan) -> list[tuple[str, str, int]]:
    shown = (place for one in scan.findings("removed-api") for place in one["places"])
    return sorted((place["name"], place["file"], place.get("line", 0)) for place in shown)


def gaps(scan: Scan) -> list[str]:
    """What was named and not read."""
    assert scan.report is not None
    given = (gap for gap in scan.report["gaps"] if gap["input"] == "files")
    return [f"{gap['subject']}: {gap['reason']}" for gap in given]


def test_charts_in_a_folder(tmp_path: Path) -> None:
    web = chart(tmp_path / "git" / "web", {"schema.yaml": SCHEMA, "_name.tpl": NAMED}, OLD)
    chart(web / "charts" / "sub", {"schema.yaml": SCHEMA}, OLD)
    said = scan("git", "--render", folder=tmp_path)
    assert places(said) == [
        ("sub-32", "git/web/charts/sub/templates/schema.yaml", 0),
        ("web-32", "git/web/templates/schema.yaml", 0),
    ]
    assert gaps(said) == []
    unrendered = scan("git", folder=tmp_path)
    assert "an unrendered Helm chart" in " ".join(gaps(unrendered))


def test_a_chart_without_what_it_depends_on(tmp_path: Path) -> None:
    web = chart(tmp_path / "git" / "web", {"schema.yaml": SCHEMA, "_name.tpl": NAMED}, OLD)
    with (web / "Chart.yaml").open("a", encoding="utf-8") as file:
        file.write("dependencies: [{name: db, version: 1.0.0, repository: 'https://charts.example.com'}]\n")
    (gap,) = gaps(scan("git", "--render", folder=tmp_path))
    assert gap.startswith("git/web: helm template fails: ")
    assert "missing in charts/ directory: db" in gap


def test_a_chart_that_is_broken_does_not_stop_the_others(tmp_path: Path) -> None:
    chart(tmp_path / "git" / "broken", {"a.yaml": "a: {{ fail .Values.version }}\n"}, OLD)
    chart(tmp_path / "git" / "web", {"schema.yaml": SCHEMA, "_name.tpl": NAMED}, OLD)
    said = scan("git", "--render", folder=tmp_path)
    assert [name for name, *_ in places(said)] == ["web-32"]
    (gap,) = gaps(said)
    assert gap.startswith("git/broken: helm template fails: ")


def test_helm_template_through_a_pipe(tmp_path: Path) -> None:
    web = chart(tmp_path / "web", {"schema.yaml": SCHEMA, "_name.tpl": NAMED}, OLD)
    command = [str(helm_program()), "template", "shop", str(web), "--kube-version", "1.31"]
    rendered = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True).stdout
    assert places(scan("-", given=rendered)) == [("web-31", "web/templates/schema.yaml", 0)]


def kustomized(folder: Path, resources: str) -> None:
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(f"resources: {resources}\n", encoding="utf-8")


def test_a_kustomization_that_takes_in_what_lies_elsewhere(tmp_path: Path) -> None:
    kustomized(tmp_path / "base", "[flow.yaml]")
    (tmp_path / "base" / "flow.yaml").write_text(FLOW, encoding="utf-8")
    kustomized(tmp_path / "git" / "prod", "[../../base]")
    said = scan("git", "--render", folder=tmp_path)
    assert places(said) == [("based", "git/prod/kustomization.yaml", 0)]
    assert gaps(said) == []
    assert "it takes in what was not read" in gaps(scan("git", folder=tmp_path))[0]


def test_kubectl_kustomize_through_a_pipe(tmp_path: Path) -> None:
    kustomized(tmp_path / "base", "[flow.yaml]")
    (tmp_path / "base" / "flow.yaml").write_text(FLOW, encoding="utf-8")
    command = [str(program("kubectl")), "kustomize", str(tmp_path / "base")]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert places(scan("-", given=rendered)) == [("based", "standard input", 1)]
