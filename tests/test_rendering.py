"""Charts and kustomizations that are rendered: what becomes of it, what goes wrong, and what the tools may not do.

The tools are stand-ins here, small scripts; `tests/real/test_rendering.py` has the real ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources import rendering
from kubepreflight.sources.files import FileSource
from kubepreflight.sources.helm_output import places
from kubepreflight.sources.rendering import Renderer
from tests.files_read import DEPLOYMENT, WANTED, standing_at, write

TEMPLATE = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n  {{- if x }}\n"
BUDGET = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\n"
RENDERED = (
    f"---\n# Source: shop/templates/web.yaml\n{DEPLOYMENT}---\n# Source: shop/charts/db/templates/a.yaml\n{BUDGET}"
)

Tool = Callable[[str, str], None]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a script under a tool's name, and nothing else, where tools are looked for."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("KUBECONFIG", "/secret/kubeconfig")
    monkeypatch.setenv("HELM_PLUGINS", "/secret/plugins")

    def put(name: str, script: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\nexport PATH=/usr/bin:/bin\n{script}\n")
        (programs / name).chmod(0o755)

    return put


def says(text: str) -> str:
    return f"cat <<'END'\n{text}END"


def read(folder: Path, version: str = "1.37") -> Snapshot:
    collector = Collector(WANTED)
    with standing_at(folder):
        FileSource(["."], render=lambda _: Renderer(version))(collector)
    return collector.snapshot()


def chart(tmp_path: Path, **more: str) -> Path:
    folder = tmp_path / "git"
    return write(folder, apps__shop__Chart_yaml="name: shop\n", apps__shop__templates__web_yaml=TEMPLATE, **more)


def files(snapshot: Snapshot) -> list[tuple[str, str, int]]:
    return [(one.kind, one.origin.file, one.origin.line) for one in snapshot.headers]


def test_a_chart_is_rendered_and_its_templates_are_the_places(tmp_path: Path, tool: Tool) -> None:
    tool("helm", says(RENDERED))
    subchart = {"apps__shop__charts__db__Chart_yaml": "name: db\n", "apps__shop__charts__db__templates__a_yaml": "{{"}
    snapshot = read(chart(tmp_path, apps__shop__crds__crd_yaml=BUDGET, **subchart))
    assert files(snapshot) == [
        ("Deployment", "apps/shop/templates/web.yaml", 0),
        ("PodDisruptionBudget", "apps/shop/charts/db/templates/a.yaml", 0),
        ("PodDisruptionBudget", "apps/shop/crds/crd.yaml", 1),
    ]
    assert snapshot.gaps == ()
    assert snapshot.sources[0].detail == "3 objects, 1 chart rendered with the charts' own values"


def test_the_tools_get_nothing_of_the_users(tmp_path: Path, tool: Tool) -> None:
    tool("helm", f'(echo "$*"; env) > {tmp_path}/seen')
    read(chart(tmp_path))
    seen = (tmp_path / "seen").read_text()
    assert seen.startswith(
        f"template {tmp_path.resolve()}/git/apps/shop --skip-tests --kube-version 1.37 --skip-schema-validation\n"
    )
    assert "secret" not in seen
    assert "https_proxy=http://127.0.0.1:9" in seen
    (home,) = (line for line in seen.splitlines() if line.startswith("HOME="))
    assert not Path(home.removeprefix("HOME=")).exists()


FAILURES = {
    "an error": (
        'echo "Error: execution error at (shop/templates/web.yaml:3:4): image is required" >&2; exit 1',
        "helm template fails: execution error at (shop/templates/web.yaml:3:4): image is required",
        "-f VALUES | kubepreflight scan -",
    ),
    "dependencies that are not there": (
        'echo "Error: found in Chart.yaml, but missing in charts/ directory: db" >&2; exit 1',
        "helm template fails: found in Chart.yaml, but missing in charts/ directory: db",
        "helm dependency build ",
    ),
    "no word": ("exit 3", "helm template fails: it ended with 3", "helm template NAME "),
    "colours and bells": (
        r"printf 'Error: \033[31mred\a' >&2; exit 1",
        r"helm template fails: \x1b[31mred\x07",
        "helm template NAME ",
    ),
}


@pytest.mark.parametrize(("script", "reason", "how"), FAILURES.values(), ids=FAILURES)
def test_a_chart_that_cannot_be_rendered_is_one_gap(
    tmp_path: Path, tool: Tool, script: str, reason: str, how: str
) -> None:
    tool("helm", script)
    subchart = {
        "apps__shop__charts__db__Chart_yaml": "name: db\n",
        "apps__shop__charts__db__templates__a_yaml": TEMPLATE,
    }
    (gap,) = read(chart(tmp_path, web_yaml=DEPLOYMENT, **subchart)).gaps
    assert (gap.subject, gap.reason, gap.asked) == ("apps/shop", reason, True)
    assert how in gap.how


def test_a_tool_that_never_ends_is_ended_with_all_that_it_started(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 0.3)
    tool("helm", "sleep 60 & sleep 60")
    started = time.monotonic()
    (gap,) = read(chart(tmp_path)).gaps
    assert "no answer within 0.3 s" in gap.reason
    assert time.monotonic() - started < 10


def test_all_of_them_together_are_waited_for_no_longer_than_that(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "SECONDS_IN_ALL", 0.3)
    tool("helm", "sleep 60")
    gaps = read(chart(tmp_path, apps__zoo__Chart_yaml="name: zoo\n")).gaps
    assert ["no answer within 0.3 s" in gap.reason for gap in gaps] == [True, False]
    assert "those before it took 0.3 s" in gaps[1].reason


def test_a_tool_gets_no_more_memory_than_that(tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MEMORY", 256 << 20)
    tool("helm", f"sleep 0.2; exec {sys.executable} -c 'len(bytes(1 << 30))'")
    (gap,) = read(chart(tmp_path)).gaps
    assert "MemoryError" in gap.reason


OLD_HELM = 'case "$*" in *schema*) echo "Error: unknown flag: --skip-schema-validation" >&2; exit 1;; esac\n'


@pytest.mark.parametrize("with_schema", [True, False])
def test_an_old_helm_is_not_let_loose_on_a_schema(tmp_path: Path, tool: Tool, with_schema: bool) -> None:
    tool("helm", OLD_HELM + says(RENDERED))
    schema = {"apps__shop__values_schema_json": '{"$ref": "file:///etc/passwd"}'} if with_schema else {}
    folder = chart(tmp_path)
    for name, text in schema.items():
        (folder / name.replace("__", "/").replace("_", ".")).write_text(text)
    gaps = read(folder).gaps
    assert [gap.subject for gap in gaps] == (["apps/shop"] if with_schema else [])


def test_a_tool_that_says_too_much_is_ended(tmp_path: Path, tool: Tool) -> None:
    tool("helm", "yes '# a line'")
    (gap,) = read(chart(tmp_path)).gaps
    assert "it sent more than 16 MB" in gap.reason


def test_without_the_tool_it_is_said_what_is_missing(tmp_path: Path, tool: Tool) -> None:
    folder = chart(tmp_path, prod__kustomization_yaml="resources: [../../elsewhere]\n")
    gaps = {gap.subject: gap.reason for gap in read(folder).gaps}
    assert gaps == {
        "apps/shop": "an unrendered Helm chart: helm, which --render needs, is not on this machine",
        "prod/kustomization.yaml": "neither kustomize nor kubectl, which --render needs, is on this machine",
    }


def test_a_chart_with_a_link_to_elsewhere_is_not_rendered(tmp_path: Path, tool: Tool) -> None:
    tool("helm", says(RENDERED))
    folder = chart(tmp_path)
    (folder / "apps/shop/files").symlink_to("/etc")
    gaps = {gap.subject: gap.reason for gap in read(folder).gaps}
    assert gaps["apps/shop"] == "a link in it leads out of its folder: files"


def test_an_excluded_chart_is_not_rendered(tmp_path: Path, tool: Tool) -> None:
    tool("helm", f"touch {tmp_path}/ran")
    collector = Collector(WANTED)
    folder = chart(tmp_path, web_yaml=DEPLOYMENT)
    FileSource([str(folder)], ["apps/*"], render=lambda _: Renderer(""))(collector)
    assert collector.snapshot().gaps == ()
    assert not (tmp_path / "ran").exists()


ASKS = '{{ if .Capabilities.APIVersions.Has "policy/v1beta1/PodDisruptionBudget" }}{{ end }}\n'


def test_what_a_chart_renders_for_old_servers_only_is_left_out_and_said(tmp_path: Path, tool: Tool) -> None:
    """`helm template` says that every version is there, the oldest too."""
    tool("helm", says(RENDERED))
    snapshot = read(chart(tmp_path, apps__shop__templates__budget_yaml=ASKS))
    assert [one.kind for one in snapshot.headers] == ["Deployment"]
    (gap,) = snapshot.gaps
    assert "it asks whether the server has policy/v1beta1" in gap.reason
    assert "--validate" in gap.how


KUSTOMIZED = "resources: [../../elsewhere]\n"


@pytest.mark.parametrize(("name", "words"), [("kustomize", "build"), ("kubectl", "kustomize")])
def test_a_kustomization_that_takes_in_what_is_not_read_is_rendered(
    tmp_path: Path, tool: Tool, name: str, words: str
) -> None:
    tool(name, f'test "$1" = {words} && {says(BUDGET)}')
    snapshot = read(write(tmp_path / "git", prod__kustomization_yaml=KUSTOMIZED))
    assert ("PodDisruptionBudget", "prod/kustomization.yaml", 0) in files(snapshot)
    assert snapshot.gaps == ()
    assert "1 kustomization rendered" in snapshot.sources[0].detail


REMOTE = {
    "a base": ("resources: ['https://example.com/all.yaml']\n", ""),
    "by git": ("bases: ['github.com/example/base?ref=v1']\n", ""),
    "a component": ("components: ['git@example.com:base.git']\nresources: [../../out]\n", ""),
    "a patch": ("patches: [{path: 'https://example.com/a.yaml'}]\nresources: [../../out]\n", ""),
    "a file of a generator": (
        "configMapGenerator: [{name: a, files: ['a=http://127.0.0.1/latest']}]\nresources: [../../out]\n",
        "",
    ),
    "in capitals": ("resources: ['HTTP://127.0.0.1/a.yaml', ../../out]\n", ""),
    "by what a plug-in is told": (
        "generators: [\"kind: A\\nfiles: ['a=http://127.0.0.1/a']\\n\"]\nresources: [../../out]\n",
        "",
    ),
    "by a plug-in's file": ("transformers: [../../elsewhere]\nresources: [../../out]\n", "resources: [t.yaml]\n"),
    "in a base of its own": (KUSTOMIZED, "resources: ['https://example.com/all.yaml']\n"),
    "in a base that cannot be read": (KUSTOMIZED, "resources: [\n"),
}


@pytest.mark.parametrize(("text", "base"), REMOTE.values(), ids=REMOTE)
def test_what_would_be_fetched_is_named_and_the_tool_does_not_run(
    tmp_path: Path, tool: Tool, text: str, base: str
) -> None:
    tool("kustomize", f"touch {tmp_path}/ran")
    write(tmp_path / "elsewhere", kustomization_yaml=base, t_yaml="kind: T\npath: http://127.0.0.1/t.yaml\n")
    (gap,) = read(write(tmp_path / "git", prod__kustomization_yaml=text)).gaps
    assert "example" in gap.reason or "127.0.0.1" in gap.reason or "cannot be read" in gap.reason
    assert not (tmp_path / "ran").exists()


def test_kustomizations_that_take_in_each_other_end(tmp_path: Path, tool: Tool) -> None:
    tool("kustomize", "echo 'Error: cycle detected' >&2; exit 1")
    write(tmp_path / "elsewhere", kustomization_yaml="resources: [../git/prod, .]\n")
    (gap,) = read(write(tmp_path / "git", prod__kustomization_yaml=KUSTOMIZED)).gaps
    assert gap.reason == "it cannot be rendered: cycle detected"


def test_each_document_is_called_by_the_comment_that_stands_over_it_alone() -> None:
    data = b"# hello\n---\n# Source: a/templates/x.yaml\na: 1\n\nb: 2\n---\nc: 3\n---\n# Source: ../../etc/\x1b\nd: 4\n"
    place = places("-", data)
    assert [(place(line).file, place(line).line) for line in (4, 6, 8, 11)] == [
        ("a/templates/x.yaml", 0),
        ("a/templates/x.yaml", 0),
        ("-", 8),
        ("-", 11),
    ]
