"""What is not known of a node."""

from __future__ import annotations

import msgspec


class Missing(msgspec.Struct, frozen=True):
    """Not known, and why: not collected, not readable, not understood. Never to be read as absent."""

    reason: str
