"""What a finding is known by from scan to scan."""

from __future__ import annotations

import msgspec
import pytest

from kubepreflight.engine import fingerprint
from kubepreflight.finding import Subject


@pytest.mark.parametrize(
    ("roots", "file", "same_as"),
    [
        ({"repo": ""}, "repo/a.yaml", "a.yaml"),
        ({"/home/ci/repo": ""}, "/home/ci/repo/a.yaml", "a.yaml"),
        ({"": ""}, "a.yaml", "a.yaml"),
        ({"../one": "one", "../two": "two"}, "../two/a.yaml", "two/a.yaml"),
        ({"repo": "", "repo/apps": "apps"}, "repo/apps/a.yaml", "apps/a.yaml"),
        ({"": "here", "/etc": "etc"}, "a.yaml", "here/a.yaml"),
        ({"repo": ""}, "repository/a.yaml", "repository/a.yaml"),
        ({}, "repo/a.yaml", "repo/a.yaml"),
    ],
)
def test_fingerprints_stay_however_the_path_is_typed(roots: dict[str, str], file: str, same_as: str) -> None:
    typed, same = Subject(kind="Pod", file=file), Subject(kind="Pod", file=same_as)
    assert fingerprint("r", typed, roots) == fingerprint("r", same, {})


def test_fingerprints_stay_when_places_lines_and_messages_move() -> None:
    subject = Subject(kind="Pod", namespace="shop", name="a", file="x.yaml", line=3)
    moved, other = msgspec.structs.replace(subject, line=9), msgspec.structs.replace(subject, name="b")
    assert fingerprint("r", subject, {}) == fingerprint("r", moved, {})
    assert fingerprint("r", subject, {}) != fingerprint("s", subject, {})
    assert fingerprint("r", subject, {}) != fingerprint("r", other, {})
