"""The outcomes of replays: kept one file a scenario, and written as the tables of docs/replays.md. Pure but for two."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from tools.lab.claims import Row

INTRODUCTION = """\
# The replays

What kubepreflight says of an upgrade, held against what then really happens: `make replay` makes a cluster of real
nodes ([lab.md](lab.md)), scans it, does the upgrade or has the accident, and compares. What happened is quoted from
kubeadm, kubectl, kubelets and API servers. `agree` is computed: yes, when the scan said what is claimed and the
programs showed what is claimed; waiting, when what happens was seen and the tool has no rule for it yet. Where nothing
is predicted the line tells what was seen besides. A blocker that nothing of the scenario makes true is a disagreement,
too.

`make replay NAME=good-order` runs one again and renews its part of this page, which is made from `docs/replays/`.
"""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one scenario. `failure` says why its story did not come to its end, if so."""

    name: str
    title: str
    story: str
    versions: str
    machine: str
    date: str
    seconds: int
    rows: tuple[Row, ...]
    also_said: tuple[str, ...] = ()
    failure: str = ""

    @property
    def agrees(self) -> bool:
        """Did the story end, and does no claim disagree?"""
        return not self.failure and all(row.agree != "no" for row in self.rows)

    @property
    def result(self) -> str:
        """In a word or two, for the first table."""
        count = {word: sum(row.agree == word for row in self.rows) for word in ("yes", "no", "waiting")}
        told = [f"{count['yes']} agree"]
        told += [f"{count['waiting']} waiting"] if count["waiting"] else []
        told += [f"**{count['no']} disagree**"] if count["no"] else []
        told += ["**not finished**"] if self.failure else []
        return ", ".join(told)


def page(outcomes: Iterable[Outcome]) -> str:
    """docs/replays.md."""
    ordered = sorted(outcomes, key=lambda one: one.name)
    summary = ["| scenario | versions | date | took | result |", "| --- | --- | --- | --- | --- |"]
    summary += [
        f"| [{one.name}](#{one.name}) | {one.versions} | {one.date} | {took(one.seconds)} | {one.result} |"
        for one in ordered
    ]
    return "\n".join([INTRODUCTION, *summary, "", *("\n".join(_section(one)) for one in ordered)])


def _section(outcome: Outcome) -> list[str]:
    lines = [f"## {outcome.name}", "", f"**{outcome.title}** {outcome.story}".strip(), ""]
    lines += ["| predicted by | predicted | happened | agree |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row.rule or '–'} | {_cell(row.predicted)} | {_happened(row)} | {_emphasised(row.agree)} |"
        for row in outcome.rows
    ]
    lines.append("")
    if outcome.also_said:
        lines += [f"Said as well: {'; '.join(map(_cell, outcome.also_said))}.", ""]
    if outcome.failure:
        lines += [f"It did not come to its end: {_cell(outcome.failure)}", ""]
    return [*lines, f"{outcome.machine}.", ""]


def told(outcome: Outcome) -> str:
    """One outcome for a terminal: what disagrees in full, the rest in a line each."""
    lines = []
    for row in outcome.rows:
        lines.append(f"  {row.agree:8}{row.rule or 'seen'}: {row.observation}: {row.happened[:120]}")
        if row.agree == "no":
            lines += [f"    predicted: {row.predicted}", f"    happened:  {row.happened or 'nothing of it'}"]
    if outcome.failure:
        lines.append(f"  not finished: {outcome.failure}")
    return "\n".join([*lines, f"  {outcome.result}, {took(outcome.seconds)}"])


def took(seconds: int) -> str:
    """A duration for people: `4 min 20 s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _happened(row: Row) -> str:
    return f"*{_cell(row.observation)}*: {_cell(row.happened)}" if row.observation else _cell(row.happened)


def _emphasised(word: str) -> str:
    return word if word == "yes" else f"**{word}**"


_MEANS_SOMETHING = str.maketrans({mark: f"\\{mark}" for mark in "\\|`*_<>[]#~"})


def _cell(text: str) -> str:
    """Words of real programs as Markdown shows them letter by letter."""
    return " ".join(text.split()).translate(_MEANS_SOMETHING) or "–"


def keep(outcome: Outcome, folder: Path) -> None:
    """Write one outcome's file in `folder`, and the page beside it anew from all files that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    written = msgspec.json.format(msgspec.json.encode(outcome), indent=2)
    (folder / f"{outcome.name}.json").write_bytes(written + b"\n")
    folder.with_suffix(".md").write_text(page(kept(folder)), encoding="utf-8")


def kept(folder: Path) -> list[Outcome]:
    """The outcomes of all scenarios that were run, by name."""
    return [msgspec.json.decode(file.read_bytes(), type=Outcome) for file in sorted(folder.glob("*.json"))]
