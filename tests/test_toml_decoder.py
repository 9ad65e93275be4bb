"""TOML of strangers: read, or refused with its line, and never for long."""

from __future__ import annotations

import pytest

from kubepreflight.toml_decoder import MOST_DOTS, TomlError, decode_toml


def test_what_people_write_is_read() -> None:
    many = ", ".join(f'"10.0.0.{number}"' for number in range(MOST_DOTS))
    assert decode_toml(f"a.b = 1\n[c]\nlist = [{many}]\n")["a"] == {"b": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = [\n", "at end of document"),
        ("a = 1\nb 2\n", "at line 2"),
        ("ok = 1\n" + "a." * 500_000 + "b = 1\n", r"more than 300 dots .*\(at line 2\)"),
        ("x = {" + "a." * 500_000 + "b = 1}\n", r"more than 300 dots .*\(at line 1\)"),
        ("x" + '."a"' * 500_000 + " = 1\n", r"more than 300 dots .*\(at line 1\)"),
        ("a = " + "9" * 5000, "digits"),
        ("a = " + "[" * 100_000, "nested too deep"),
        ("x = [\n" + ("{" + "a." * 200 + "b = [\n") * 20 + "]}\n" * 20 + "]\n", "nested too deep"),
    ],
    ids=[
        "no end",
        "no equals sign",
        "a long key",
        "a long key within",
        "a long key in quotes",
        "a long number",
        "brackets",
        "keys within keys",
    ],
)
def test_what_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(TomlError, match=said):
        decode_toml(text)
