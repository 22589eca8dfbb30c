"""Every place where the simulator leaves Microsoft's metadata on purpose, each with the evidence for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ANNOTATIONS = frozenset(
    {
        ("driveItem", "@microsoft.graph.downloadUrl"),  # Graph reference 5.1
        ("list", "@odata.etag"),  # D-ldelta and its siblings show it in every sample of lists and their items
        ("listItem", "@odata.etag"),
        ("fieldValueSet", "@odata.etag"),  # so in recorded answers that public clients test with
    }
)
"""Annotations of a type, beside ``@odata.type``, that the service writes."""
FREE = frozenset({"fieldValueSet"})
"""Open types that are dictionaries by nature: the columns of a list (Graph reference 7)."""
TEXTS = "Collection(Edm.String)"
"""What ``<column>@odata.type`` says of a column of several choices."""
UNJUDGED = frozenset({"user", "permission"})
"""Types that the kept part of the metadata leaves out: the models of msgraph-sdk alone judge such answers."""
CONTROL = frozenset({"@odata.context", "@odata.nextLink", "@odata.deltaLink"})
"""Annotations of a whole answer (Graph reference 6.1, 17.3)."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation: where (a pattern over the place in the answer), which values, and why it is right."""

    name: str
    place: str
    value: str
    why: str

    def covers(self, where: str, value: Any) -> bool:
        """Say whether a finding is this deviation."""
        return bool(re.search(self.place, where) and re.fullmatch(self.value, repr(value)))


EXCEPTIONS = (
    Deviation(
        name="restricted facet",
        place=r"(^|\])\.restricted$",
        value=r"\{'decision': .*\}",
        why="Undocumented, seen on items that nobody may download (Graph reference 5.1, GC#442); driveItem is open.",
    ),
    Deviation(
        name="year 0001 with an offset",
        place=r"\.lastModifiedDateTime$",
        value=r"'0001-01-01T\d\d:00:00\+\d\d:00'",
        why="Seen on deleted items (Graph reference 5.1 and 6.5, OD#535); only under the knob delete_shape=year_0001.",
    ),
)
