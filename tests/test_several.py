from __future__ import annotations

import pytest

from kubepreflight.finding import Subject
from kubepreflight.semantics.several import common_subject, grouped, listed, of_its_pods


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "none"),
        (["cp1"], "cp1"),
        (["cp1", "cp2", "cp1"], "cp1 and cp2"),
        (list("abcdef"), "a, b, c, d, e and f"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_names_for_a_sentence(names: list[str], text: str) -> None:
    assert listed(names) == text


@pytest.mark.parametrize(
    ("some", "total", "text"),
    [
        (1, 1, "Its pod"),
        (3, 3, "Its 3 pods"),
        (1, 3, "1 of its 3 pods"),
        (2, 3, "2 of its 3 pods"),
        (2, 1, "Its 2 pods"),
    ],
)
def test_how_many_of_its_pods(some: int, total: int, text: str) -> None:
    assert of_its_pods(some, total) == text


def test_names_to_choose_from() -> None:
    assert listed(["1.0", "1.1", "1.2"], "or") == "1.0, 1.1 or 1.2"


def test_what_each_has() -> None:
    assert grouped({"1.36.3": ["cp1", "cp2"], "1.37.2": ["cp3"]}) == "1.36.3 on cp1 and cp2, 1.37.2 on cp3"


@pytest.mark.parametrize(
    ("places", "subject"),
    [
        ([Subject(kind="Node", name="a", node="a")], "Node a: kubelet"),
        ([Subject(kind="Node", name="a", node="a")] * 2, "Node a: kubelet"),
        ([Subject(kind="Node", name="a", node="a"), Subject(kind="Node", name="b", node="b")], "Node: kubelet"),
        ([Subject(kind="Node", name="a", node="a"), Subject(kind="Pod", name="b")], "kubelet"),
    ],
)
def test_the_subject_that_equal_things_share(places: list[Subject], subject: str) -> None:
    assert str(common_subject(places, "kubelet")) == subject
