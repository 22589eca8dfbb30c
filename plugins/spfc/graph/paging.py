"""Read a collection of Graph to its end: all pages of it, or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spfc.errors import AnswerUnreadable, SpfcError
from spfc.graph.replies import Refusal
from spfc.graph.wire import Call, Wire

_MOST_PAGES = 100
"""A site with more pages of libraries or lists, or a list with more pages of columns, is a server that never ends."""
_UNITS = 2
"""What a page of a collection costs (Graph reference 10.1)."""


def read_collection(
    wire: Wire, url: str, operation: str, about: str, explain: Callable[[Refusal], SpfcError | None]
) -> Iterator[Mapping[str, Any]]:
    """Yield what the collection at ``url`` holds, asking for its pages one by one (2 units each).

    Raises AnswerUnreadable for a page without a list of objects, and when the pages do not end: a collection that was
    cut short must not look like one in which something is missing.
    """
    following: object = url
    for _ in range(_MOST_PAGES):
        body = wire.get_json(Call(str(following), operation, _UNITS, about, explain))
        value = body.get("value")
        if not isinstance(value, list) or not all(isinstance(raw, dict) for raw in value):
            raise AnswerUnreadable(f"A page of {about} holds no list of them.")
        yield from value
        following = body.get("@odata.nextLink")
        if not following:
            return
    raise AnswerUnreadable(f"The answer about {about} does not end.")
