"""TOML that somebody else wrote: read in a time that grows with its size, or refused."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec

MOST_DOTS = 300
"""In one line. The time that `tomllib` takes for a dotted key grows with the square of its length: for ten thousand
parts it is seconds, for a hundred thousand all memory."""

_QUOTED = re.compile(r"""\"[^\"\n]*\"|'[^'\n]*'""")


class TomlError(ValueError):
    """The text is no TOML, or not to be read in bounded time; the message names the line where that is known."""


def decode_toml(text: str) -> dict[str, Any]:
    """The document. Raises TomlError."""
    crowded = next((number for number, line in enumerate(text.split("\n"), 1) if _is_crowded(line)), 0)
    if crowded:
        raise TomlError(f"more than {MOST_DOTS} dots outside of quotes (at line {crowded})")
    try:
        document = tomllib.loads(text)
        msgspec.json.encode(document)  # dotted keys nest as deep as a file is long, and only others would notice
    except ValueError as error:  # not only TOMLDecodeError: a number may have too many digits
        raise TomlError(str(error)) from error
    except RecursionError as error:
        raise TomlError("nested too deep") from error
    return document


def _is_crowded(line: str) -> bool:
    return line.count(".") > MOST_DOTS and _QUOTED.sub("", line).count(".") > MOST_DOTS
