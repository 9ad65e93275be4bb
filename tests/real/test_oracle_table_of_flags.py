"""The table of flags, and that of admission plugins, against what the programs say."""

from __future__ import annotations

import re

import pytest

from kubepreflight.knowledge.admission_plugins import AdmissionPlugins
from kubepreflight.knowledge.flags import Flag, Flags
from kubepreflight.version import Minor
from tests.real.machine import Machine
from tests.real.tables import PROGRAMS, VERSIONS, Question, differing, minor, said

FLAGS = Flags.provide()
IN_HELP = re.compile(r"^ +(?:-\w, )?--([\w-]+)", re.MULTILINE)
RECENT = Minor(1, 26)
"""What went before is refused as well, but nobody needs to see it of every flag."""


def is_known(flag: Flag, at: Minor) -> bool:
    return (flag.since is None or flag.since <= at) and (flag.removed is None or flag.removed > at)


def is_deprecated(flag: Flag, at: Minor) -> bool:
    return flag.deprecated is not None and flag.deprecated <= at and not (flag.undeprecated and flag.undeprecated <= at)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_help_shows_what_the_table_knows_but_for_some_deprecated_flags(
    program: str, version: str, machine: Machine
) -> None:
    shown = set(IN_HELP.findall(said(machine, program, version, "--help")))
    known = {flag.name: flag for flag in FLAGS.flags(program) if is_known(flag, minor(version))}
    assert shown - known.keys() == set()
    hidden = known.keys() - shown
    assert {name for name in hidden if not is_deprecated(known[name], minor(version))} == set()
    for name in hidden:
        # The value is wrong for some; a name that is unknown would have been told first.
        assert "unknown flag" not in said(machine, program, version, f"--{name}=1", "--version")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_table_says_to_be_gone_is_refused(version: str, machine: Machine) -> None:
    gone = {
        (program, flag.name)
        for program in PROGRAMS
        for flag in FLAGS.flags(program)
        if flag.removed and RECENT <= flag.removed <= minor(version)
    }

    def is_refused(question: Question) -> bool:
        program, name = question
        return f"unknown flag: --{name}" in said(machine, program, version, f"--{name}=1", "--version")

    assert len(gone) > 60
    assert differing(gone, is_refused) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_deprecated_flag_is_told_with_the_words_of_the_table(version: str, machine: Machine) -> None:
    flags = {
        flag.name: flag
        for flag in FLAGS.flags("kubelet")
        if is_known(flag, minor(version)) and is_deprecated(flag, minor(version))
    }
    told = said(machine, "kubelet", version, "--help")
    # The kubelet shows them all, with what is known of each.
    for name, flag in flags.items():
        words = re.search(rf"--{name} .*?\(DEPRECATED: (.*?)\)$", told, re.MULTILINE | re.DOTALL)
        assert (name, words and words[1]) == (name, flag.message)


@pytest.mark.parametrize("version", VERSIONS)
def test_admission_plugins_are_those_of_help(version: str, machine: Machine) -> None:
    told = said(machine, "kube-apiserver", version, "--help")
    found = re.search(
        r"in addition to default enabled ones \((.*?)\)\. Comma-delimited list of admission plugins: (.*?)\.", told
    )
    assert found
    at = minor(version)
    known = [plugin for name in AdmissionPlugins.provide().names() if (plugin := AdmissionPlugins.provide().find(name))]
    exist = {one.name for one in known if (one.since or at) <= at and (one.removed is None or one.removed > at)}
    on = {
        one.name
        for one in known
        if one.default_since and one.default_since <= at and (one.default_until is None or one.default_until > at)
    }
    assert (set(found[2].split(", ")), set(found[1].split(", "))) == (exist, on)
