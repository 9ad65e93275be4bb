"""What the collector takes of the kubelet: the files that its unit and its flags name, and its process."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubepreflight.host import Missing
from kubepreflight.sources.host.archive import read_host
from kubepreflight.sources.host.systemd import file_variables, split_words
from tests.collecting import files, lines, members, run
from tests.fake_node import write_node


def test_all_that_the_kubelet_is_told_is_taken(tmp_path: Path) -> None:
    write_node(tmp_path)
    kubelet = read_host(members(run(tmp_path).stdout), "node.tar", "node").kubelet
    drop_in, more = "/etc/systemd/system/kubelet.service.d/20-more.conf", "/etc/kubelet/more.env"
    assert not isinstance(kubelet.flags, Missing)
    places = {one.name: (one.file, one.line, one.variable) for one in kubelet.flags}
    assert places["config"] == (drop_in, 3, "")
    assert places["max-pods"] == (more, 1, "KUBE_MORE")
    assert kubelet.unread == f"{more}: OTHER was cut on the node"
    assert kubelet.config == {
        "kind": "KubeletConfiguration",
        "staticPodPath": "/srv/pods/",
        "staticPodURLHeader": "(cut)",
        "maxPods": 60,
    }
    assert not isinstance(kubelet.running, Missing)
    assert {one.name: one.value for one in kubelet.running} == {
        "v": "4",
        "api-password": "(cut)",
        "authorization-mode": "Webhook",
        "manifest-url": "http://(cut)@h/",
        "bootstrap-token": "(cut)",
    }


def test_what_a_link_to_nowhere_masks_stays_masked(tmp_path: Path) -> None:
    vendor, own = (tmp_path / f"{one}/systemd/system/kubelet.service.d" for one in ("usr/lib", "etc"))
    for folder in (vendor, own):
        folder.mkdir(parents=True)
    (vendor.parent / "kubelet.service").write_text("[Service]\nExecStart=/usr/bin/kubelet --a=1\n")
    (vendor / "10.conf").write_text("[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --a=2\n")
    assert read_host(members(run(tmp_path).stdout), "", "").kubelet.given == {"a": "2"}
    (own / "10.conf").symlink_to("/dev/null")
    assert read_host(members(run(tmp_path).stdout), "", "").kubelet.given == {"a": "1"}


def with_settings(root: Path, text: str) -> dict[str, bytes]:
    """What comes of a node with this /etc/default/kubelet."""
    path = root / "etc/default/kubelet"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return members(run(root).stdout)


def words(text: str) -> list[tuple[str, list[str]]]:
    return [(one.key, split_words(one.value)) for one in file_variables(text, "")]


@pytest.mark.parametrize(
    "text",
    [
        "KUBELET_EXTRA_ARGS=--v=2 \\\n  --max-pods=60\n",
        "KUBELET_EXTRA_ARGS=--v=2\\\n3\nKUBELET_MORE=--max-pods=60\n",
        'KUBELET_EXTRA_ARGS="--v=2 \\\n--max-pods=60"\n',
        'KUBELET_EXTRA_ARGS=--node-labels="role=worker" \\\n  --max-pods=60\n',
        "KUBELET_EXTRA_ARGS=\\\n  --max-pods=60\n",
        'KUBELET_EXTRA_ARGS="--node-labels=\\"a\\" \\\n --max-pods=60"\n',
        "KUBELET_EXTRA_ARGS='--v=2' '--max-pods=60'\n",
    ],
)
def test_a_setting_that_goes_on_reads_as_it_does_on_the_node(text: str, tmp_path: Path) -> None:
    cut = files(with_settings(tmp_path, text))["files/etc/default/kubelet"].decode()
    assert words(cut) == words(text)


@pytest.mark.parametrize(
    "text",
    [
        "KUBELET_EXTRA_ARGS='--v=2' \\\n  --max-pods=60\n",
        'KUBELET_EXTRA_ARGS="--node-labels=\\"a\\"" \\\n  --max-pods=60\n',
        'KUBELET_EXTRA_ARGS=\\\n"--v=2 --max-pods=60"\n',
        "KUBELET_EXTRA_ARGS='--v=2 \\\n--max-pods=60'\n",
        'KUBELET_EXTRA_ARGS="--v=2\n--max-pods=60"\n',
        'OTHER="a\nKUBELET_EXTRA_ARGS=--max-pods=60"\n',
        "KUBELET_EXTRA_ARGS='--v=2' '--max-pods=60\n",
        "# more \\\nKUBELET_EXTRA_ARGS=--max-pods=60\n",
        "KUBELET_EXTRA_ARGS='--v=2' \\\n  --max-pods=60",
    ],
)
def test_what_would_read_otherwise_stays_on_the_node(text: str, tmp_path: Path) -> None:
    archive = with_settings(tmp_path, text)
    assert "files/etc/default/kubelet" not in archive
    (said,) = lines(archive, "unreadable.txt")
    assert said.startswith("/etc/default/kubelet\tleft on the node")


def test_what_of_an_environment_file_is_not_the_kubelets_does_not_keep_it_there(tmp_path: Path) -> None:
    text = "# it's a comment \\\n\nOTHER='a' \\\n  b\n# more \\\n# still\nKUBELET_EXTRA_ARGS=--max-pods=60\n"
    cut = files(with_settings(tmp_path, text))["files/etc/default/kubelet"].decode()
    *_, found = file_variables(cut, "")
    assert (found.key, found.value, found.line) == ("KUBELET_EXTRA_ARGS", "--max-pods=60", 7)
