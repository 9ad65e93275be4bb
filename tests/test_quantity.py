"""How much a quantity stands for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kubepreflight.semantics.quantity import quantity


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (10, "10"),
        ("10", "10"),
        ("0", "0"),
        ("007", "7"),
        ("-3", "-3"),
        ("+3", "3"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("250m", "0.25"),
        ("5u", "0.000005"),
        ("5n", "0.000000005"),
        ("1E", "1000000000000000000"),
        ("1Ei", "1152921504606846976"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("2e-1", "0.2"),
        ("1.", "1"),
        (".5", "0.5"),
        (0.5, "0.5"),
    ],
)
def test_an_amount(value: Any, amount: str) -> None:
    assert quantity(value) == Decimal(amount)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " 1",
            "1 ",
            "1\n",
            "k",
            "1K",
            "1ki",
            "1KI",
            "1 k",
            "1e",
            "1.2.3",
            ".",
            "1,5",
            "0x10",
            "1_0",
            "\u0661",
            "ten",
        ),
        *(None, True, [], {}, "9" * 10_000, "1e999999999"),
    ],
)
def test_no_quantity(value: Any) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(value)
