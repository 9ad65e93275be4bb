"""Files, folders and archives: what is read, what is refused, and that nothing broken is lost in silence."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import IO, Any

import pytest

from kubepreflight.errors import SourceError
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Api, Deployment, Desired, KubernetesObject, Node, Pod
from kubepreflight.snapshot import Collector
from kubepreflight.sources.files import FileSource
from tests.files_read import DEPLOYMENT, INGRESS, Kustomization, names, pod, read, standing_at, tar, write


def test_manifests_keep_their_file_and_line(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path, a_yaml=f"# a comment\n---\n{DEPLOYMENT}---\n{INGRESS}"))
    (deployment,) = snapshot.desired[Deployment]
    assert (deployment.subject.file, deployment.subject.line) == ("a.yaml", 3)
    assert [(one.kind, one.name, one.origin.line) for one in snapshot.headers] == [
        ("Deployment", "web", 3),
        ("Ingress", "front", 7),
    ]


def test_a_kustomization_needs_neither_version_nor_kind(tmp_path: Path) -> None:
    collector = Collector(Wanted.by((Parameter("kustomizations", Desired, Kustomization, False),)))
    text = "resources: [web.yaml]\n"
    with standing_at(write(tmp_path, apps__kustomization_yaml=text, apps__values_yaml=text)):
        FileSource(["."])(collector)
    (one,) = collector.snapshot().desired[Kustomization]
    assert (one.resources, one.origin.file) == (["web.yaml"], "apps/kustomization.yaml")


def test_of_a_manifest_only_what_rules_ask_of_manifests_is_read_whole(tmp_path: Path) -> None:
    # What is wrong with a value is only seen in what is read whole.
    broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: a%s}\nspec: {a: .inf}\n"
    assert read(write(tmp_path, manifest_yaml=broken % "")).gaps == ()
    assert read(write(tmp_path, manifest_yaml=broken % ", uid: u")).gaps != ()


def test_dumps_are_told_by_their_uids(tmp_path: Path) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [pod("a"), pod("b")]}
    import yaml

    for text in (json.dumps(items), json.dumps(items, indent=2), yaml.safe_dump(items)):
        (tmp_path / "dump.yaml").write_text(text)
        snapshot = read(tmp_path)
        assert names(snapshot) == ["a", "b"]
        assert snapshot.headers == ()
        assert ("", "Pod") in snapshot.listed
        assert ("", "Node") not in snapshot.listed


def test_an_observed_object_whose_body_nobody_reads_is_no_manifest(tmp_path: Path) -> None:
    observed = INGRESS.replace("  name: front", "  name: front\n  uid: abc-1")
    snapshot = read(write(tmp_path, a_yaml=f"{observed}---\n{DEPLOYMENT}"))
    assert [one.kind for one in snapshot.headers] == ["Deployment"]


def test_a_typed_list_says_that_the_kind_was_listed_even_when_it_is_empty(tmp_path: Path) -> None:
    empty = json.dumps({"apiVersion": "v1", "kind": "PodList", "items": []})
    full = json.dumps({"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "cp1", "uid": "1"}}]})
    snapshot = read(write(tmp_path, pods_json=empty, nodes_json=full))
    assert names(snapshot, Node) == ["cp1"]
    assert snapshot.observed[Node][0].kind == "Node"
    assert ("", "Pod") in snapshot.listed


def as_list(*items: Any, kind: str = "List", **metadata: Any) -> str:
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata, "items": items})


def test_an_empty_list_is_something_to_look_at_in_json_and_in_yaml(tmp_path: Path) -> None:
    for text in (
        as_list(kind="PodList"),
        "apiVersion: v1\nkind: PodList\nitems:\n",
        '{"apiVersion": "v1", "kind": "PodList", "items": null}',
    ):
        snapshot = read(write(tmp_path, pods_yaml=text))
        assert ("", "Pod") in snapshot.listed
        assert snapshot.gaps == ()


def test_a_typed_list_of_manifests_says_nothing_of_the_cluster(tmp_path: Path) -> None:
    manifest = {"metadata": {"name": "a"}}
    for name in ("pods.json", "pods.yaml"):
        (tmp_path / name).write_text(as_list(manifest, kind="PodList"))
        snapshot = read(tmp_path / name)
        assert [(one.kind, one.name) for one in snapshot.headers] == [("Pod", "a")]
        assert ("", "Pod") not in snapshot.listed


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_one_page_of_a_list_is_a_gap(tmp_path: Path, suffix: str) -> None:
    page = as_list(
        {"metadata": {"name": "a", "uid": "1"}}, kind="PodList", **{"continue": "abc", "remainingItemCount": 7}
    )
    (tmp_path / f"pods.{suffix}").write_text(page if suffix == "json" else "# a page\n" + page)
    snapshot = read(tmp_path)
    assert names(snapshot) == ["a"]
    assert "goes on" in snapshot.failures["", "Pod"][0].reason
    assert snapshot.gaps[0].asked


def test_lists_within_lists_are_read(tmp_path: Path) -> None:
    inner = json.loads(as_list(pod("a"), pod("b")))
    empty = json.loads(as_list(kind="NodeList"))
    for text in (as_list(inner, empty), "# yaml\n" + as_list(inner, empty)):
        snapshot = read(write(tmp_path, dumps_yaml=text))
        assert names(snapshot) == ["a", "b"]
        assert ("", "Node") in snapshot.listed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (as_list({"metadata": {"name": "a", "uid": "1"}}), "without apiVersion or kind"),
        (as_list("a pod"), "no object|cannot be decoded"),
        (json.dumps([pod()]), "objects in an array"),
        (json.dumps({"items": [pod()]}), "objects in an array"),
        ("- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n", "objects in an array"),
        ("items:\n- apiVersion: v1\n  kind: Pod\n", "objects in an array"),
        ('{"apiVersion": "v1", "kind": "List"}', "a List without items"),
        ("apiVersion: v1\nkind: PodList\n", "a PodList without items"),
        (as_list(pod()).replace('"shop"', "[" * 5000 + "]" * 5000), "nest|cannot be decoded"),
    ],
)
def test_what_looks_like_objects_and_is_not_read_is_a_gap(tmp_path: Path, content: str, said: str) -> None:
    snapshot = read(write(tmp_path, odd_json=content, good_json=json.dumps(pod("good"))))
    assert names(snapshot) == ["good"]
    (gap,) = snapshot.gaps
    assert re.search(said, gap.reason)
    assert gap.asked


@pytest.mark.parametrize(
    "content", ['{"items": {"type": "object"}}', '[1, {"a": 2}]', "- hosts: all\n  tasks: []\n", "[]"]
)
def test_what_is_none_of_ours_is_passed_over(tmp_path: Path, content: str) -> None:
    assert read(write(tmp_path, values_json=content, good_json=json.dumps(pod()))).gaps == ()


def test_an_object_alone_says_nothing_of_the_others_of_its_kind(tmp_path: Path) -> None:
    import yaml

    for text in (json.dumps(pod()), yaml.safe_dump(pod())):
        snapshot = read(write(tmp_path, one_yaml=text))
        assert names(snapshot) == ["a"]
        assert snapshot.listed == frozenset()


@pytest.mark.parametrize("layout", ["dump/{namespace}/pods.json", "bundle/cluster-resources/pods/{namespace}.json"])
@pytest.mark.parametrize("archive", [False, True])
def test_lists_by_namespace_do_not_say_that_all_was_listed(tmp_path: Path, layout: str, archive: bool) -> None:
    lists = {"empty": [], "shop": [pod("a")], "kube-system": [pod("b", namespace="kube-system")]}
    files = {layout.format(namespace=name): as_list(*items, kind="PodList") for name, items in lists.items()}
    if archive:
        tar(tmp_path / "dump.tar", {name: text.encode() for name, text in files.items()}, "w")
    else:
        write(tmp_path, **{name.replace(".json", "_json").replace("/", "__"): text for name, text in files.items()})
    snapshot = read(tmp_path)
    assert sorted(names(snapshot)) == ["a", "b"]
    assert not snapshot.has_listed(Pod.api)


class KubeadmConfig(KubernetesObject):
    api = Api("", "ConfigMap", "configmaps", namespace="kube-system", name="kubeadm-config")


class ClusterInfo(KubernetesObject):
    api = Api("", "ConfigMap", "configmaps", namespace="kube-public", name="cluster-info")


def configmap(namespace: str, name: str) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "uid": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (as_list(configmap("kube-system", "coredns")), ["kubeadm-config"]),
        (json.dumps(configmap("kube-system", "coredns")), []),
        (json.dumps(configmap("kube-system", "kubeadm-config")), ["kubeadm-config"]),
        (as_list(kind="ConfigMapList"), ["cluster-info", "kubeadm-config"]),
    ],
)
def test_what_is_wanted_by_name_is_known_when_its_namespace_was_listed(
    tmp_path: Path, content: str, known: list[str]
) -> None:
    collector = Collector(
        Wanted.by((Parameter("", list, KubeadmConfig, False), Parameter("", list, ClusterInfo, False)))
    )
    FileSource([str(write(tmp_path, dump_json=content))])(collector)
    snapshot = collector.snapshot()
    assert sorted(one.api.name for one in (KubeadmConfig, ClusterInfo) if snapshot.has_listed(one.api)) == known


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + one)}: &{chr(98 + one)} [{','.join(['*' + chr(97 + one)] * 9)}]\n" for one in range(9)
)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (f"{DEPLOYMENT}---\na:\n\t- tab\n", 5),
        (f"{DEPLOYMENT}---\n{BOMB}", 5),
        (f"{DEPLOYMENT}---\n{'[' * 5000}", 5),
        (f"{DEPLOYMENT}---\nkind: {{{{ .Values.kind }}}}\n", 5),
        (b"\x00\x01\x02binary", 1),
        (DEPLOYMENT.encode("utf-16"), 1),
        ("\n---\n".join([DEPLOYMENT] * 49 + ["a: [broken"] + [DEPLOYMENT] * 50), None),
        ('{"apiVersion": "apps/v1", "kind": ', 1),
    ],
    ids=["tabs", "exploding anchors", "too deep", "template", "binary", "utf-16", "one of a hundred", "cut-off json"],
)
def test_what_does_not_parse_is_named_with_its_line_and_the_rest_is_read(
    tmp_path: Path, content: str | bytes, line: int | None
) -> None:
    snapshot = read(write(tmp_path, bad_yaml=content, good_yaml=DEPLOYMENT))
    (gap,) = snapshot.gaps
    assert gap.asked
    assert gap.subject.startswith("bad.yaml:")
    assert line is None or gap.subject == f"bad.yaml:{line}" or int(gap.subject.partition(":")[2]) >= line
    parsed = str(content).count("kind: Deployment") if isinstance(content, str) else 0
    assert len(snapshot.desired[Deployment]) == 1 + parsed


def test_objects_with_wrong_types_are_gaps(tmp_path: Path) -> None:
    bad = "apiVersion: v1\nkind: Pod\nmetadata: {name: [a], uid: u}\n"
    worse = "apiVersion: [v1]\nkind: Pod\nmetadata: {name: a}\n"
    snapshot = read(write(tmp_path, bad_yaml=bad, worse_yaml=worse, good_json=json.dumps(pod())))
    assert names(snapshot) == ["a"]
    assert len(snapshot.gaps) == 2
    assert all(gap.asked for gap in snapshot.gaps)


@pytest.mark.parametrize("content", [None, "just: values\n", "# nothing\n", ""])
def test_a_path_that_holds_nothing_for_us_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        write(tmp_path, values_yaml=content)
    with pytest.raises(SourceError, match="nothing to look at"):
        read(tmp_path)


@pytest.mark.parametrize(("name", "said"), [("/dev/zero", "a device"), ("/proc/self/mem", "error"), ("", "empty")])
def test_a_path_that_would_never_end_or_cannot_be_read_is_an_error(name: str, said: str) -> None:
    if name and not Path(name).exists():
        pytest.skip(f"there is no {name} on this system")
    with pytest.raises(SourceError, match=said):
        read(name)


def test_a_path_that_is_not_there_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere: no such file"):
        read(tmp_path, tmp_path / "nowhere")


def test_a_file_that_vanishes_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a_yaml=DEPLOYMENT, b_yaml=DEPLOYMENT)
    kept = Path.open

    def vanishing(path: Path, mode: str) -> IO[Any]:
        if path.name == "b.yaml":
            path.unlink()
        return kept(path, mode)

    monkeypatch.setattr(Path, "open", vanishing)
    snapshot = read(tmp_path)
    assert [gap.subject for gap in snapshot.gaps] == ["b.yaml"]
    assert "No such file" in snapshot.gaps[0].reason


def test_an_unrendered_chart_is_named_once(tmp_path: Path) -> None:
    template = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n  {{- if x }}\n"
    files = {f"charts__shop__templates__t{number}_yaml": template for number in range(5)}
    snapshot = read(write(tmp_path, charts__shop__Chart_yaml="name: shop\n", good_yaml=DEPLOYMENT, **files))
    (gap,) = snapshot.gaps
    assert gap.subject == "charts/shop"
    assert "5 of its templates" in gap.reason
    assert "helm template NAME charts/shop |" in gap.how
    assert read(tmp_path, exclude=["charts/*"]).gaps == ()


def test_a_chart_may_be_the_folder_itself(tmp_path: Path) -> None:
    template = "kind: {{ .Values.kind }}\n"
    (gap,) = read(
        write(tmp_path, Chart_yaml="name: shop\n", templates__a_yaml=template, templates__b_yaml=template)
    ).gaps
    assert (gap.subject, "2 of its templates" in gap.reason) == (".", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resources: [web.yaml, ../base]\n", None),
        ("resources: [web.yaml, 'https://example.com/all.yaml']\n", "https://example.com/all.yaml"),
        ("bases: ['github.com/example/base?ref=v1']\n", "github.com/example/base"),
        ("components: ['git@example.com:base.git']\n", "git@example.com:base.git"),
        ("helmCharts: [{name: shop, repo: 'https://charts.example.com'}]\n", "the chart shop"),
        ("resources: [{a: 1}, 3]\nhelmCharts: shop\n", None),
    ],
)
def test_what_a_kustomization_takes_from_elsewhere_is_a_gap(tmp_path: Path, text: str, said: str | None) -> None:
    gaps = read(write(tmp_path, prod__kustomization_yaml=text, prod__web_yaml=DEPLOYMENT)).gaps
    assert [(said or "") in gap.reason for gap in gaps] == ([True] if said else [])
    assert all("kubectl kustomize prod |" in gap.how and gap.asked for gap in gaps)


@pytest.mark.parametrize(
    "text", ["apiVersion: v1\nkind: Config\nusers: []\n", '{"apiVersion": "v1", "kind": "Config"}']
)
def test_a_kubeconfig_is_nothing_to_look_at(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="it is a kubeconfig, for a live scan"):
        read(write(tmp_path, config_yaml=text))
    snapshot = read(write(tmp_path, web_yaml=DEPLOYMENT))
    assert [one.kind for one in snapshot.headers] == ["Deployment"]


def test_an_exported_object_among_manifests_is_a_gap(tmp_path: Path) -> None:
    exported = INGRESS.replace("  name: front", "  name: front\n  uid: abc-1")
    write(tmp_path, a_yaml=exported, b_json=json.dumps(pod()), c_yaml=DEPLOYMENT)
    (gap,) = read(tmp_path).gaps
    assert (gap.subject, gap.asked) == ("a.yaml:1", True)
    assert "(2 in all)" in gap.reason
    assert read(tmp_path, exclude=["c.yaml"]).gaps == ()
    assert read(tmp_path / "a.yaml", tmp_path / "c.yaml").gaps == ()
    assert read(write(tmp_path, b_json=as_list(pod())), exclude=["a.yaml"]).gaps == ()


def test_excluded_files_are_no_gaps(tmp_path: Path) -> None:
    write(tmp_path, good_yaml=DEPLOYMENT, sub__bad_yaml="a: [")
    assert read(tmp_path, exclude=["sub/bad.yaml"]).gaps == ()
    assert read(tmp_path, exclude=["bad.yaml"]).gaps == ()
    assert len(read(tmp_path, exclude=["other.yaml"]).gaps) == 1
    assert "1 left out" in read(tmp_path, exclude=["bad.yaml"]).sources[0].detail


def test_files_of_one_name_in_two_folders_are_two_and_are_named_as_they_would_be_typed(tmp_path: Path) -> None:
    for folder in ("staging", "production"):
        write(tmp_path, **{f"{folder}__web_yaml": DEPLOYMENT})
    here = tmp_path / "here"
    here.mkdir()
    staged, produced = tmp_path / "staging", tmp_path / "production"
    for paths in ((staged, produced), (staged / "web.yaml", produced / "web.yaml"), (tmp_path,)):
        collector = Collector(Wanted.by(()))
        with standing_at(here):
            FileSource([os.path.relpath(path) for path in paths])(collector)
        found = {one.origin.file for one in collector.snapshot().headers}
        assert found == {"../staging/web.yaml", "../production/web.yaml"}


@pytest.mark.parametrize("glob", ["old.yaml", "apps/old.yaml", "git/apps/*", "./git/apps/old.yaml", "old*"])
def test_what_is_left_out_may_be_told_from_here_from_the_folder_or_by_its_name(tmp_path: Path, glob: str) -> None:
    folder = write(tmp_path / "git", apps__old_yaml="a: [", web_yaml=DEPLOYMENT)
    collector = Collector(Wanted.by(()))
    with standing_at(tmp_path):
        FileSource(["git"], [glob])(collector)
    assert collector.snapshot().gaps == ()
    assert read(folder / "apps" / "old.yaml", folder / "web.yaml", exclude=["old.yaml"]).gaps == ()


def test_roots_are_what_the_paths_have_in_common(tmp_path: Path) -> None:
    for name in ("one/a.yaml", "two/b.yaml"):
        write(tmp_path, **{name.replace("/", "__").replace(".", "_"): DEPLOYMENT})
    with standing_at(tmp_path / "one"):
        for paths, roots in (
            (["."], {"": ""}),
            (["../two"], {"../two": ""}),
            ([str(tmp_path)], {str(tmp_path): ""}),
            (["a.yaml", "../two/b.yaml"], {"": "one", "../two": "two"}),
            ([str(tmp_path / "one"), str(tmp_path / "two")], {f"{tmp_path}/one": "one", f"{tmp_path}/two": "two"}),
        ):
            collector = Collector(Wanted.by(()))
            FileSource(paths)(collector)
            assert collector.snapshot().roots == roots
