"""What single words mean. The expected values were printed by kubectl's own decoder, in Go
(k8s.io/apimachinery v0.37.2 with sigs.k8s.io/yaml v1.6.0), except where a comment says that we differ."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.manifests_read import same, values


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("yes", True),
        ("On", True),
        ("y", True),
        ("n", False),
        ("OFF", False),
        ("oN", "oN"),
        ("null", None),
        ("~", None),
        ("nUll", "nUll"),
        ("0644", 420),
        ("0o644", 420),
        ("0O7", 7),
        ("0x1F", 31),
        ("0X1f", 31),
        ("0b11", 3),
        ("-0b11", -3),
        ("+12", 12),
        ("-0", 0),
        ("1_000", 1000),
        ("1__0_", 10),
        ("_1", "_1"),
        ("08", 8),
        ("0o8", "0o8"),
        ("089.5", 89.5),
        ("1e3", 1000),
        ("1E-3", 0.001),
        ("8E9_", 8_000_000_000),
        ("1.", 1),
        ("1.0", 1),
        ("-0.0", 0),
        (".5", 0.5),
        (".5_0", 0.5),
        (".5_", ".5_"),
        ("._5", "._5"),
        (".e3", ".e3"),
        (".", "."),
        ("1e999", "1e999"),
        (".1e999", ".1e999"),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", 9.223372036854776e18),
        ("-9223372036854775808", -9223372036854775808),
        ("-9223372036854775809", -9.223372036854776e18),
        ("18446744073709551615", 1.8446744073709552e19),
        ("0xffffffffffffffff", 1.8446744073709552e19),
        ("+0xffffffffffffffff", "+0xffffffffffffffff"),
        ("0x10000000000000000", "0x10000000000000000"),
        ("07777777777777777777777777", 7.777777777777778e24),
        ("4611686018427387904.0", 4611686018427388000),
        ("1e20", 1e20),
        ("1e21", 1e21),
        ("1" * 400, "1" * 400),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("0x", "0x"),
        ("inf", "inf"),
        ("=", "="),
        ("<<", "<<"),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
        ("'yes'", "yes"),
        ('"0644"', "0644"),
        ('"\\x41\\u00e9\\0"', "Aé\0"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!own 5", "5"),
        ('!!int "5"', 5),
        ("!!float 5", 5),
        ('!!bool "on"', True),
        ('!!null ""', None),
        ("!<tag:yaml.org,2002:int> '0x10'", 16),
        ("!!binary aGk=", "hi"),
        ("!!binary 4oI=", "\ufffd\ufffd"),
        ("!!timestamp 2024-01-01", "2024-01-01"),
        ("!!set {x}", {"x": None}),
        # Read as -1 by kubectl.
        ("0b-1", "0b-1"),
    ],
)
def test_reads_words_as_kubectl_does(word: str, value: Any) -> None:
    assert same(values(f"a: {word}\nb: [x, {word}]"), [{"a": value, "b": ["x", value]}])


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("plain", "plain"),
        ("yes", "true"),
        ("off", "false"),
        ("0644", "420"),
        ("1_000", "1000"),
        ("-5", "-5"),
        ("1.5", "1.5"),
        ("1.0", "1"),
        ("-0.0", "-0"),
        ("1e5", "100000"),
        ("1e6", "1e+06"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        # A key that is a float goes through 32 bits.
        ("16777217.0", "1.6777216e+07"),
        ("0.123456789", "0.12345679"),
        ("3.4028235e38", "3.4028235e+38"),
        ("1e39", ".inf"),
        ("-.inf", "-.inf"),
        (".nan", ".nan"),
        ("2024-01-01", "2024-01-01"),
        ('"1.0"', "1.0"),
        ("!!int 5", "5"),
        ("!!binary aGk=", "hi"),
        ('"<<"', "<<"),
        ("!!str <<", "<<"),
        ("=", "="),
    ],
)
def test_makes_keys_text_as_kubectl_does(word: str, key: str) -> None:
    assert values(f"{word}: x") == [{key: "x"}]


@given(st.floats())
def test_floats_keep_their_value(number: float) -> None:
    (value,) = values(f"a: {number!r}")
    assert float(value["a"]) == number if math.isfinite(number) else value == {"a": str(number)}
