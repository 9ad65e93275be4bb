"""Charts and kustomizations rendered by the tools of their own, when they are there and the user asks for it.

What is rendered may come from anybody: the tools get a home of their own without plugins, credentials or kubeconfig, no
git and no way to the network, a limit of time, of memory and of output, and no link that leads out of the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any, Final

from kubepreflight.snapshot import Collector
from kubepreflight.sources.host.processes import Ended, Runs
from kubepreflight.sources.unrendered import KUSTOMIZATION_FILES, remote_in
from kubepreflight.sources.yaml_reader import Document, read_documents
from kubepreflight.upgrade import ServerVersion
from kubepreflight.version import Version
from kubepreflight.visible import visible

SECONDS: Final = 60.0
SECONDS_IN_ALL: Final = 600.0
MEMORY: Final = 4 << 30
"""Address space: what a large chart needs, twenty times over."""
MOST_FILES: Final = 20_000
NOWHERE: Final = "http://127.0.0.1:9"
"""The discard port: as a proxy it leads nowhere."""

LARGEST_TEMPLATE: Final = 1 << 20
_TEMPLATES = (".yaml", ".yml", ".tpl", ".txt")
_ALL_NAMES = (*KUSTOMIZATION_FILES, "Kustomization")
_TAKES_FOLDERS = ("resources", "bases", "components", "generators", "transformers", "validators")
_PLUGINS = ("generators", "transformers", "validators")
_ADDRESS = re.compile(r"https?://[^\s\"']{0,200}", re.IGNORECASE)
_SCHEMA = "values.schema.json"
_TESTED = re.compile(r'APIVersions\.Has\s+\(?\s*["`]([^"`]{1,200})["`]')
_PRE_RELEASE = re.compile(r"/v\d+(?:alpha|beta)\d+$")


class RenderError(Exception):
    """Why something was not rendered, in words for a gap; `how` is what to type."""

    def __init__(self, reason: str, how: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.how = how


class Renderer:
    """Runs the tools. `kube_version` is the one for which charts are rendered ("1.37"), empty for the tool's own."""

    def __init__(self, kube_version: str = "") -> None:
        self._kube_version = kube_version
        self._helm = shutil.which("helm")
        self._kustomize = shutil.which("kustomize")
        self._kubectl = shutil.which("kubectl")
        self._spent = 0.0

    def chart(self, folder: Path) -> bytes:
        """The manifests of a chart with its own values. Raises RenderError."""
        by_hand = f"helm template NAME {quote(str(folder))} | kubepreflight scan -"
        if self._helm is None:
            raise RenderError("an unrendered Helm chart: helm, which --render needs, is not on this machine", by_hand)
        _refuse_links(folder, by_hand)
        version = ["--kube-version", self._kube_version] if self._kube_version else []
        try:
            return self._template([self._helm, "template", str(folder.resolve()), "--skip-tests", *version], folder)
        except RenderError as error:
            missing = "missing in charts/ directory" in error.reason
            values = f"helm template NAME {quote(str(folder))} -f VALUES | kubepreflight scan -"
            how = f"helm dependency build {quote(str(folder))}, then scan again" if missing else values
            raise RenderError(f"helm template fails: {error.reason}", how) from error

    def kustomization(self, folder: Path) -> bytes:
        """The manifests of a kustomization. Raises RenderError."""
        by_hand = f"kubectl kustomize {quote(str(folder))} | kubepreflight scan -"
        command = [self._kustomize, "build"] if self._kustomize else [self._kubectl or "", "kustomize"]
        if not command[0]:
            raise RenderError("neither kustomize nor kubectl, which --render needs, is on this machine", by_hand)
        _refuse_links(folder, by_hand)
        if remote := next(_remote(folder), ""):
            reason = f"it takes in what --render does not fetch from the network: {visible(remote)[:200]}"
            raise RenderError(reason, by_hand)
        try:
            return self._run([*command, str(folder.resolve())])
        except RenderError as error:
            raise RenderError(f"it cannot be rendered: {error.reason}", by_hand) from error

    def _template(self, command: Sequence[str], folder: Path) -> bytes:
        """Without the schema of the values: helm fetches what that refers to, from the network and from this machine.

        A helm before 3.16 does not let it be left out.
        """
        try:
            return self._run([*command, "--skip-schema-validation"])
        except RenderError as error:
            if "unknown flag" not in error.reason:
                raise
        if any(path.name == _SCHEMA or path.suffix == ".tgz" for path in _files(folder)):
            raise RenderError("this helm would follow what the schema of its values refers to; 3.16 need not", "")
        return self._run(command)

    def _run(self, command: Sequence[str]) -> bytes:
        left = SECONDS_IN_ALL - self._spent
        if left <= 0:
            raise RenderError(f"those before it took {SECONDS_IN_ALL:g} s, which is as long as is waited for all", "")
        begun = time.monotonic()
        try:
            return _run(command, min(SECONDS, left))
        finally:
            self._spent += time.monotonic() - begun


def renderer_for(target: Version | None) -> Callable[[Collector], Renderer]:
    """Makes a renderer for the target of the plan: the version after the one of the server when none is given."""

    def make(collector: Collector) -> Renderer:
        server = collector.given.get(ServerVersion)
        version = target.minor_version if target else server.version.minor_version.plus(1) if server else ""
        return Renderer(str(version))

    return make


def tested_versions(folder: Path) -> frozenset[str]:
    """The beta and alpha versions of which a chart asks whether the server has them."""
    found: set[str] = set()
    for path in _files(folder):
        if path.suffix in _TEMPLATES and "templates" in path.parts and path.stat().st_size < LARGEST_TEMPLATE:
            text = path.read_text(encoding="utf-8", errors="replace")
            found.update("/".join(one.split("/")[:2]) for one in _TESTED.findall(text))
    return frozenset(one for one in found if _PRE_RELEASE.search(one))


def _run(command: Sequence[str], seconds: float) -> bytes:
    with tempfile.TemporaryDirectory(prefix="kubepreflight-") as home:
        try:
            ended: Ended = Runs(seconds, _environment(home), MEMORY).run(command, "")
        except OSError as error:  # a TimeoutError, too
            raise RenderError(str(error.strerror or error), "") from error
    if ended.status:
        lines = [line for line in ended.complaint.splitlines() if line.strip()] or [f"it ended with {ended.status}"]
        told = next((line for line in lines if line.lower().startswith("error")), lines[-1])
        raise RenderError(visible(told.removeprefix("Error: "))[:300], "")
    return ended.output


def _environment(home: str) -> dict[str, str]:
    """Nothing of the user's; with a PATH on which there is no git to clone with."""
    helm = {f"HELM_{name}": f"{home}/helm" for name in ("CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "PLUGINS")}
    proxies = {name: NOWHERE for one in ("http_proxy", "https_proxy") for name in (one, one.upper())}
    return {"HOME": home, "TMPDIR": home, "PATH": home, "KUBECONFIG": os.devnull, "LC_ALL": "C", **helm, **proxies}


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All that is in a folder and in those within it, without following links."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                yield entry


def _files(folder: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in islice(_entries(folder), MOST_FILES) if entry.is_file())


def _refuse_links(folder: Path, how: str) -> None:
    """The tools follow links: what lies elsewhere on this machine would be rendered into the manifests."""
    root = folder.resolve()
    for seen, entry in enumerate(_entries(folder), 1):
        if seen > MOST_FILES:
            raise RenderError(f"it has more than {MOST_FILES} files", how)
        if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(root):
            raise RenderError(f"a link in it leads out of its folder: {visible(entry.name)}", how)


def _remote(folder: Path) -> Iterator[str]:
    """What a kustomization, or one that it takes in, would have to fetch; its plug-ins' configurations, too."""
    waiting, seen = [(folder.resolve(), False)], set()
    while waiting:
        here, plugs_in = waiting.pop()
        if (here, plugs_in) in seen:
            continue
        seen.add((here, plugs_in))
        for value in _kustomizations_in(here):
            yield from remote_in(value)
            for key in _TAKES_FOLDERS:
                for text in _texts(value.get(key)):
                    of_plugin = plugs_in or key in _PLUGINS
                    if "\n" not in text and (here / text).is_dir():
                        waiting.append(((here / text).resolve(), of_plugin))
                    elif of_plugin and (address := _ADDRESS.search(_configuration(here, text))):
                        yield address[0]


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str) and "\0" not in one] if isinstance(value, list) else []


def _configuration(folder: Path, text: str) -> str:
    """What a plug-in is told: it stands in the kustomization itself, or in a file."""
    if "\n" in text or not (folder / text).is_file():
        return text
    return (folder / text).read_bytes()[:LARGEST_TEMPLATE].decode(errors="replace")


def _kustomizations_in(folder: Path) -> Iterator[dict[str, Any]]:
    for name in _ALL_NAMES:
        if (folder / name).is_file():
            for one in read_documents((folder / name).read_bytes()):
                if not isinstance(one, Document) or not isinstance(one.value, dict):
                    raise RenderError(f"{name} cannot be read", f"kubectl kustomize {quote(str(folder))}")
                yield one.value
