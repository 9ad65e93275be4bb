"""What an unquoted word of YAML means to kubectl: text, a number, true, false or null.

kubectl reads YAML with go.yaml.in/yaml/v2, writes the values as JSON, and reads that. So `yes` and `on` are true,
`0644` and `0o644` are 420, `1_000` and `1e3` are 1000, `2024-01-01` and `12:30` stay text, `.inf` is refused.
Sources: resolve.go of go.yaml.in/yaml v2.4.4, yaml.go of sigs.k8s.io/yaml v1.6.0, util/json of
k8s.io/apimachinery v0.37.2; held against these programs with generated words.

Deliberately different: `0b-1` stays text (Go: -1), and what `!!timestamp` marks is not checked to be a time.
"""

from __future__ import annotations

import base64
import binascii
import functools
import math
import re
import struct
from decimal import Decimal
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
"""A value before it becomes JSON; integers reach up to 64 bits without sign, floats may be infinite."""

_STANDARD_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}
_INTEGER = re.compile(r"([+-]?)(?:(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)|(0[0-7]*)|([1-9][0-9]{0,19}))")
_FLOAT = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?")
_FLOAT_FROM_POINT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?")


class ScalarError(ValueError):
    """kubectl refuses this word where it stands; the text says why."""


def resolve_plain(text: str) -> Scalar:
    """What `text` is when it stands without quotes and without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "0123456789+-":
        return _number(text)
    if text[0] == "." and _FLOAT_FROM_POINT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else text
    return text


def resolve_tagged(text: str, tag: str) -> Scalar:
    """What `text` is under an explicit tag (`!!int "5"`). Raises ScalarError where the two do not fit."""
    name = tag.removeprefix(_STANDARD_TAG) if tag.startswith(_STANDARD_TAG) else ""
    if name == "binary":
        return _binary(text)
    if name not in {"bool", "int", "float", "null"}:
        return text
    value = resolve_plain(text)
    found = {bool: "bool", int: "int", float: "float", type(None): "null"}.get(type(value), "str")
    if name == "float" and found == "int" and isinstance(value, int) and value < 1 << 63:
        return float(value)
    if found != name:
        raise ScalarError(f"{shortened(text)} is no !!{name}")
    return value


def json_value(scalar: Scalar) -> Scalar:
    """The scalar as it comes out of JSON: whole numbers of 64 bits are int, larger ones float.

    Raises ScalarError for infinity and not-a-number, which JSON does not have.
    """
    if isinstance(scalar, float):
        if not math.isfinite(scalar):
            raise ScalarError("kubectl refuses infinity and not-a-number: JSON has neither")
        if not scalar.is_integer() or abs(scalar) >= 1e21:
            return scalar
        # Go writes the shortest digits that identify the float, and fills up with zeros.
        whole = int(Decimal(repr(scalar)))
        return whole if -(1 << 63) <= whole < 1 << 63 else scalar
    if isinstance(scalar, int) and scalar >= 1 << 63:
        return float(scalar)
    return scalar


def json_key(scalar: Scalar) -> str:
    """The scalar as a key of a JSON object. Raises ScalarError for null and for whole numbers above 64 bits."""
    if isinstance(scalar, str):
        return scalar
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    if isinstance(scalar, float):
        return _shortest_float32(scalar)
    if isinstance(scalar, int) and scalar < 1 << 63:
        return str(scalar)
    raise ScalarError(f"kubectl refuses {'null' if scalar is None else scalar} as a key")


@functools.lru_cache(maxsize=16384)
def plain_key(text: str) -> str:
    """`text` without quotes, as a key: the same few words come again and again."""
    return json_key(resolve_plain(text))


def shortened(text: str) -> str:
    """`text` in quotes for a message: a value may be a whole file."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _number(text: str) -> Scalar:
    plain = text.replace("_", "")
    if match := _INTEGER.fullmatch(plain):
        sign, prefixed, octal, decimal = match.groups()
        whole = int(prefixed, 0) if prefixed else int(octal, 8) if octal else int(decimal)
        whole = -whole if sign == "-" else whole
        if -(1 << 63) <= whole < (1 << 63 if sign else 1 << 64):
            return whole
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        return value if math.isfinite(value) else text
    return text


def _binary(text: str) -> str:
    try:
        data = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ScalarError(f"{shortened(text)} is no base64") from error
    # Go replaces byte by byte, Python's own handler sequence by sequence.
    return data.decode("utf-8", "surrogateescape").translate(_REPLACEMENTS)


_REPLACEMENTS = dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd")


def _shortest_float32(value: float) -> str:
    """The fewest digits that identify `value` as a 32-bit float, as Go's FormatFloat(value, 'g', -1, 32) writes it."""
    single = _float32(value)
    if not math.isfinite(single):
        return ".nan" if math.isnan(single) else ".inf" if single > 0 else "-.inf"
    candidates = (f"{single:.{precision}e}" for precision in range(9))
    digits = next(shown for shown in candidates if _float32(float(shown)) == single)
    mantissa, exponent = digits.split("e")
    if -4 <= int(exponent) < 6:
        return f"{Decimal(digits):f}"
    return f"{mantissa}e{int(exponent):+03d}"


def _float32(value: float) -> float:
    try:
        (single,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        return math.copysign(math.inf, value)
    return float(single)
