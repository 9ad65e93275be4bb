"""Units of systemd, their drop-ins and environment files, read as systemd reads them.

Sources: systemd.unit(5), systemd.service(5) "Command lines", systemd.exec(5) "Environment", systemd.syntax(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from kubepreflight.host import Missing, Unit
from kubepreflight.sources.host.host_files import HostFiles

DIRECTORIES = (
    *("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system"),
    *("/usr/lib/systemd/system", "/lib/systemd/system"),
)
"""Where units lie; the first one counts."""

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}")
_USED = re.compile(r"\$\{?(\w+)")
_NAME = re.compile(r"[ \t\r]*([A-Za-z_]\w*)[ \t]*=[ \t]*")
_QUOTED = {"'": re.compile(r"[^']*"), '"': re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)}
_IN_QUOTES = re.compile(r"\\(?:\n|([\"\\$`]))")

CUT = "(cut)"
"""What stands for a word that the collector kept on the node."""

LONGEST = 2 << 20
"""Characters of a command line: Linux starts no program with more (execve(2), ARG_MAX)."""


class Entry(msgspec.Struct, frozen=True):
    """One setting of a unit, with the file and the line where it begins."""

    key: str
    value: str
    file: str
    line: int


class Word(msgspec.Struct, frozen=True):
    """One word of a command line, and where it is written; `variable` when that is in a variable."""

    text: str
    file: str
    line: int
    variable: str = ""


def service_entries(node: HostFiles, name: str) -> list[Entry] | None:
    """The [Service] settings of a unit and its drop-ins, in systemd's order; None when there is no such unit."""
    unit = next((path for path in (f"{one}/{name}" for one in DIRECTORIES) if f"files{path}" in node.members), None)
    if unit is None:
        return None
    drop_ins: dict[str, str] = {}
    for directory in reversed(DIRECTORIES):
        drop_ins |= {path.rpartition("/")[2]: path for path in node.directly_in(f"{directory}/{name}.d")}
    paths = [unit, *(drop_ins[one] for one in sorted(drop_ins) if one.endswith(".conf"))]
    return [entry for path in paths for entry in _entries(node.text_of(path) or "", path)]


def _entries(text: str, path: str) -> Iterator[Entry]:
    section = ""
    for number, line in logical_lines(text):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line:
            key, _, value = line.partition("=")
            yield Entry(key.strip(), value.strip(), path, number)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a unit that say something, joined where one is continued, each with the number of its first."""
    held, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith(("#", ";")) or not (stripped or held):
            continue
        begun = begun or number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield begun, (held + line).strip()
        held, begun = "", 0
    if held:
        yield begun, held.strip()


def command_line(node: HostFiles, entries: list[Entry]) -> list[Word] | Missing:
    """The words with which the service is started, variables put in; a Missing when that cannot be told."""
    start: Entry | None = None
    for entry in entries:
        if entry.key == "ExecStart":
            start = entry if entry.value else None
    if start is None:
        return Missing("the unit starts nothing")
    words = split_words(start.value.lstrip("@-:+!|"), unescape=True)
    variables = environment(node, entries)
    if sum(len(variables[name].value) for word in words for name in _USED.findall(word) if name in variables) > LONGEST:
        return Missing("its command line is longer than the system takes")
    return [one for word in words for one in _expanded(word.replace("%%", "%"), start, variables)]


def _expanded(word: str, start: Entry, variables: Mapping[str, Entry]) -> list[Word]:
    """A word with its variables put in: `$NAME` alone becomes as many words as its value has."""
    if (alone := re.fullmatch(r"\$(\w+)", word)) is not None:
        entry = variables.get(alone[1])
        if entry is None:
            return []
        return [Word(one, entry.file, entry.line, entry.key) for one in split_words(entry.value)]
    used = [variables[name] for name in _VARIABLE.findall(word) if name in variables]
    text = _VARIABLE.sub(lambda it: variables[it[1]].value if it[1] in variables else "$" * (it[0] == "$$"), word)
    if len(used) == 1 and word == f"${{{used[0].key}}}":
        return [Word(text, used[0].file, used[0].line, used[0].key)]
    return [Word(text, start.file, start.line)]


def environment(node: HostFiles, entries: list[Entry]) -> dict[str, Entry]:
    """Each variable that the service gets, as an Entry whose key is its name: files win over `Environment=`."""
    variables: dict[str, Entry] = {}
    for entry in entries:
        if entry.key == "Environment":
            if not entry.value:
                variables = {}
            for word in split_words(entry.value, unescape=True):
                name, assigned, value = word.partition("=")
                if assigned:
                    variables[name] = Entry(name, value.replace("%%", "%"), entry.file, entry.line)
    for path in environment_files(entries):
        variables |= {one.key: one for one in file_variables(node.text_of(path) or "", path)}
    return variables


def cut_environment(node: HostFiles, entries: list[Entry]) -> str:
    """The file of an `Environment=` that the collector cut, where a variable in use may be set; else ""."""
    cut, since, command = "", set[str](), ""
    for entry in entries:
        words = split_words(entry.value, unescape=True) if entry.key == "Environment" else []
        if CUT in words or (entry.key == "Environment" and not words):
            cut, since = (entry.file if words else ""), set()
        since.update(word.partition("=")[0] for word in words)
        command = entry.value if entry.key == "ExecStart" else command
    for path in environment_files(entries):
        since.update(one.key for one in file_variables(node.text_of(path) or "", path))
    return cut if set(_USED.findall(command)) - since else ""


def environment_files(entries: list[Entry]) -> list[str]:
    """The files of `EnvironmentFile=`, in their order."""
    files: list[str] = []
    for entry in entries:
        if entry.key == "EnvironmentFile":
            files = [*files, entry.value.lstrip("-").strip("\"'")] if entry.value else []
    return files


def file_variables(text: str, path: str) -> Iterator[Entry]:
    """The variables of an environment file. Quotes around a whole value go; those within it are for who splits it."""
    position, line, counted = 0, 1, 0
    while position < len(text):
        match = _NAME.match(text, position)
        if match is None:
            end = text.find("\n", position)
            position = len(text) if end < 0 else end + 1
            continue
        line, counted = line + text.count("\n", counted, match.start(1)), match.start(1)
        value, position = _value(text, match.end())
        yield Entry(match[1], value, path, line)


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins at `position`, and where it ends: at the end of the line, unless quoted or continued."""
    value, bare = "", False
    while position < len(text) and text[position] != "\n":
        one = text[position]
        if not bare and one in "\"'":
            inner = _QUOTED[one].match(text, position + 1)
            quoted = inner[0] if inner else ""
            value += quoted if one == "'" else _IN_QUOTES.sub(lambda it: it[1] or "", quoted)
            position += len(quoted) + 2
        elif one == "\\":
            value += text[position + 1 : position + 2].strip("\n")
            position, bare = position + 2, True
        else:
            bare |= not one.isspace()
            value += one if bare else ""
            position += 1
    return value.rstrip() if bare else value, position + 1


def split_words(text: str, *, unescape: bool = False) -> list[str]:
    """Words at white space; quotes of both kinds hold them together, one that does not end up to the end.

    `unescape` reads C's escapes as in a unit; else, as in the value of a variable, a backslash only goes away.
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    characters = iter(text)
    for one in characters:
        if one == "\\":
            escaped = next(characters, "")
            word = (word or "") + (_ESCAPES.get(escaped, escaped) if unescape else escaped)
        elif quote:
            word, quote = (word, "") if one == quote else ((word or "") + one, quote)
        elif one in "\"'":
            word, quote = word or "", one
        elif one.isspace():
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + one
    if word is not None:
        words.append(word)
    return words


def read_units(node: HostFiles) -> Mapping[str, Unit] | Missing:
    """What `systemctl show` said of each service, by name without `.service`."""
    command = node.command("systemctl-show")
    if command is None:
        return node.missing("commands/systemctl-show") or Missing("not collected")
    if not command.installed:
        return Missing("the node has no systemctl")
    if command.status and not command.stdout:
        return Missing(command.failure)
    blocks = (dict(line.partition("=")[::2] for line in one.splitlines()) for one in command.stdout.split("\n\n"))
    return {unit.name: unit for one in blocks if (unit := _unit(one)).name}


def _unit(shown: Mapping[str, str]) -> Unit:
    pid = shown.get("MainPID", "")
    return Unit(
        name=shown.get("Id", "").removesuffix(".service"),
        loaded=shown.get("LoadState", ""),
        enabled=shown.get("UnitFileState", ""),
        active=shown.get("ActiveState", ""),
        main_pid=int(pid) if re.fullmatch(r"[0-9]{1,9}", pid) else 0,
        reload=shown.get("NeedDaemonReload") == "yes",
    )
