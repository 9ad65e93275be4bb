"""Manifests within the texts of ConfigMaps: their heads are found, templates or not, in whatever order."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.semantics.embedded_manifests import Embedded, embedded_heads


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apiVersion: batch/v1beta1\nkind: CronJob\n", [("batch/v1beta1", "CronJob", 1)]),
        ("---\nkind: CronJob\napiVersion: batch/v1beta1\n", [("batch/v1beta1", "CronJob", 3)]),
        ('{"kind": "CronJob", "apiVersion": "batch/v1beta1"}', [("batch/v1beta1", "CronJob", 1)]),
        ("  - apiVersion: 'batch/v1beta1'\n    kind: 'CronJob'\n", [("batch/v1beta1", "CronJob", 1)]),
        ("apiVersion: batch/v1beta1\nmetadata: {name: {{ .x }}}\nkind: CronJob", [("batch/v1beta1", "CronJob", 1)]),
        (
            "apiVersion: batch/v1beta1\nkind: CronJob\n---\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\n",
            [("batch/v1beta1", "CronJob", 1), ("policy/v1beta1", "PodDisruptionBudget", 4)],
        ),
        ("apiVersion: batch/v1beta1\n---\nkind: CronJob\n", []),
        ("apiVersion: batch/v1\nkind: CronJob\n", []),
        ("use apiVersion: batch/v1beta1 no more", []),
        ("apiVersion: {{ .version }}\nkind: CronJob\n", []),
        ("", []),
    ],
)
def test_the_heads_of_a_text(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert list(embedded_heads(text)) == [Embedded(*one) for one in expected]


@given(st.text(st.sampled_from("\n -:{}\"'akV"), max_size=200))
def test_no_text_stops_it(text: str) -> None:
    list(embedded_heads(f"{text}apiVersion: batch/v1beta1{text}kind: CronJob{text}"))


@pytest.mark.parametrize("part", ["apiVersion: a/v1beta1\n", "apiVersion:::", f"apiVersion:{' ' * 50}", "kind: x "])
def test_a_long_text_takes_no_more_than_its_length(part: str) -> None:
    began = process_time()
    list(embedded_heads(part * (2_000_000 // len(part))))
    assert process_time() - began < 5
