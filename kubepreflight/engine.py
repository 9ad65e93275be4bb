"""Runs rules over a snapshot: each in isolation, with its inputs resolved, and with what it could not see."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from shlex import quote
from typing import Any

import msgspec

from kubepreflight.errors import KubepreflightError
from kubepreflight.finding import Finding, Gap, Hop, Subject
from kubepreflight.host import Host
from kubepreflight.inputs import Parameter, Unavailable, parameters_of
from kubepreflight.knowledge.table import TableInfo
from kubepreflight.objects import Api, Desired, KubernetesObject, Node, Planned
from kubepreflight.report import CoverageStatus, ReportFinding, ReportHop, RuleCoverage
from kubepreflight.rule import Rule
from kubepreflight.semantics.host_identity import HostIdentities
from kubepreflight.semantics.several import NAMED, listed
from kubepreflight.snapshot import HostArchives, ManifestHeaders, Snapshot
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

NO_MANIFESTS = Gap(
    input="manifests",
    reason="no manifests were given",
    how="name the folder that holds them: kubepreflight scan --live FOLDER",
)
NO_HOSTS = Gap(
    input="hosts",
    reason="no node was looked at",
    how="collect the nodes' facts, and name hosts/ in the scan: kubepreflight collect --ssh NODE,… --to hosts/",
)


class Resolved(msgspec.Struct, frozen=True):
    """The value of one input, and its gaps. `available` is false when the rule that needs it cannot run."""

    value: Any
    gaps: tuple[Gap, ...] = ()
    available: bool = True
    crash: str = ""


class Resolver:
    """Makes inputs from a snapshot, each once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._cache: dict[Parameter, Resolved] = {}

    def all(self, parameters: Iterable[Parameter]) -> dict[str, Resolved]:
        """The inputs for a function's parameters, by name; an optional one that cannot be had is None.

        Each function gets lists of its own: what it does to them is not seen by others.
        """
        return {one.name: _own(self._one(one)) for one in parameters}

    def get(self, kind: type) -> Resolved:
        """One input that is a class of its own."""
        return self._one(Parameter("", None, kind, False))

    def _one(self, parameter: Parameter) -> Resolved:
        key = parameter.kind
        if key not in self._cache:
            self._cache[key] = self._make(key)
        found = self._cache[key]
        if parameter.optional and not found.available and not found.crash:
            return Resolved(None, tuple(gap for gap in found.gaps if gap.asked or not parameter.dispensable))
        return found

    def _make(self, parameter: Parameter) -> Resolved:
        if parameter.form is not None and issubclass(parameter.type, KubernetesObject):
            return self._objects(parameter)
        own: dict[type, Callable[[], Resolved]] = {
            Host: self._hosts,
            HostArchives: self._archives,
            ManifestHeaders: self._headers,
        }
        if parameter.type in own:
            return own[parameter.type]()
        if parameter.type in self.snapshot.given:
            return Resolved(self.snapshot.given[parameter.type])
        if parameter.provider is None:
            return Resolved(None, (Gap(input=parameter.label, reason="no source supplies it"),), available=False)
        return self._provide(parameter)

    def _provide(self, parameter: Parameter) -> Resolved:
        assert parameter.provider is not None
        inputs = self.all(parameters_of(parameter.provider))
        gaps = tuple(dict.fromkeys(gap for one in inputs.values() for gap in one.gaps))
        crash = next((one.crash for one in inputs.values() if one.crash), "")
        if crash or not all(one.available for one in inputs.values()):
            return Resolved(None, gaps, available=False, crash=crash)
        try:
            value = parameter.provider(**{name: one.value for name, one in inputs.items()})
        except KubepreflightError:
            raise
        except Unavailable as error:
            return Resolved(None, (*gaps, *error.gaps), available=False)
        except (Exception, SystemExit):
            return Resolved(None, gaps, available=False, crash=traceback.format_exc())
        return self._within_knowledge(value, gaps)

    def _within_knowledge(self, value: Any, gaps: tuple[Gap, ...]) -> Resolved:
        info: TableInfo | None = getattr(value, "info", None)
        if info is None:
            return Resolved(value, gaps)
        upgrade = self.get(Upgrade)
        hops: tuple[Hop, ...] = upgrade.value.hops if upgrade.available else ()
        if all(info.covers(minor) for hop in hops for minor in (hop.start, hop.end)):
            return Resolved(value, gaps)
        return Resolved(None, (*gaps, _beyond_knowledge(info, hops, upgrade.value.target)), available=False)

    def _archives(self) -> Resolved:
        snapshot = self.snapshot
        gap = msgspec.structs.replace(NO_HOSTS, asked=snapshot.hosts_asked)
        return Resolved(HostArchives(snapshot.hosts), () if snapshot.hosts else (gap,), available=bool(snapshot.hosts))

    def _hosts(self) -> Resolved:
        """The hosts that count, without what makes it doubtful which these are: that is said by its own rules."""
        if not self.snapshot.hosts:
            return msgspec.structs.replace(self._archives(), value=[])
        found = self.get(HostIdentities)
        if not found.available:
            return found
        identities: HostIdentities = found.value
        known = {host.name for host in (*identities.hosts, *identities.set_aside)}
        missing = (
            Gap(
                input="hosts",
                subject=node.name,
                reason="no facts from this node, though others were given",
                how=f"kubepreflight collect --ssh {quote(node.name)} --to hosts/",
                asked=node.has_collectable_disk,
            )
            for node in self.snapshot.observed.get(Node, [])
            if node.name not in known
        )
        return Resolved(list(identities.hosts), (*identities.gaps, *missing), available=bool(identities.hosts))

    def _headers(self) -> Resolved:
        if not self.snapshot.manifests_given:
            return Resolved(None, (NO_MANIFESTS,), available=False)
        return Resolved(ManifestHeaders(self.snapshot.headers))

    def _objects(self, parameter: Parameter) -> Resolved:
        kind: type[KubernetesObject] = parameter.type
        snapshot = self.snapshot
        if kind.opt_in and kind.opt_in not in snapshot.opted_in:
            # What was given may well hold them: that they were passed over does not make them an empty list.
            return Resolved([], (_not_opted_in(kind),), available=False)
        desired = snapshot.desired.get(kind, [])
        if parameter.form is Desired:
            gaps = _failures(snapshot, kind)
            if not snapshot.manifests_given:
                return Resolved(Desired(), (*gaps, NO_MANIFESTS), available=False)
            return Resolved(Desired(desired), gaps)
        observed = self._observed(kind)
        if parameter.form is Planned and snapshot.manifests_given:
            gaps = observed.gaps if observed.available else tuple(gap for gap in observed.gaps if gap.asked)
            return Resolved(Planned(_overlay(observed.value, desired)), gaps)
        if parameter.form is Planned:
            return msgspec.structs.replace(observed, value=Planned(observed.value))
        return observed

    def _observed(self, kind: type[KubernetesObject]) -> Resolved:
        snapshot = self.snapshot
        # The same object may come from several dumps, and under several groups; the first that was read counts.
        once: dict[Any, Any] = {}
        for one in snapshot.observed.get(kind, ()):
            once.setdefault(one.metadata.uid or id(one), one)
        objects = list(once.values())
        readable = [api for api in kind.apis() if snapshot.has_listed(api)]
        gaps = list(_failures(snapshot, kind))
        unknown = [api for api in kind.apis() if api not in readable and not snapshot.gaps_of(api)]
        if unknown:
            gaps.append(_not_offered(unknown, kind, some=bool(objects) and not readable))
        return Resolved(objects, tuple(gaps), available=bool(objects or readable))


def _beyond_knowledge(info: TableInfo, hops: Sequence[Hop], target: Version) -> Gap:
    start, how = hops[0].start, "use a later kubepreflight"
    if start > info.end:
        reason = f"knowledge ends at {info.end}, the cluster is at {start}"
    elif hops[-1].end > info.end:
        reason = f"knowledge ends at {info.end}, the target is {target}"
        how = f"choose a target up to {info.end}, or {how}" if start < info.end else how
    else:
        reason, how = f"knowledge begins at {info.start}, the cluster is at {start}", ""
    return Gap(input=f"knowledge: {info.table}", reason=reason, how=how, asked=True)


def _not_opted_in(kind: type[KubernetesObject]) -> Gap:
    reason = f"{kind.opt_in.replace('-', ' ')} are only read when asked for"
    return Gap(input=f"opt-in {kind.opt_in}", reason=reason, how=f"kubepreflight scan --opt-in {kind.opt_in}")


def _not_offered(apis: Sequence[Api], kind: type[KubernetesObject], *, some: bool) -> Gap:
    """One gap, however many kinds are missing; what the user opted in to was asked for."""
    what = listed(api.label for api in apis)
    # Of several kinds the server may lack one, and kubectl then gets none of them.
    single = f", or add: {_get(apis[0])}" if len(apis) == 1 else ""
    lacking = f"of {what} only some were given" if some else f"nothing that was given holds {what}"
    more = "more" if some else "any"
    return Gap(
        input=what,
        reason=f"{lacking}, and nobody knows whether the cluster has {more}",
        how=f"scan the live cluster, or a snapshot of it (kubepreflight snapshot --to FILE){single}",
        asked=bool(kind.opt_in),
    )


def _get(api: Api) -> str:
    """How to list a kind as far as it is read: of one object its namespace, which tells where it is not there, too."""
    namespace = f" -n {api.namespace}" if api.namespace else ""
    everywhere = " -A" if api.namespaced and not api.namespace else ""
    fields = f" --field-selector {quote(api.selector)}" if api.selector else ""
    labels = f" --selector {quote(api.labels)}" if api.labels else ""
    return f"kubectl{namespace} get {api.resource}{everywhere}{fields}{labels} -o json"


def _failures(snapshot: Snapshot, kind: type[KubernetesObject]) -> tuple[Gap, ...]:
    gaps = tuple(dict.fromkeys(gap for api in kind.apis() for gap in snapshot.gaps_of(api)))
    return tuple(_folded(gaps)) if len(gaps) > NAMED else gaps


def _folded(gaps: Iterable[Gap]) -> Iterator[Gap]:
    """One gap for many kinds that were refused alike; what is about a single object stays alone."""
    alike: dict[tuple[str, str, bool], list[Gap]] = {}
    for gap in gaps:
        alike.setdefault((gap.subject, gap.reason.partition(" ")[0], gap.asked), []).append(gap)
    for (subject, _, _), some in alike.items():
        if subject or len(some) <= NAMED:
            yield from some
        else:
            reason = f"{some[0].reason}; {len(some) - 1} more are refused alike"
            yield msgspec.structs.replace(some[0], input=listed(gap.input for gap in some), reason=reason)


def _overlay(observed: Sequence[Any], desired: Sequence[Any]) -> Iterator[Any]:
    new = {(one.kind, one.namespace or "default", one.name) for one in desired if not one.is_part}
    yield from (one for one in observed if (one.kind, one.namespace or "default", one.name) not in new)
    yield from desired


def judge(rule: Rule, resolver: Resolver, first_hop: Hop | None) -> tuple[list[ReportFinding], RuleCoverage]:
    """Run one rule. Whatever it does, there is an answer: its findings, and how much of its work was done."""
    inputs = resolver.all(rule.parameters)
    gaps = [gap for one in inputs.values() for gap in one.gaps]
    crash = next((one.crash for one in inputs.values() if one.crash), "")
    findings: list[Finding] = []
    if not crash and all(one.available for one in inputs.values()):
        try:
            for said in rule.judge(**{name: one.value for name, one in inputs.items()}):
                if isinstance(said, Gap):
                    gaps.append(said)
                else:
                    findings.append(_checked(said))
        except (Exception, SystemExit):
            crash = traceback.format_exc()
        blind = not findings and _blind(rule, gaps, inputs)
        status = CoverageStatus.NOT_CHECKED if blind else CoverageStatus.PARTIAL if gaps else CoverageStatus.CHECKED
    else:
        status = CoverageStatus.NOT_CHECKED
    coverage = RuleCoverage(
        rule=rule.name,
        area=rule.area,
        status=CoverageStatus.CRASHED if crash else status,
        gaps=tuple(dict.fromkeys(gaps)),
        traceback=crash,
    )
    roots = resolver.snapshot.roots
    return [_complete(one, rule, first_hop, roots) for one in merge(findings, rule)], coverage


def _checked(said: Any) -> Finding:
    """What a rule yielded, if it is a finding that can be written. Raises TypeError for what is none."""
    if not isinstance(said, Finding):
        raise TypeError(f"a rule yields findings and gaps, not {said!r:.200}")
    msgspec.to_builtins(said)
    return said


def _own(found: Resolved) -> Resolved:
    if not isinstance(found.value, list):
        return found
    return msgspec.structs.replace(found, value=type(found.value)(found.value))


def _blind(rule: Rule, gaps: list[Gap], inputs: dict[str, Resolved]) -> bool:
    """Whether a rule that looks at hosts could look at none of them."""
    lists = [inputs[one.name].value for one in rule.parameters if one.type is Host]
    hosts = {host.name for given in lists for host in given or ()}
    return bool(hosts) and hosts <= {gap.subject for gap in gaps if gap.input.startswith("host ")}


def merge(findings: Iterable[Finding], rule: Rule) -> Iterator[Finding]:
    """Make one finding of those with the same subject: the worst and earliest tells it, all places are kept."""
    groups: dict[Subject, list[Finding]] = {}
    for one in findings:
        groups.setdefault(one.subject, []).append(one)
    for group in groups.values():
        if len(group) == 1:
            yield group[0]
            continue
        worst = min(group, key=lambda one: ((one.severity or rule.severity).rank, one.hop.end if one.hop else (0, 0)))
        places = tuple(dict.fromkeys(place for one in group for place in one.places))
        references = tuple(dict.fromkeys(link for one in group for link in one.references))
        yield msgspec.structs.replace(worst, places=places, references=references)


def _complete(one: Finding, rule: Rule, first_hop: Hop | None, roots: Mapping[str, str]) -> ReportFinding:
    hop = one.hop or first_hop
    places = tuple(sorted(dict.fromkeys(one.places), key=_order)) or (one.subject,)
    return ReportFinding(
        rule=rule.name,
        severity=one.severity or rule.severity,
        area=rule.area,
        phase=one.phase or rule.phase,
        hop=ReportHop.of(hop) if hop else None,
        subject=one.subject,
        places=places,
        count=len(places),
        message=one.message,
        evidence=one.evidence,
        remedy=one.remedy,
        references=tuple(dict.fromkeys((*one.references, *rule.references))),
        fingerprint=fingerprint(rule.name, one.subject, roots),
    )


def fingerprint(rule: str, subject: Subject, roots: Mapping[str, str]) -> str:
    """What stays the same for the same finding from scan to scan: 16 hex digits.

    However a file's path was typed: it counts from below its root, as a snapshot's `roots` have that.
    """
    file = _below(roots, subject.file) if subject.file else ""
    parts = (rule, subject.kind, subject.namespace, subject.name, subject.node, file, subject.field)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _below(roots: Mapping[str, str], file: str) -> str:
    for typed in sorted(roots, key=len, reverse=True):
        if not typed or file.startswith(f"{typed}/"):
            below = file.removeprefix(f"{typed}/") if typed else file
            return f"{roots[typed]}/{below}" if roots[typed] else below
    return file


def _order(subject: Subject) -> tuple[str, str, str, str, str, int, str]:
    return (subject.node, subject.namespace, subject.kind, subject.name, subject.file, subject.line, subject.field)


def sort_key(one: ReportFinding) -> tuple[Any, ...]:
    """The order of findings in every report: the worst first, then by the moment at which they bite."""
    hop = one.hop.end.split(".") if one.hop else ["0", "0"]
    return (one.severity.rank, tuple(map(int, hop)), one.phase.rank, one.area, one.rule, _order(one.subject))
