"""A pytest plugin that runs the cases of rules; rule packs use it too.

A case is a folder `cases/RULE/CASE/` with a `case.toml` and small input files beside it:

- `cluster*.yaml`: observed objects, with or without uids; every kind that is not there counts as listed and empty
- `manifests*.yaml`: desired objects
- `hosts.yaml`: a list of `kubepreflight.host.Host`, by field names; what is left out was not collected
- `helm.yaml`: revisions of Helm releases: `name`, `namespace`, `version`, `status`, `manifest` (a text), `hooks`
- `metrics*.txt` and `audit*.log`: what API servers count and log; beside a cluster without any, one that counts nothing
- `served.yaml`: a `kubepreflight.semantics.served.Handshakes`, by field names; without it none were made

`case.toml` has, all optional: `target`, `at` (RFC 3339), `window` (days), `status` of the coverage (`checked`),
`missing` (kinds that could not be read), `opt_in`, `gap` (a part of the text of some gap), and one `[[finding]]` per
expected finding with any of `subject`, `severity`, `phase`, `hop`, `count`, `evidence` (some entries of it), and
`message` or `remedy` (a part of it).
No `[[finding]]`: the rule must stay silent. A case for which the rule says more or less than that fails.
"""

from __future__ import annotations

import base64
import gzip
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from _pytest._code.code import TerminalRepr

from kubepreflight.finding import Gap
from kubepreflight.host import Host, Missing
from kubepreflight.objects import Origin
from kubepreflight.report import Report, ReportFinding
from kubepreflight.rule import Rule, load_rules
from kubepreflight.scan import Request, scan
from kubepreflight.semantics.api_requests import ApiServerMetrics
from kubepreflight.semantics.served import Handshakes
from kubepreflight.snapshot import Collector
from kubepreflight.sources.request_files import Peeked, RequestFiles
from kubepreflight.upgrade import ScanOptions
from kubepreflight.version import Minor, Version

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEWEST_KNOWN = Minor(1, 37)


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    """One finding that a case expects; what is None may be anything."""

    subject: str | None = None
    severity: str | None = None
    phase: str | None = None
    hop: str | None = None
    count: int | None = None
    message: str | None = None
    remedy: str | None = None
    evidence: dict[str, Any] = {}

    def differences(self, one: ReportFinding) -> list[str]:
        """How a finding differs from what is expected."""
        exact = {
            "subject": str(one.subject),
            "severity": one.severity.value,
            "phase": one.phase.value,
            "hop": str(one.hop),
            "count": one.count,
        }
        wrong = [
            f"{name} is {value!r}, not {getattr(self, name)!r}"
            for name, value in exact.items()
            if getattr(self, name) not in (None, value)
        ]
        wrong += [
            f"{name} is {getattr(one, name)!r}, without {part!r}"
            for name in ("message", "remedy")
            if (part := getattr(self, name)) is not None and part not in getattr(one, name)
        ]
        evidence = msgspec.json.decode(msgspec.json.encode(one.evidence))
        wrong += [
            f"evidence of {name!r} is {evidence.get(name)!r}, not {expected!r}"
            for name, expected in self.evidence.items()
            if evidence.get(name) != expected
        ]
        return wrong


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """A `case.toml`."""

    target: str | None = None
    at: datetime = AT
    window: int = 14
    status: str = "checked"
    missing: list[str] = []
    opt_in: list[str] = []
    gap: str | None = None
    finding: list[Expected] = []


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Take every `cases/RULE/CASE/case.toml` for a test."""
    if file_path.name == "case.toml" and file_path.parents[2].name == "cases":
        return CaseFile.from_parent(parent, path=file_path)
    return None


class CaseFile(pytest.File):
    """One case's file."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test."""
        yield CaseItem.from_parent(self, name=f"{self.path.parents[1].name}/{self.path.parent.name}")


class CaseItem(pytest.Item):
    """Runs one rule over one case."""

    def runtest(self) -> None:
        """Scan, and compare."""
        folder = self.path.parent
        case = msgspec.convert(tomllib.loads(self.path.read_text()), Case)
        report = scan_case(folder, case, rule_named(folder.parent.name))
        problems = list(compare(case, report))
        assert not problems, "\n".join(problems)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:
        """What differs, without the way through pytest."""
        if excinfo.errisinstance(AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """What pytest prints."""
        return self.path, 0, self.name


def rule_named(name: str) -> Rule:
    """One of the installed rules. Raises KeyError."""
    return {one.name: one for one in load_rules()}[name]


def scan_case(folder: Path, case: Case, rule: Rule) -> Report:
    """The report of one rule over the files of a case."""
    options = ScanOptions(
        start=case.at,
        window=timedelta(days=case.window),
        target=Version.parse(case.target) if case.target else None,
        newest_known=NEWEST_KNOWN,
    )

    def read(collector: Collector) -> None:
        read_case(collector, folder, case)

    return scan(Request(options=options, rules=(rule,), sources=(read,), opted_in=frozenset(case.opt_in)))


def read_case(collector: Collector, folder: Path, case: Case) -> None:
    """A source: the files of a case."""
    clusters = sorted(folder.glob("cluster*.yaml"))
    for path, desired in (
        *((one, False) for one in clusters),
        *((one, True) for one in sorted(folder.glob("manifests*.yaml"))),
    ):
        collector.manifests_given |= desired
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if document and document["kind"] not in case.missing:
                collector.add_value(_plain(document), Origin(path.name), desired=desired)
    if clusters or case.missing:
        for api in collector.apis():
            if api.kind in case.missing:
                gap = Gap(input=api.plural, reason="403 Forbidden", how=f"allow list of {api.resource}", asked=True)
                collector.fail(api.group, api.kind, gap)
            else:
                collector.mark_listed(api.group, api.kind)
    _read_requests(collector, folder, beside_cluster=bool(clusters) and "metrics" not in case.missing)
    _read_beside(collector, folder)


def _read_beside(collector: Collector, folder: Path) -> None:
    if (path := folder / "hosts.yaml").exists():
        for value in yaml.load(path.read_text(), yaml.CSafeLoader):
            collector.add_host(host_of(value), {})
    if (path := folder / "helm.yaml").exists():
        for value in yaml.load(path.read_text(), yaml.CSafeLoader):
            collector.add_value(helm_secret(**value), Origin(path.name), desired=False)
    if (path := folder / "served.yaml").exists():
        collector.give(msgspec.convert(_plain(yaml.load(path.read_text(), yaml.CSafeLoader)), Handshakes))


def helm_secret(
    name: str, manifest: str = "", *, namespace: str = "shop", version: int = 1, status: str = "deployed", **more: Any
) -> dict[str, Any]:
    """The Secret in which Helm 3 keeps one revision; `more` is what else its record has (`hooks`, `config`)."""
    chart = {"metadata": {"name": name, "version": "1.0.0", "appVersion": "2.0"}}
    record = {"name": name, "namespace": namespace, "version": version, "info": {"status": status}, "chart": chart}
    packed = base64.b64encode(gzip.compress(msgspec.json.encode({**record, "manifest": manifest, **more})))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{version}",
            "namespace": namespace,
            "uid": f"{namespace}-{name}-{version}",
            "labels": {"owner": "helm", "name": name, "version": str(version), "status": status},
        },
        "type": "helm.sh/release.v1",
        "data": {"release": base64.b64encode(packed).decode()},
    }


def _read_requests(collector: Collector, folder: Path, *, beside_cluster: bool) -> None:
    if beside_cluster:
        collector.give(ApiServerMetrics())
    requests = RequestFiles(collector)
    for path in (*folder.glob("metrics*.txt"), *folder.glob("audit*.log")):
        with path.open("rb") as stream:
            assert requests.take(path.name, Peeked(stream)), f"{path} is neither metrics nor an audit log"


def host_of(value: dict[str, Any]) -> Host:
    """A host from its fields; what is not given was not collected. Raises msgspec.ValidationError."""
    hints = typing.get_type_hints(Host)
    fields: dict[str, Any] = {
        name: msgspec.convert(
            _plain(given), Missing if isinstance(given, dict) and given.keys() == {"reason"} else _known(hints[name])
        )
        for name, given in value.items()
    }
    return Host(**{"file": f"hosts/{value['name']}.tar", **fields})


def _known(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.Union[tuple(one for one in typing.get_args(hint) if one is not Missing)]  # noqa: UP007 - made of a tuple
    return hint


def _plain(value: Any) -> Any:
    """YAML's own dates back as text: objects have no such type."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value


def compare(case: Case, report: Report) -> Iterable[str]:
    """What differs between what a case expects and what the rule said."""
    (covered,) = report.coverage
    if covered.status != case.status:
        yield f"the coverage is {covered.status!r}, not {case.status!r}: {covered.gaps} {covered.traceback}"
    gaps = [f"{gap.input} {gap.subject}: {gap.reason}; {gap.how}" for gap in covered.gaps]
    if case.gap is not None and not any(case.gap in text for text in gaps):
        yield f"no gap says {case.gap!r}; they are: {gaps}"
    left = list(report.findings)
    for expected in case.finding:
        match = next((one for one in left if not expected.differences(one)), None)
        if match is None:
            near = [f"{one.subject}: " + "; ".join(expected.differences(one)) for one in left]
            yield f"nothing was found like {expected}; but: {near}"
        else:
            left.remove(match)
    for one in left:
        yield f"not expected: {one.severity} {one.subject}: {one.message}"
