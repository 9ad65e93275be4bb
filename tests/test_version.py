import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubepreflight.version import Minor, Version


@pytest.mark.parametrize(
    ("text", "shown", "minor", "build"),
    [
        ("v1.36.3", "1.36.3", "1.36", ""),
        ("1.37", "1.37", "1.37", ""),
        ("v1.30.2+k3s1", "1.30.2", "1.30", "k3s1"),
        ("v1.27.3-gke.100", "1.27.3", "1.27", "gke.100"),
        ("v1.29.3-eks-adc7111", "1.29.3", "1.29", "eks-adc7111"),
        ("1.31.0-rc.1", "1.31.0-rc.1", "1.31", ""),
        ("v1.38.0-alpha.2.317+abc", "1.38.0-alpha.2", "1.38", "abc"),
        ("1.28.0-1.1", "1.28.0", "1.28", "1.1"),
        ("1.16.4-00", "1.16.4", "1.16", "00"),
        ("1.27+", "1.27", "1.27", ""),
        ("3.5.24-0", "3.5.24", "3.5", "0"),
    ],
)
def test_reads_what_is_met_in_the_field(text: str, shown: str, minor: str, build: str) -> None:
    version = Version.parse(text)
    assert (str(version), str(version.minor_version), version.build) == (shown, minor, build)


@pytest.mark.parametrize(
    "text",
    ["", "1", "latest", "v1.x", "1.2.3.4.5", "main", "x" * 10_000, "1." + "9" * 50, "1.٣", "1.37.٢", "1.37\u2003"],
)
def test_refuses_the_rest(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)
    assert Version.try_parse(text) is None


def test_order() -> None:
    ordered = ["1.9.11", "1.10.0", "1.31.0-alpha.3", "1.31.0-beta.0", "1.31.0-rc.1", "1.31.0", "v1.31.1", "1.32"]
    assert sorted(ordered, key=Version.parse) == ordered
    assert Version.parse("v1.27.3-gke.100") == Version.parse("1.27.3")
    assert Version.parse("1.27.3+k3s1") < Version.parse("1.27.4")


def test_minors() -> None:
    minor = Minor.parse("v1.36.3")
    assert str(minor.plus(1)) == "1.37"
    assert minor.distance(Minor(1, 33)) == 3
    assert minor.distance(Minor(1, 37)) == -1


@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99))
def test_what_is_written_is_read_again(major: int, minor: int, patch: int) -> None:
    version = Version(major, minor, patch)
    assert Version.parse(str(version)) == version
