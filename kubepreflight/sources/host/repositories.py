"""Package sources: apt's two formats and yum's. Read as the package manager reads them, disabled ones left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kubepreflight.host import EMBEDDED, Missing, Repository
from kubepreflight.sources.host.host_files import HostFiles

APT = ("/etc/apt/sources.list", "/etc/apt/sources.list.d")
YUM = ("/etc/yum.repos.d", "/etc/dnf/dnf.conf", "/etc/yum.conf")
_APT_NAME = re.compile(r"^[A-Za-z0-9_.-]+$")
_TRUE = {"yes", "true", "with", "on", "enable", "1"}
_FALSE = {"0", "no", "false", "off"}


def read_repositories(node: HostFiles, system: Mapping[str, str] | Missing) -> tuple[Repository, ...] | Missing:
    """Every enabled package source of the node, in the order of files and lines; `system` is its os-release."""
    found: list[Repository] = []
    for path in (APT[0], *node.directly_in(APT[1])):
        name = path.rpartition("/")[2]
        if not _APT_NAME.match(name) or (text := node.text_of(path)) is None:
            continue
        if name.endswith(".list"):
            found += _one_line_sources(node, path, text)
        elif name.endswith(".sources"):
            found += _deb822_sources(node, path, text)
    for path in node.directly_in(YUM[0]):
        if path.endswith(".repo") and (text := node.text_of(path)) is not None:
            found += _yum_sources(path, text)
    if found:
        return tuple(found)
    if not isinstance(system, Missing) and "suse" in f"{system.get('ID')} {system.get('ID_LIKE')}".split():
        return Missing("packages come by zypper there, whose sources and locks are not read")
    return node.missing(*APT, *YUM) or ()


def _one_line_sources(node: HostFiles, path: str, text: str) -> Iterator[Repository]:
    """sources.list(5): `deb [option=value …] uri suite [component …]`."""
    for number, line in enumerate(text.splitlines(), start=1):
        rest = line.partition("#")[0].strip()
        kind, *more = rest.split(None, 1) or [""]
        if kind != "deb":
            if kind not in ("", "deb-src"):
                node.gap(path, f"line {number} is no package source: {line.strip()[:80]!r}")
            continue
        options, rest = _options("".join(more))
        words = rest.split()
        if len(words) < 2:
            node.gap(path, f"line {number} has no address or no suite: {line.strip()[:80]!r}")
            continue
        yield Repository(
            family="deb",
            url=words[0],
            suite=words[1],
            components=tuple(words[2:]),
            signed_by=options.get("signed-by", ""),
            trusted=options.get("trusted", "").lower() in _TRUE,
            file=path,
            line=number,
        )


def _options(rest: str) -> tuple[dict[str, str], str]:
    if not rest.startswith("["):
        return {}, rest
    inside, _, rest = rest[1:].partition("]")
    return {name.lower(): value for name, _, value in (word.partition("=") for word in inside.split())}, rest


def _deb822_sources(node: HostFiles, path: str, text: str) -> Iterator[Repository]:
    """sources.list(5), deb822 style: paragraphs of fields, each of which may continue on indented lines."""
    for fields in paragraphs(text):
        lines = dict.fromkeys(fields, 0) | {name: line for name, (_, line) in fields.items()}
        values = {name: value for name, (value, _) in fields.items()}
        if values.get("enabled", "yes").strip().lower() in _FALSE or "deb" not in values.get("types", "").split():
            if "types" not in values:
                node.gap(path, f"line {min(lines.values())}: a paragraph without Types")
            continue
        addresses, suites = values.get("uris", "").split(), values.get("suites", "").split()
        if not addresses or not suites:
            node.gap(path, f"line {lines['types']}: a paragraph without URIs or Suites")
        signed_by = values.get("signed-by", "").strip()
        for address in addresses:
            for suite in suites:
                yield Repository(
                    family="deb",
                    url=address,
                    suite=suite,
                    components=tuple(values.get("components", "").split()),
                    signed_by=signed_by if "\n" not in signed_by else EMBEDDED,
                    trusted=values.get("trusted", "").strip().lower() in _TRUE,
                    file=path,
                    line=lines["uris"],
                )


def paragraphs(text: str) -> Iterator[dict[str, tuple[str, int]]]:
    """The paragraphs of a file in deb822's format, each as lower-case field to (value, line)."""
    fields: dict[str, tuple[list[str], int]] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield _joined(fields, "\n")
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name][0].append(line.strip())
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = ([value.strip()], number)
    if fields:
        yield _joined(fields, "\n")


def _joined(fields: dict[str, tuple[list[str], int]], between: str) -> dict[str, tuple[str, int]]:
    return {name: (between.join(parts), line) for name, (parts, line) in fields.items()}


def _yum_sources(path: str, text: str) -> Iterator[Repository]:
    """yum.conf(5), repository sections: baseurl, metalink or mirrorlist; `enabled` is true unless it is false."""
    for name, fields in ini_sections(text):
        if name == "main" or _value(fields, "enabled", "1").lower() in _FALSE:
            continue
        key = next((key for key in ("baseurl", "metalink", "mirrorlist") if key in fields), "")
        value, line = fields.get(key, ("", 0))
        excludes = f"{_value(fields, 'exclude')} {_value(fields, 'excludepkgs')}"
        for address in value.replace(",", " ").split():
            yield Repository(
                family="rpm",
                url=address,
                file=path,
                line=line,
                name=name,
                signed_by=_value(fields, "gpgkey"),
                excludes=tuple(excludes.replace(",", " ").split()),
            )


def _value(fields: dict[str, tuple[str, int]], key: str, default: str = "") -> str:
    return fields[key][0].strip() if key in fields else default


def ini_sections(text: str) -> Iterator[tuple[str, dict[str, tuple[str, int]]]]:
    """The sections of an ini file as package managers write it, as key to (value, line); values continue indented."""
    section, fields, key = "", dict[str, tuple[list[str], int]](), ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        if line[0] in " \t" and key:
            fields[key][0].append(line.strip())
        elif line.startswith("["):
            if section:
                yield section, _joined(fields, " ")
            section, fields, key = line.strip()[1:].partition("]")[0], {}, ""
        elif "=" in line:
            key, _, value = line.partition("=")
            key = key.strip().lower()
            fields[key] = ([value.strip()], number)
    if section:
        yield section, _joined(fields, " ")
