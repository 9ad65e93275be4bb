from pathlib import Path

import pytest

from tools.kubernetes.modules import ModuleError, add, add_coredns


def test_without_go_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for write in (add, add_coredns):
        with pytest.raises(ModuleError, match=r"^Go is missing\. Install Go .*$"):
            write("1.99.0")
