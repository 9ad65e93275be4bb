"""How sizes are written."""

from __future__ import annotations

import pytest

from kubepreflight.semantics.sizes import size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (20480, "20 KiB"),
        (2 << 30, "2 GiB"),
        ((2 << 30) - 1, "1.9 GiB"),
        (16801792, "16 MiB"),
        (1 << 60, "1048576 TiB"),
    ],
)
def test_a_size(count: int, text: str) -> None:
    assert size(count) == text
