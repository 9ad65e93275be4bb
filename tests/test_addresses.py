"""Addresses that can be read in two ways."""

from __future__ import annotations

import pytest

from kubepreflight.semantics.addresses import HOST_BITS, LEADING_ZEROS, MAPPED, fault_of_address, fault_of_network
from tests.addresses import ADDRESSES, NETWORKS


@pytest.mark.parametrize(("text", "what", "instead"), ADDRESSES)
def test_addresses(text: str, what: str | None, instead: str) -> None:
    fault = fault_of_address(text)
    assert (fault and fault.what, fault.instead if fault else "") == (what, instead)


@pytest.mark.parametrize(("text", "what", "instead"), NETWORKS)
def test_networks(text: str, what: str | None, instead: str) -> None:
    fault = fault_of_network(text)
    assert (fault and fault.what, fault.instead if fault else "") == (what, instead)


@pytest.mark.parametrize("instead", [one[2] for one in ADDRESSES if one[1]])
def test_what_is_to_be_written_instead_is_right(instead: str) -> None:
    assert fault_of_address(instead) is None


@pytest.mark.parametrize("instead", [one[2] for one in NETWORKS if one[1] in (LEADING_ZEROS, HOST_BITS)])
def test_so_are_networks(instead: str) -> None:
    assert fault_of_network(instead) is None


def test_a_long_text_is_no_address() -> None:
    assert fault_of_address("0" * 100_000 + "1.2.3.4") is None
    assert fault_of_network("10.0.0.0/" + "0" * 100_000 + "8") is None
    assert MAPPED
