"""What the kubelet is told: its unit, its environment files, the running process, its configuration files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from kubepreflight.host import KubeletConfigFile, KubeletFlag, KubeletSettings, Missing, Unit
from kubepreflight.host.kubelet import values_of
from kubepreflight.sources.host.documents import read_mapping
from kubepreflight.sources.host.host_files import HostFiles
from kubepreflight.sources.host.running import running
from kubepreflight.sources.host.systemd import (
    CUT,
    DIRECTORIES,
    Entry,
    Word,
    command_line,
    cut_environment,
    environment_files,
    file_variables,
    service_entries,
    split_words,
)

CONFIG = "/var/lib/kubelet/config.yaml"
INSTANCE = "/var/lib/kubelet/instance-config.yaml"
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
DEFAULTS = ("/etc/default/kubelet", "/etc/sysconfig/kubelet")
UNIT = "kubelet.service"

_WHAT = "kubelet settings"
_KEY = re.compile(r"( *)[\"']?([A-Za-z][\w./-]*)[\"']?[ \t]*:(?:[ \t]|$)")


def read_kubelet(node: HostFiles, units: Mapping[str, Unit] | Missing) -> KubeletSettings:
    """All that the kubelet is told. Where no unit is known, kubeadm's own drop-in is taken for granted."""
    unit = None if isinstance(units, Missing) else units.get("kubelet")
    process = _process(node, unit)
    entries = service_entries(node, UNIT)
    granted = entries is None
    if entries is not None:
        flags, unread = _flags_of_unit(node, entries)
    elif process and not isinstance(process, Missing):
        flags, unread = Missing(f"the node has no {UNIT}: something else starts its kubelet"), ""
    else:
        flags, unread = _flags_of_kubeadm(node)
    if unread:
        node.gap("", unread, what=_WHAT)
    counting = process if isinstance(flags, Missing) and process else flags
    given = {} if isinstance(counting, Missing) else values_of(counting)
    path = given.get("config", CONFIG if granted or isinstance(counting, Missing) else "")
    return KubeletSettings(
        flags=flags,
        running=process,
        files=_config_files(node, path, given.get("config-dir", "")),
        instance=_instance(node),
        unread=unread,
    )


def _process(node: HostFiles, unit: Unit | None) -> tuple[KubeletFlag, ...] | Missing:
    process = running(node, "kubelet", unit.main_pid if unit else 0)
    if isinstance(process, Missing):
        return process
    if process is None:
        return ()
    path, words = process
    return tuple(_flags(Word(one, path, 0) for one in words[1:]))


def _flags_of_unit(node: HostFiles, entries: list[Entry]) -> tuple[tuple[KubeletFlag, ...] | Missing, str]:
    words = command_line(node, entries)
    if isinstance(words, Missing):
        return words, ""
    if not words or posixpath.basename(words[0].text) != "kubelet":
        return Missing(f"{UNIT} starts {words[0].text[:80] if words else 'nothing'!r}, not the kubelet itself"), ""
    files = environment_files(entries)
    folders = [f"{one}/{UNIT}.d" for one in DIRECTORIES]
    reasons = [_why_not(node, path) for path in files]
    if not any(path.endswith(".conf") for folder in folders for path in node.directly_in(folder)) or node.collected:
        reasons.append(_why_not(node, *folders))
    for before, word in pairwise(words):
        is_value = before.text.startswith("-") and "=" not in before.text
        if word.text == CUT and not is_value:
            reasons.append(f"{word.file}: {word.variable or 'a word'} was cut on the node")
    if cut := cut_environment(node, entries):
        reasons.append(f"{cut}: an Environment= was cut on the node: what it sets is not known")
    return tuple(_flags(words[1:])), next(filter(None, reasons), "")


def _flags_of_kubeadm(node: HostFiles) -> tuple[tuple[KubeletFlag, ...] | Missing, str]:
    if not _any_of(node, KUBEADM_FLAGS, *DEFAULTS) and (missing := node.missing(KUBEADM_FLAGS, *DEFAULTS)):
        return missing, ""
    words = []
    for path, variable in ((KUBEADM_FLAGS, "KUBELET_KUBEADM_ARGS"), *((one, "KUBELET_EXTRA_ARGS") for one in DEFAULTS)):
        found = {one.key: one for one in file_variables(node.text_of(path) or "", path)}.get(variable)
        if found is not None:
            words += [Word(one, path, found.line, variable) for one in split_words(found.value)]
    return tuple(_flags(words)), _why_not(node, KUBEADM_FLAGS) or _why_not(node, *DEFAULTS)


def _any_of(node: HostFiles, *paths: str) -> bool:
    return any(f"files{path}" in node.members for path in paths)


def _why_not(node: HostFiles, *paths: str) -> str:
    """Why none of `paths` is known, "" when one is or the node has none."""
    missing = None if _any_of(node, *paths) else node.missing(*paths)
    return "" if missing is None else f"{' or '.join(paths[:2])}: {missing.reason}"


def _flags(words: Iterable[Word]) -> Iterator[KubeletFlag]:
    """The flags among the words of a command line; a word after a flag without `=` is its value, unless a flag too."""
    flag: Word | None = None
    for word in (*words, None):
        is_flag = word is None or word.text.startswith("-")
        if flag is not None:
            name, assigned, value = flag.text.lstrip("-").partition("=")
            if not assigned and word is not None and not is_flag:
                value = word.text
            yield KubeletFlag(
                name=name.replace("_", "-"), value=value, file=flag.file, line=flag.line, variable=flag.variable
            )
        flag = word if is_flag else None


def _config_files(node: HostFiles, config: str, folder: str) -> tuple[KubeletConfigFile, ...] | Missing:
    paths = [_absolute(config)] if config else []
    if folder:
        below = _absolute(folder)
        paths += sorted((path for path in node.below(below) if path.endswith(".conf")), key=lambda it: it.split("/"))
        if missing := node.missing(below):
            node.gap(below, missing.reason, what=_WHAT)
            return missing
    files = []
    for path in paths:
        read = _config_file(node, path)
        if isinstance(read, Missing):
            return read
        files.append(read)
    return tuple(files)


def _config_file(node: HostFiles, path: str) -> KubeletConfigFile | Missing:
    document = read_mapping(node, path, what=_WHAT)
    if document is not None:
        return KubeletConfigFile(path=path, values=document, lines=key_lines(node.text_of(path) or ""))
    if f"files{path}" in node.members:
        return Missing(f"{path} cannot be read")
    return node.missing(path) or Missing(f"the node has no {path}")


def _instance(node: HostFiles) -> KubeletConfigFile | None:
    read = _config_file(node, INSTANCE)
    return None if isinstance(read, Missing) else read


def _absolute(path: str) -> str:
    # The kubelet's working directory is / under systemd.
    return posixpath.normpath(posixpath.join("/", path))


def key_lines(text: str) -> dict[str, int]:
    """The line of each key of a YAML document in block style, by its dotted path; the first of equal ones."""
    lines: dict[str, int] = {}
    opened: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _KEY.match(line)
        if match is None:
            continue
        depth = len(match[1])
        while opened and opened[-1][0] >= depth:
            opened.pop()
        if len(opened) > 20:
            break
        opened.append((depth, match[2]))
        lines.setdefault(".".join(key for _, key in opened), number)
    return lines
