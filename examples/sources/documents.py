"""Read the source documents of one example: YAML as somebody would apply it, with `$(key)` where a value is filled in.

`$(pem NAME)` is a certificate authority's PEM, `$(authority NAME)` the same in base64, as a caBundle has it. A document
whose `x-cluster` has `each`, a list of mappings, stands for one document per mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sources.cluster import Object


class _PlainLoader(yaml.SafeLoader):
    """YAML in which a time stays the text that it is in JSON."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_documents(folders: Iterable[Path], values: Mapping[str, str]) -> Iterator[Object]:
    """The documents of all files of `folders`, in order of the files' names, filled with `values`."""
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=_PlainLoader):
            for own in document["x-cluster"].pop("each", [{}]):
                yield fill(document, {**values, **own})


def read_document(path: Path, values: Mapping[str, str]) -> Object:
    """One document, filled with `values`."""
    document: Object = fill(yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader), values)
    return document


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """A copy of `value` in which every `$(key)` is replaced by the text of that key."""
    if isinstance(value, dict):
        return {fill(key, values): fill(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return [fill(one, values) for one in value]
    if isinstance(value, str):
        for key, text in values.items():
            value = value.replace(f"$({key})", str(text))
    return value
