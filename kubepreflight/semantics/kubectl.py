"""Parts of command lines of kubectl, and of helm, that findings tell to type."""

from __future__ import annotations

from shlex import quote


def in_namespace(namespace: str) -> str:
    """` -n shop`; empty for what is in no namespace."""
    return f" -n {quote(namespace)}" if namespace else ""
