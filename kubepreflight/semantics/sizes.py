"""Sizes as people read them."""

from __future__ import annotations


def size(count: int) -> str:
    """So many bytes in the largest binary unit of which there is one, rounded down: `20 KiB`, `1.9 GiB`, `2 GiB`."""
    amount, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    whole = int(amount * 10) / 10
    return f"{whole:g} {unit}" if whole < 10 else f"{int(amount)} {unit}"
