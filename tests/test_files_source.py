"""Files, folders and archives: what is read, what is refused, and that nothing broken is lost in silence."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import os
import re
import shlex
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kubepreflight.errors import SourceError
from kubepreflight.host import Missing
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Api, Deployment, Desired, KubernetesObject, Metadata, Node, Origin, Planned, Pod
from kubepreflight.semantics.host_identity import excluding
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.sources.files import FileSource
from kubepreflight.sources.host.members import host_prefixes
from kubepreflight.sources.snapshot_file import SnapshotWriter

WANTED = Wanted.by(
    (
        Parameter("pods", list, Pod, False),
        Parameter("nodes", list, Node, False),
        Parameter("deployments", Planned, Deployment, False),
    )
)
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
INGRESS = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: front\n  namespace: shop\n"


def read(*paths: Path | str, exclude: Iterable[str] = ()) -> Snapshot:
    collector = Collector(WANTED)
    FileSource([str(path) for path in paths], tuple(exclude))(collector)
    return collector.snapshot()


def pod(name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": name, **metadata}}


def write(folder: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def names(snapshot: Snapshot, kind: type = Pod) -> list[str]:
    return [one.name for one in snapshot.observed[kind]]


def test_manifests_keep_their_file_and_line(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path, a_yaml=f"# a comment\n---\n{DEPLOYMENT}---\n{INGRESS}"))
    (deployment,) = snapshot.desired[Deployment]
    assert (deployment.subject.file, deployment.subject.line) == ("a.yaml", 3)
    assert [(one.kind, one.name, one.origin.line) for one in snapshot.headers] == [
        ("Deployment", "web", 3),
        ("Ingress", "front", 7),
    ]


class Kustomization(KubernetesObject):
    api = Api("kustomize.config.k8s.io", "Kustomization", "kustomizations")
    metadata: Metadata = Metadata()
    resources: list[str] | None = None


def test_a_kustomization_needs_neither_version_nor_kind(tmp_path: Path) -> None:
    collector = Collector(Wanted.by((Parameter("kustomizations", Desired, Kustomization, False),)))
    text = "resources: [web.yaml]\n"
    FileSource([str(write(tmp_path, apps__kustomization_yaml=text, apps__values_yaml=text))])(collector)
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
    assert f"helm template NAME {tmp_path}/" in gap.how
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
    assert all(f"kubectl kustomize {tmp_path}/prod |" in gap.how and gap.asked for gap in gaps)


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


def tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload] # the mode is a plain string here
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_archives_are_read_like_folders(tmp_path: Path) -> None:
    members = {"bundle/pods.json": json.dumps(pod()).encode(), "bundle/apps/web.yaml": DEPLOYMENT.encode()}
    tar(tmp_path / "b.tar.gz", members)
    tar(tmp_path / "b.tar", members, "w")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    for name in ("b.tar.gz", "b.tar", "b.zip"):
        snapshot = read(tmp_path / name)
        assert names(snapshot) == ["a"]
        assert snapshot.desired[Deployment][0].origin.file == f"{name}!bundle/apps/web.yaml"
    (tmp_path / "p.json.gz").write_bytes(gzip.compress(json.dumps(pod()).encode()))
    assert names(read(tmp_path / "p.json.gz")) == ["a"]


OVERLAY = "resources:\n- ../../base\n- web.yaml\n"


def test_what_a_kustomization_takes_from_a_folder_that_was_not_given_is_a_gap(tmp_path: Path) -> None:
    write(tmp_path, base__kustomization_yaml="resources: [db.yaml]\n", base__db_yaml=DEPLOYMENT)
    write(tmp_path / "overlays", prod__kustomization_yaml=OVERLAY, prod__web_yaml=DEPLOYMENT)
    prod, base = tmp_path / "overlays" / "prod", tmp_path / "base"
    for paths in ((tmp_path,), (prod, base), (base, tmp_path / "overlays")):
        assert read(*paths).gaps == ()
    for some, taken in (
        ((prod,), "../../base"),
        ((tmp_path / "overlays",), "../../base"),
        ((prod / "kustomization.yaml", base), "web.yaml"),
    ):
        (gap,) = read(*some).gaps
        assert (gap.reason, gap.asked) == (f"it takes in what was not read: {taken}", True)


def test_nor_does_one_in_an_archive_reach_beyond_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"overlays/prod/kustomization.yaml": OVERLAY.encode(), "overlays/prod/web.yaml": DEPLOYMENT.encode()}
    assert read(tar(tmp_path / "repo.tar.gz", {**members, "base/db.yaml": DEPLOYMENT.encode()})).gaps == ()
    upper = {name.removeprefix("overlays/"): data for name, data in members.items()}
    (gap,) = read(tar(tmp_path / "prod.tar.gz", upper)).gaps
    assert "what was not read: ../../base" in gap.reason
    text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" + OVERLAY
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    collector = Collector(Wanted.by((Parameter("kustomizations", Desired, Kustomization, False),)))
    FileSource(["-"])(collector)
    (gap,) = collector.snapshot().gaps
    assert "what was not read: ../../base and web.yaml" in gap.reason


def test_hostile_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind, target in (
            ("../outside.yaml", tarfile.REGTYPE, ""),
            ("/etc/passwd.yaml", tarfile.REGTYPE, ""),
            ("link.yaml", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.yaml", tarfile.LNKTYPE, "good.yaml"),
            ("pipe.yaml", tarfile.FIFOTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member, io.BytesIO())
        good = tarfile.TarInfo("good.yaml")
        good.size = len(DEPLOYMENT)
        archive.addfile(good, io.BytesIO(DEPLOYMENT.encode()))
    snapshot = read(path)
    assert len(snapshot.desired[Deployment]) == 1
    assert len(snapshot.gaps) == 5
    assert all(gap.asked for gap in snapshot.gaps)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = tar(tmp_path / "bomb.tar.gz", {"good.yaml": DEPLOYMENT.encode(), "zeros.yaml": bytes(70 << 20)})
    assert any("grows too much" in gap.reason for gap in read(bomb).gaps)


def test_a_cut_off_archive_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar.gz", {"a.yaml": DEPLOYMENT.encode(), "b.yaml": os.urandom(200_000)}).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    snapshot = read(tmp_path / "a.tar.gz")
    assert len(snapshot.desired[Deployment]) == 1
    assert any("damaged or cut off" in gap.reason for gap in snapshot.gaps)


def snapshot_of(*pods: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    with SnapshotWriter() as writer:
        collector = Collector(WANTED, writer)
        for one in pods:
            collector.add_value(one, Origin(), desired=False)
        collector.mark_listed("", "Node")
        writer.write(collector.snapshot(), stream)
    return stream.getvalue()


def archives() -> list[bytes]:
    """One of each kind, small."""
    found = [gzip.compress(DEPLOYMENT.encode())]
    for mode in ("w", "w:gz"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            member = tarfile.TarInfo("web.yaml")
            member.size = len(DEPLOYMENT)
            archive.addfile(member, io.BytesIO(DEPLOYMENT.encode()))
        found.append(stream.getvalue())
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as zipped:
            zipped.writestr("web.yaml", DEPLOYMENT)
        found.append(stream.getvalue())
    return [*found, snapshot_of(pod())]


@example(b"\x1f\x8b\x08\x08" + bytes(6), [], 0)
@example(archives()[6], [(position, 255) for position in range(50, 90)], 0)
@given(
    st.sampled_from(archives()), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4), st.integers(0)
)
def test_a_damaged_archive_never_ends_the_scan(archive: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(archive)
    for position, value in changes:
        damaged[4 + position % (len(damaged) - 4)] = value
    collector = Collector(WANTED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(damaged[: len(damaged) - cut % 50])
        with contextlib.suppress(SourceError):
            FileSource([str(path)])(collector)


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", secret_yaml=DEPLOYMENT)
    folder = write(tmp_path / "inside", a_yaml=DEPLOYMENT)
    (folder / "link.yaml").symlink_to(outside / "secret.yaml")
    (folder / "inner.yaml").symlink_to(folder / "a.yaml")
    snapshot = read(folder)
    assert len(snapshot.desired[Deployment]) == 2
    assert [gap.subject for gap in snapshot.gaps] == ["link.yaml"]


def test_nor_are_links_to_folders_and_links_in_a_circle_are_gaps(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", web_yaml=DEPLOYMENT)
    folder = write(tmp_path / "inside", base__a_yaml=DEPLOYMENT)
    (folder / "prod").symlink_to(outside, target_is_directory=True)
    (folder / "test").symlink_to("base", target_is_directory=True)
    (folder / "circle.yaml").symlink_to("circle.yaml")
    snapshot = read(folder)
    assert len(snapshot.desired[Deployment]) == 1
    assert [gap.subject for gap in snapshot.gaps] == ["prod", "circle.yaml"]
    assert read(folder, exclude=["prod", "circle*"]).gaps == ()


@pytest.fixture
def too_deep(tmp_path: Path) -> Iterator[Path]:
    """A folder whose innermost folder has a longer path than the system takes."""
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield tmp_path
    upper, lower = tmp_path / "upper", tmp_path / "deep"
    while lower.exists():
        lower.rename(upper)
        if (upper / "deep").exists():
            (upper / "deep").rename(lower)
        upper.rmdir()


def test_folders_deeper_than_any_path_may_be_are_a_gap(too_deep: Path) -> None:
    snapshot = read(write(too_deep, a_yaml=DEPLOYMENT))
    assert len(snapshot.desired[Deployment]) == 1
    assert ["too long" in gap.reason for gap in snapshot.gaps] == [True]


@pytest.mark.parametrize(("owner", "look", "wanted"), [(os.path, "realpath", "link.yaml"), (Path, "is_file", "a.yaml")])
def test_what_may_not_even_be_looked_at_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, look: str, wanted: str
) -> None:
    write(tmp_path, a_yaml=DEPLOYMENT, b_yaml=DEPLOYMENT, c_yaml=DEPLOYMENT)
    (tmp_path / "link.yaml").symlink_to("b.yaml")
    kept = getattr(owner, look)

    def refusing(path: Path, **options: Any) -> Any:
        if path.name == wanted:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return kept(path, **options)

    monkeypatch.setattr(owner, look, refusing)
    snapshot = read(tmp_path)
    assert len(snapshot.desired[Deployment]) == 3
    assert [(gap.subject, "Permission denied" in gap.reason) for gap in snapshot.gaps] == [(wanted, True)]


@pytest.mark.parametrize(
    ("names", "prefixes"),
    [
        (["host.json", "files/etc/x"], {""}),
        (["hosts/cp1/host.json", "hosts/cp1/commands/date/stdout"], {"hosts/cp1/"}),
        (["n/cp2/files/etc/kubernetes/admin.conf", "a.yaml"], {"n/cp2/"}),
        (["files/w1/files/var/lib/kubelet/config.yaml"], {"files/w1/"}),
        (["profiles/etc/kubernetes/x.yaml", "my-files/etc/kubernetes/a.yaml"], set()),
        (["roles/common/files/etc/motd", "files/etc/apt/sources.list"], set()),
        (["host.json", "function.json"], set()),
    ],
)
def test_hosts_are_found_wherever_they_lie(names: list[str], prefixes: set[str]) -> None:
    assert set(host_prefixes(names)) == prefixes


def test_what_lies_beside_a_hosts_files_is_read_for_itself(tmp_path: Path) -> None:
    host = {"files__etc__kubernetes__admin.conf": "", "files__etc__kubernetes__manifests__a_yaml": DEPLOYMENT}
    snapshot = read(write(tmp_path, **host, apps__web_yaml=DEPLOYMENT))
    assert len(snapshot.hosts) == 1
    assert [one.origin.file for one in snapshot.desired[Deployment]] == ["apps/web.yaml"]


@pytest.mark.parametrize("unpacked", [True, False])
def test_what_a_host_archive_is_called_leaves_it_out(tmp_path: Path, unpacked: bool) -> None:
    members = {"host.json": json.dumps({"format": "kubepreflight.host/v1", "name": "w1"}), "commands/date/stdout": ""}
    for name in ("w1", "w2"):
        if unpacked:
            write(tmp_path / "hosts" / name, **{path.replace("/", "__"): text for path, text in members.items()})
        else:
            (tmp_path / "hosts").mkdir(exist_ok=True)
            tar(tmp_path / f"hosts/{name}.tar", {path: text.encode() for path, text in members.items()}, "w")
    both = read(tmp_path / "hosts").hosts
    assert len(both) == 2
    option, glob = shlex.split(excluding(both[0]))
    assert option == "--exclude"
    assert read(tmp_path / "hosts", exclude=[glob]).hosts == both[1:]


def test_a_snapshot_is_one_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = snapshot_of(pod())
    write(tmp_path, **{"last-week.tar.gz": data})
    tar(tmp_path / "backup.tar", {"weekly/last-week.tar.gz": data}, "w")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    for where in (tmp_path / "last-week.tar.gz", tmp_path, tmp_path / "backup.tar", "-"):
        snapshot = read(where)
        assert set(names(snapshot)) == {"a"}, where
        assert ("", "Node") in snapshot.listed
        assert snapshot.gaps == ()


def test_a_snapshot_that_was_unpacked_or_is_of_another_format_is_a_gap(tmp_path: Path) -> None:
    data = snapshot_of(pod())
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert "name the tar.gz" in read(tmp_path / "unpacked").gaps[0].how
    tar(tmp_path / "folder.tar.gz", {"snapshot.json": b'{"format": "kubepreflight.snapshot/v9"}'})
    assert read(write(tmp_path, pod_json=json.dumps(pod())), exclude=["unpacked/*"]).gaps[0].asked


class Endless(io.RawIOBase):
    """As /dev/zero is."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def test_what_does_not_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubepreflight.sources.tree.LARGEST_TOTAL", 5 << 20)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    with pytest.raises(SourceError, match=r"^standard input: it is larger than 5 MB, which is more than is read$"):
        read("-")
    (tmp_path / "large.yaml").write_bytes(DEPLOYMENT.encode() + b"#" * (5 << 20))
    with pytest.raises(SourceError, match=r"large\.yaml: it is larger than 5 MB"):
        read(tmp_path / "large.yaml")
    (tmp_path / "small.yaml").write_text(DEPLOYMENT)
    (gap,) = read(tmp_path).gaps
    assert (gap.subject, "it is larger than 5 MB" in gap.reason) == ("large.yaml", True)


def test_nothing_of_a_pipe_is_lost(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = DEPLOYMENT + "# padding\n" * 2000 + "---\n" + INGRESS
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    snapshot = read(pipe)
    writer.join()
    assert [one.kind for one in snapshot.headers] == ["Deployment", "Ingress"]


def test_a_name_of_ten_thousand_characters(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path, a_json=json.dumps(pod("x" * 10_000))))
    assert names(snapshot) == ["x" * 10_000]


def test_a_host_archive_that_is_cut_off_has_unknowns_where_nothing_came(tmp_path: Path) -> None:
    head = json.dumps({"format": "kubepreflight.host/v1", "name": "cp3", "complete": True}).encode()
    uname = {f"commands/uname/{name}": data for name, data in (("stdout", b"Linux"), ("status", b"0"))}
    members = {"host.json": head, **uname, "files/etc/os-release": b"ID=debian\n", "files/etc/x": os.urandom(100_000)}
    whole = tar(tmp_path / "cp3.tar.gz", members).read_bytes()
    (tmp_path / "cp3.tar.gz").write_bytes(whole[: len(whole) // 2])
    (host,) = read(tmp_path / "cp3.tar.gz").hosts
    assert (host.name, host.complete) == ("cp3", False)
    unknown = (host.certificates, host.kubeconfigs, host.repositories, host.static_pods, host.packages)
    assert all(isinstance(one, Missing) for one in unknown)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_the_api_server_makes_up_has_no_uid_and_is_no_manifest(tmp_path: Path, form: str) -> None:
    status = {"apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": "etcd-0", "creationTimestamp": None}}
    usage = {"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": {"name": "a"}}
    items = [pod(), status, usage]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    if form == "yaml":
        text = "\n---\n".join(json.dumps(item, indent=1) for item in items)
    (tmp_path / f"dump.{form}").write_text(text)
    snapshot = read(tmp_path)
    assert not snapshot.manifests_given
    assert snapshot.headers == ()
    assert [one.name for one in snapshot.observed[Pod]] == ["a"]
