"""The Secrets that used to be generated for ServiceAccounts. The table is `generated_tokens.toml`."""

from __future__ import annotations

import re
from functools import cache
from typing import Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    none_since: Minor
    characters: str
    source: str


class GeneratedTokens(msgspec.Struct, frozen=True):
    """The first minor that generates none, and the pattern of their names."""

    info: TableInfo
    none_since: Minor
    pattern: re.Pattern[str]

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The table that is shipped: what is not generated any more does not come back."""
        file = read_toml(DIRECTORY / "generated_tokens.toml", _File, frozenset({"from", "to", "none_since"}))
        pattern = re.compile(rf"([a-z0-9.-]{{1,253}})-token-[{file.characters}]{{5}}")
        return cls(file.verified.info("generated-tokens", open_ended=True), file.none_since, pattern)

    def account(self, secret: str) -> str:
        """The ServiceAccount for which a Secret of this name was generated; empty when it does not look so."""
        match = self.pattern.fullmatch(secret)
        return match[1] if match else ""
