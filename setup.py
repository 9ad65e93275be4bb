"""What setup.cfg cannot say: a build decodes the documents of facts, once for all scans."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithDocuments(build_py):
    """Compiles the facts too: into what is built, or here, when that is what gets installed."""

    def run(self) -> None:
        """Builds, then compiles."""
        super().run()
        sys.path.insert(0, str(ROOT))
        from kubepreflight.knowledge.documents import COMPILED, compile_documents
        from kubepreflight.knowledge.table import DIRECTORY

        root = ROOT if self.editable_mode else Path(self.build_lib)
        compile_documents(DIRECTORY, root / COMPILED.relative_to(ROOT))


setup(cmdclass={"build_py": BuildWithDocuments})
