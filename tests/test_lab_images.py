import hashlib
import io
import json
import tarfile
from pathlib import Path

from tools.lab.image_store import copy
from tools.lab.images import Image, write


def written(images: list[Image], scratch: Path) -> dict[str, bytes]:
    output = io.BytesIO()
    write(images, output, scratch)
    with tarfile.open(fileobj=io.BytesIO(output.getvalue())) as archive:
        return {one.name: (archive.extractfile(one) or io.BytesIO()).read() for one in archive}


def test_an_image_is_one_layer_with_its_digest_and_its_name(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"machine code")
    image = Image("registry.k8s.io/pause:3.10", {"/pause": program, "/bin/again": "../pause"}, ("/pause",), "65535")
    members = written([image], tmp_path)
    (entry,) = json.loads(members["manifest.json"])
    assert entry["RepoTags"] == ["registry.k8s.io/pause:3.10"]
    config = json.loads(members[entry["Config"]])
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert config["config"]["User"] == "65535"
    (layer,) = entry["Layers"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(members[layer]).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(members[layer])) as files:
        found = {one.name: one for one in files}
    assert found["pause"].mode & 0o111
    assert found["bin/again"].linkname == "../pause"


def test_an_image_is_the_same_on_another_day(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"machine code")
    first = written([Image("a:1", {"/a": program})], tmp_path)
    program.touch()
    assert written([Image("a:1", {"/a": program})], tmp_path) == first


def test_a_node_s_store_shares_what_never_changes_and_nothing_else(tmp_path: Path) -> None:
    store = tmp_path / "store"
    blob = store / "io.containerd.content.v1.content/blobs/sha256/abc"
    file = store / "io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/pause"
    database = store / "io.containerd.snapshotter.v1.overlayfs/metadata.db"
    for path in (blob, file, database):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    (file.parent / "link").symlink_to("pause")
    copy(store, tmp_path / "node")
    for path, shared in ((blob, True), (file, True), (database, False)):
        mine = tmp_path / "node" / path.relative_to(store)
        assert mine.read_text() == path.name
        assert mine.samefile(path) is shared
    assert (tmp_path / "node" / file.relative_to(store)).with_name("link").is_symlink()
