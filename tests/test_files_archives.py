"""Archives, links, hosts and snapshots among what is given: read like folders, and nothing hostile gets through."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import json
import os
import shlex
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kubepreflight.errors import SourceError
from kubepreflight.host import Missing
from kubepreflight.inputs import Parameter, Wanted
from kubepreflight.objects import Deployment, Desired, Origin, Pod
from kubepreflight.semantics.folders import STANDARD_INPUT
from kubepreflight.semantics.host_identity import excluding
from kubepreflight.snapshot import Collector
from kubepreflight.sources.files import FileSource
from kubepreflight.sources.host.members import host_prefixes
from kubepreflight.sources.snapshot_file import SnapshotWriter
from tests.files_read import DEPLOYMENT, INGRESS, WANTED, Kustomization, names, pod, read, tar, write


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
    with pytest.raises(SourceError, match=rf"^{STANDARD_INPUT}: it is larger than 5 MB, which is more than is read$"):
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
