from functools import partial
from pathlib import Path

import pytest

from tools.kubernetes.build import BuildError, usable
from tools.kubernetes.modules import HERE, ModuleError, add, add_other


def test_without_go_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for write in (add, partial(add_other, "helm")):
        with pytest.raises(ModuleError, match=r"^Go is missing\. Install Go .*$"):
            write("1.99.0")


@pytest.mark.parametrize("version", ["", "1.37", "v1.37.2", "latest", "1.37.2/x", "../x"])
def test_a_version_that_is_none_is_refused_before_anything_is_asked(version: str) -> None:
    for write in (add, partial(add_other, "helm")):
        with pytest.raises(ModuleError, match=r"^'.*' is no version: write it in full, as in 1\.37\.2$"):
            write(version)


def test_what_go_refuses_is_said_in_one_line_and_leaves_the_module_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "go.mod").write_text("go 1.26.0\n\tgo.etcd.io/etcd/server/v3 v3.7.0\n")
    go = tmp_path / "go"
    refusal = 'printf "go: errors\\n\\tin go.mod\\n" >&2; exit 1'
    go.write_text(f'#!/bin/sh\ncase $2 in download) echo \'{{"GoMod": "{tmp_path}/go.mod"}}\';; *) {refusal};; esac\n')
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    before = (HERE / "1.37" / "go.mod").read_bytes()
    with pytest.raises(ModuleError, match=r"^go mod tidy fails for 1\.37: go: errors in go\.mod$"):
        add("1.37.99")
    assert (HERE / "1.37" / "go.mod").read_bytes() == before


def test_a_cache_that_cannot_be_used_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BuildError, match=r"^.*/file.* cannot be used: (File exists|Not a directory); KUBE.*$"):
            usable(folder)
    assert usable(tmp_path / "new" / "folder").is_dir()
