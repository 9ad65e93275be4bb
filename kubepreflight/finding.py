"""What a rule says: findings, and gaps where it could not look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from kubepreflight.version import Minor


class Severity(StrEnum):
    """How bad it is; the order of the members is the order of reports."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


BLOCKER, WARNING, NOTE = Severity.BLOCKER, Severity.WARNING, Severity.NOTE


class Phase(StrEnum):
    """When it bites; the order of the members is the order of the work."""

    BEFORE = "before"
    CONTROL_PLANE_UPGRADE = "control-plane-upgrade"
    NODE_UPGRADE = "node-upgrade"
    AFTER = "after"

    @property
    def rank(self) -> int:
        """0 for the first."""
        return list(Phase).index(self)


class Hop(msgspec.Struct, frozen=True, order=True):
    """One step of the upgrade, one minor at a time; `start` equals `end` for a patch release."""

    start: Minor
    end: Minor

    def __str__(self) -> str:
        return f"{self.start} → {self.end}"


class Subject(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The thing to change, or a place where it shows.

    `file` is as the source named it, `line` counts from 1, `field` names the flag, gate, container, certificate
    or note within the subject. `node` stands alone for a thing on a node's disk, and beside a name for a pod.
    """

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    node: str = ""
    file: str = ""
    line: int = 0
    field: str = ""

    @property
    def subject(self) -> Subject:
        """Itself: a subject may stand wherever an object may."""
        return self

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        text = " ".join(part for part in (self.kind, name) if part)
        if self.node and not (self.kind == "Node" and self.name == self.node):
            text = f"{text} on {self.node}" if text else f"node {self.node}"
        if self.field:
            text = f"{text}: {self.field}" if text else self.field
        if self.file:
            where = f"{self.file}:{self.line}" if self.line else self.file
            text = f"{text} ({where})" if text else where
        return text


class HasSubject(Protocol):
    """Whatever can be the subject of a finding: an object, a host, a `Subject` itself."""

    @property
    def subject(self) -> Subject:
        """How it is named in reports."""


Evidence = str | int | float | bool | Sequence[str]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One cause, as a rule tells it; the engine adds what the rule itself declares."""

    subject: Subject
    message: str
    remedy: str
    places: tuple[Subject, ...] = ()
    evidence: Mapping[str, Evidence] = {}
    severity: Severity | None = None
    phase: Phase | None = None
    hop: Hop | None = None
    references: tuple[str, ...] = ()


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that could not be looked at.

    `input` names what was missing (`pods`, `host packages`), `subject` which one of them, `reason` why, `how` what
    the user can do or type. `asked` says that the user asked for it, so that the verdict is incomplete without it.
    """

    input: str
    reason: str
    subject: str = ""
    how: str = ""
    asked: bool = False


def finding(
    subject: HasSubject,
    message: str,
    *,
    remedy: str,
    field: str = "",
    place: HasSubject | None = None,
    places: Sequence[HasSubject] = (),
    evidence: Mapping[str, Evidence] | None = None,
    severity: Severity | None = None,
    phase: Phase | str | None = None,
    hop: Hop | None = None,
    references: Sequence[str] = (),
) -> Finding:
    """Make a finding about `subject`.

    `message` says what will break and when, `remedy` what to type. Findings of one rule with the same subject (and
    `field`) become one; `place` and `places` say where it shows, and are collected. `severity`, `phase` and `hop`
    are the rule's own and the first hop unless given.
    """
    about = subject.subject
    shown = (*((place,) if place is not None else ()), *places)
    return Finding(
        subject=msgspec.structs.replace(about, field=field) if field else about,
        message=message,
        remedy=remedy,
        places=tuple(one.subject for one in shown),
        evidence=dict(evidence or {}),
        severity=severity,
        phase=Phase(phase) if phase is not None else None,
        hop=hop,
        references=tuple(references),
    )


def cannot_check(input: str, reason: str, *, subject: str = "", how: str = "", asked: bool = False) -> Gap:  # noqa: A002 - the report's own word for it
    """Say, from within a rule, that something it needed is not known; see `Gap` for the parameters."""
    return Gap(input=input, reason=reason, subject=subject, how=how, asked=asked)
