"""`kubepreflight scan` and `kubepreflight snapshot`."""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kubepreflight import configuration
from kubepreflight.commands.console import progress
from kubepreflight.commands.output_files import check_writable, replacing
from kubepreflight.commands.streams import print_all
from kubepreflight.errors import KubepreflightError, UsageError
from kubepreflight.finding import Severity
from kubepreflight.moments import duration, moment
from kubepreflight.policy import REQUIRABLE, ExitStatus, exit_status
from kubepreflight.progress import Progress
from kubepreflight.report import KnowledgeRecord, Report, SourceRecord
from kubepreflight.rule import Rule, load_rules
from kubepreflight.scan import Read, Request, collect, scan, wanted_by
from kubepreflight.semantics.served import OPT_IN
from kubepreflight.snapshot import Collector, Snapshot
from kubepreflight.upgrade import ScanOptions
from kubepreflight.version import Version
from kubepreflight.visible import visible
from kubepreflight.writer import Medium, Writer, load_writer

WINDOW = "14d"
SHOWN = 5


class Output(msgspec.Struct, frozen=True):
    """One `-o FORMAT[=FILE]`; `path` None for standard output."""

    writer: Writer
    path: Path | None


def run_scan(typed: Mapping[str, Any], given: frozenset[str]) -> ExitStatus:
    """Scan, write every report, and say how it ends. Raises KubepreflightError."""
    own, mine = _own(typed, given)
    plan, records = configuration.beside(typed["paths"], own)
    options = configuration.effective(typed, given, mine, plan)
    if own is not None:
        records = (SourceRecord(kind="configuration", name=str(own), detail=", ".join(sorted(mine))), *records)
    outputs = _outputs(options["output"])
    fail_on = _fail_on(options["fail_on"])
    required = _required(options["require"])
    with progress(verbose=options["verbose"]) as telling:
        request = _request(options, records, telling, required)
        report = scan(request)
    _write(outputs, report)
    return exit_status(report, fail_on, allow_incomplete=bool(options["allow_incomplete"]))


def run_snapshot(to: str, typed: Mapping[str, Any], given: frozenset[str]) -> ExitStatus:
    """Read and save, for all rules. 3 when something could not be read, which is said and kept in the file.

    Raises KubepreflightError when nothing can be read or saved.
    """
    from kubepreflight.sources.snapshot_file import SnapshotWriter

    mine = {key: value for key, value in _own(typed, given)[1].items() if key in configuration.READING}
    options = configuration.effective(typed, given, mine)
    path = Path(to)
    check_writable(path)
    with SnapshotWriter() as writer, progress(verbose=options["verbose"]) as telling:
        snapshot = collect(_request({"target": None, "at": None, "window": None, **options}, (), telling, ()), writer)
        with replacing(path) as stream:
            writer.write(snapshot, stream)
    return _tell_missing(snapshot, path)


def _tell_missing(snapshot: Snapshot, path: Path) -> ExitStatus:
    failures = (*snapshot.failures.values(), *snapshot.part_failures.values())
    every = (*snapshot.gaps, *(gap for gaps in failures for gap in gaps))
    missing = list(dict.fromkeys(gap for gap in every if gap.asked))
    if not missing:
        return ExitStatus.NOTHING
    lines = [f"{gap.subject or gap.input}: {gap.reason}. To do: {gap.how}" for gap in missing[:SHOWN]]
    more = f"; {len(missing) - SHOWN} more are like these" if len(missing) > SHOWN else ""
    for line in (*lines, f"{path} is saved without them{more}"):
        print(visible(line), file=sys.stderr)  # noqa: T201 - the archive is what it gives, this is what it lacks
    return ExitStatus.INCOMPLETE


def _own(typed: Mapping[str, Any], given: frozenset[str]) -> tuple[Path | None, dict[str, Any]]:
    """The user's own configuration, where there is one, and what it says. Raises UsageError."""
    if typed["paths"] and not typed["live"]:
        for name in ("kubeconfig", "context", "as_user"):
            if name in given:
                option = name.removesuffix("_user")
                raise UsageError(f"--{option}: where PATHS are given the cluster is not read; add --live")
    own = _own_configuration(typed["config"], typed["paths"])
    return own, configuration.read_configuration(own) if own else {}


def _own_configuration(named: str | None, paths: Iterable[str]) -> Path | None:
    """The one that was named, or the one in this folder, unless it is part of what is scanned."""
    if named:
        return Path(named)
    here = Path(configuration.NAME)
    if not here.is_file():
        return None
    scanned = (os.path.realpath(path) for path in paths if path != "-")
    return None if any(here.resolve().is_relative_to(path) for path in scanned) else here


def _request(
    options: Mapping[str, Any], records: Sequence[SourceRecord], telling: Progress, required: tuple[str, ...]
) -> Request:
    own_knowledge = _own_knowledge(options.get("knowledge"))
    rules = load_rules(Path(one) for one in (*options.get("rule_folders", ()), *options.get("rules", ())))
    plan = _plan(options)
    return Request(
        options=plan,
        rules=rules,
        sources=tuple(_sources(options, plan.target, records, telling)),
        disabled=_disabled(rules, options.get("only", ()), options.get("disable", ())),
        required=required,
        opted_in=_opted_in(rules, options.get("opt_in", ())),
        own_knowledge=own_knowledge,
    )


def _own_knowledge(folder: str | None) -> tuple[KnowledgeRecord, ...]:
    if folder is None:
        return ()
    from kubepreflight.knowledge import tables

    return tuple(KnowledgeRecord.of(table.info, table.own) for table in tables.use(Path(folder)) if table.own)


def _opted_in(rules: Sequence[Rule], names: Iterable[str]) -> frozenset[str]:
    wanted = wanted_by(rules)
    kinds = (*wanted.observed, *wanted.desired, *wanted.others)
    known = {opt_in for kind in kinds if (opt_in := getattr(kind, "opt_in", ""))}
    for name in names:
        if name not in known:
            raise UsageError(f"--opt-in {name}: it is any of {', '.join(sorted(known))}")
    return frozenset(names)


def _plan(options: Mapping[str, Any]) -> ScanOptions:
    from kubepreflight.knowledge.versions import SkewPolicy

    target = options["target"]
    try:
        version = Version.parse(str(target)) if target is not None else None
    except ValueError as error:
        raise UsageError(f"--target {target}: {error}; write 1.37 or 1.37.2") from error
    return ScanOptions(
        start=moment(options["at"]) if options["at"] is not None else datetime.now(UTC).replace(microsecond=0),
        window=duration(WINDOW if options["window"] is None else options["window"]),
        target=version,
        newest_known=SkewPolicy.provide().info.end,
    )


def _sources(
    options: Mapping[str, Any], target: Version | None, records: Sequence[SourceRecord], telling: Progress
) -> list[Read]:
    sources: list[Read] = []
    live = bool(options["live"] or not options["paths"])
    if OPT_IN in options.get("opt_in", ()) and not live:
        raise UsageError(f"--opt-in {OPT_IN}: only a live scan can connect to servers; add --live")
    if records:
        sources.append(lambda collector: collector.add_sources(records))
    if live:
        sources.append(_live(options, telling))
    if options["paths"]:
        from kubepreflight.sources.files import FileSource

        render = None
        if options.get("render"):
            from kubepreflight.sources.rendering import renderer_for

            render = renderer_for(target)
        sources.append(FileSource(options["paths"], options["exclude"], telling, render))
    return sources


def _live(options: Mapping[str, Any], telling: Progress) -> Read:
    def read(collector: Collector) -> None:
        from kubepreflight.sources.cluster import read_cluster
        from kubepreflight.sources.handshakes import read_handshakes
        from kubepreflight.sources.kubeconfig import connect

        with telling.step("connecting"):
            connection = connect(options["kubeconfig"], options["context"], options["as_user"])
        read_cluster(collector, connection, telling)
        read_handshakes(collector, telling)

    return read


def _disabled(rules: Sequence[Rule], only: Sequence[str], disable: Sequence[str]) -> frozenset[str]:
    names = {rule.name for rule in rules}
    chosen = _matching(names, "--only", only) if only else names
    return frozenset(names - (chosen - _matching(names, "--disable", disable)))


def _matching(names: Iterable[str], option: str, patterns: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        hit = fnmatch.filter(names, pattern)
        if not hit:
            raise UsageError(f"{option} {pattern}: there is no such rule. See: kubepreflight rules")
        found.update(hit)
    return found


def _fail_on(name: str) -> Severity | None:
    if name == "never":
        return None
    try:
        return Severity(name)
    except ValueError as error:
        raise UsageError(f"fail-on {name!r}: it is one of {', '.join(Severity)}, never") from error


def _required(value: str | Sequence[str] | None) -> tuple[str, ...]:
    names = [one.strip() for part in ([value] if isinstance(value, str) else value or ()) for one in part.split(",")]
    for name in names:
        if name not in REQUIRABLE:
            raise UsageError(f"--require {name}: it is any of {', '.join(REQUIRABLE)}")
    return tuple(names)


def _outputs(given: Sequence[str]) -> tuple[Output, ...]:
    """The reports to write, checked before the scan begins, so that its result is not lost for a typing error."""
    outputs = []
    for one in given or ("text",):
        name, equals, file = one.partition("=")
        path = Path(file) if equals and file != "-" else None
        if path is not None:
            check_writable(path)
        outputs.append(Output(load_writer(name), path))
    if sys.stdout is None and any(one.path is None for one in outputs):
        raise UsageError("standard output is closed: give the report a file, as in -o html=report.html")
    if sum(one.path is None for one in outputs) > 1:
        raise UsageError("two reports go to standard output: give one of them a file, as in -o html=report.html")
    paths = [output.path for output in outputs if output.path is not None]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise UsageError(f"two reports go to {twice}: the second would replace the first")
    return tuple(outputs)


def _write(outputs: Sequence[Output], report: Report) -> None:
    """Write all of them, files first, because a pipe may close; what cannot be written after all goes to standard error
    rather than nowhere, and one that cannot be made does not take the others with it."""
    failed: list[str] = []
    for one in sorted(outputs, key=lambda one: one.path is None):
        try:
            text = one.writer.render(report, _medium() if one.path is None else Medium(width=100))
        except Exception as error:
            traceback.print_exc()
            failed.append(f"the {one.writer.name} report could not be made: {error!r}")
            continue
        try:
            if one.path is None:
                print_all(text if text.endswith("\n") else text + "\n")
            else:
                with replacing(one.path) as stream:
                    stream.write(text.encode())
        except BrokenPipeError:
            continue  # its reader has seen enough
        except OSError as error:
            if one.path is None:
                failed.append(f"standard output could not be written: {error.strerror or error}")
            else:
                sys.stderr.write(text)
                failed.append(f"{one.path} could not be written, its report is above: {error.strerror or error}")
    if failed:
        raise KubepreflightError("; ".join(failed))


def _medium() -> Medium:
    terminal = sys.stdout.isatty()
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Medium(width=shutil.get_terminal_size((80, 24)).columns if terminal else 80, color=color)
