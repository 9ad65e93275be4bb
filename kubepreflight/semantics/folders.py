"""What files have in common: the few folders that tell of many of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote

import msgspec

from kubepreflight.finding import Subject
from kubepreflight.semantics.several import NAMED, common_subject

STANDARD_INPUT = "standard input"
"""What a file is called that came from there."""
_IN_CHART = re.compile(r"/(?:templates|crds)(?:/|$)")


def folders(files: Iterable[str]) -> Mapping[str, str]:
    """The folder of each file, a chart as one, cut back to shared parents until there are few of them.

    Few folders can be read one by one; when a version stands in two hundred, that is one thing to know.
    """
    steps = {file: _folder(file).split("/") for file in files}
    for depth in range(max(map(len, steps.values()), default=0), 0, -1):
        cut = {file: "/".join(parts[:depth]) for file, parts in steps.items()}
        if len(set(cut.values())) <= NAMED:
            return cut
    return dict.fromkeys(steps, "")


def _folder(file: str) -> str:
    folder = file.rpartition("/")[0]
    return _IN_CHART.split(folder, maxsplit=1)[0]


def is_template(file: str) -> bool:
    """Whether a file is a chart's template, of which kubectl can read what Helm makes of it, not the file itself."""
    return "/templates/" in f"/{file}"


def for_kubectl(file: str) -> str:
    """What to type behind `kubectl -f`: the name of a file, quoted; FILE where it is none that kubectl can read.

    That is a template, what was made of a kustomization, what lies in an archive, what came from standard input.
    """
    made = is_template(file) or file.rpartition("/")[2].partition(".")[0].lower() == "kustomization"
    return "FILE" if not file or made or "!" in file or file == STANDARD_INPUT else quote(file)


def common_path(files: Iterable[str]) -> str:
    """The file that all are, or else the folder that all are in; empty when they have none in common."""
    different = set(files)
    if len(different) == 1:
        return different.pop()
    first, *others = [file.split("/")[:-1] for file in sorted(different)]
    shared = 0
    while shared < len(first) and all(one[: shared + 1] == first[: shared + 1] for one in others):
        shared += 1
    return "/".join(first[:shared])


def common_subject_in_files(places: Sequence[Subject], field: str) -> Subject:
    """What a finding about several manifests is about: the one, or their kind and the folder that all are in."""
    about = common_subject(places, field)
    return about if about.name else msgspec.structs.replace(about, file=common_path(place.file for place in places))
