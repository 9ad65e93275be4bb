"""Short forms of what the manifest reader gives, for the tests of its parts."""

from typing import Any

from kubepreflight.sources.yaml_reader import Document, Header, Problem, read_documents


def values(text: str | bytes) -> list[Any]:
    """The values of all documents, with the line of a problem in the place of what is broken."""
    data = text if isinstance(text, bytes) else text.encode()
    return [
        entry.value if isinstance(entry, Document) else f"problem on line {entry.line}"
        for entry in read_documents(data)
    ]


def only_problem(text: str | bytes) -> Problem:
    (problem,) = read_documents(text if isinstance(text, bytes) else text.encode())
    assert isinstance(problem, Problem)
    return problem


def same(one: Any, other: Any) -> bool:
    """Equal, and 1, 1.0 and True told apart, 0.0 and -0.0 too."""
    return repr(one) == repr(other)


def nothing(_header: Header) -> bool:
    """What wants nothing whole."""
    return False
