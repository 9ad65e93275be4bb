"""One list in pages: while a page comes, the next is asked for already, so that the API server never waits for us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from kubepreflight.decoding import UNDECODABLE, Head
from kubepreflight.sources.connection import ApiError, Connection

PAGE = 500
OFFERS = 3
"""How many in a row are taken to go on with an expired list; one that works is followed by a page."""

Listed = tuple[bytes, str]
"""A page as it came, and its API version."""
Selection = Mapping[str, str]


def pages_of(connection: Connection, path: str, selector: str = "", labels: str = "") -> Iterator[Listed]:
    """The pages of one list, in order, of what a field selector and a label selector leave. Raises ApiError."""
    pool = ThreadPoolExecutor(2, thread_name_prefix="page")
    selection = {"fieldSelector": selector, "labelSelector": labels}

    def ask(token: str) -> tuple[Future[str], Future[Listed]]:
        following: Future[str] = Future()
        return following, pool.submit(_page, connection, path, selection, token, following)

    try:
        following, page = ask("")
        while token := following.result():
            following, ahead = ask(token)
            yield page.result()
            page = ahead
        yield page.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _page(connection: Connection, path: str, selection: Selection, token: str, following: Future[str]) -> Listed:
    """One page; where the list goes on is given to `following` as soon as it is known, "" when it does not."""

    def began(start: bytes) -> None:
        head = _head_before_items(start)
        if head is not None and not following.done():
            following.set_result(head.metadata.token)

    try:
        body = _body(connection, path, selection, token, began)
        head = _head(body)
        if not following.done():
            following.set_result(head.metadata.token)
        return body, head.api_version
    finally:
        if not following.done():
            following.set_result("")


def _body(connection: Connection, path: str, selection: Selection, token: str, began: Callable[[bytes], None]) -> bytes:
    """When the server has forgotten the list's version (410), its offer to go on is taken: as often as it takes, as
    long as pages come."""
    offers = 0
    while True:
        try:
            return connection.get(path, began, limit=PAGE, **selection, **{"continue": token})
        except ApiError as error:
            offers += 1
            if error.status != 410 or not error.continue_token or offers > OFFERS:
                raise
            token = error.continue_token


def _head(page: bytes) -> Head:
    """What a list says of itself. Raises ApiError for what is none."""
    head = _head_before_items(page)
    if head is not None:
        return head
    try:
        return _HEADS.decode(page)
    except UNDECODABLE as error:
        raise ApiError(0, f"the answer is no list: {error}") from error


class _Complete(Head, rename="camel", kw_only=True):
    """A list's head that does have its metadata: of custom resources these come behind the items."""

    metadata: Head.Names


# Made once, before there are threads: msgspec 0.22 crashes when several are the first to decode a struct.
_HEADS = msgspec.json.Decoder(Head)
_COMPLETE_HEADS = msgspec.json.Decoder(_Complete)


def _head_before_items(start: bytes) -> Head | None:
    """What a list says of itself before its items, if it does: then it need not be there whole."""
    end = start.find(b',"items":')
    try:
        return _COMPLETE_HEADS.decode(start[:end] + b"}") if end > 0 else None
    except UNDECODABLE:
        return None
