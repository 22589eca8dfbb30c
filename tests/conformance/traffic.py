"""What a client asked of the services: calls, errors answered, and names that it was not led to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from simulators.common import Journal


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts: ``calls`` by service and operation, ``errors`` by operation and status, ``refused`` by host name."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, journal: Journal, refused: Mapping[str, int] | None = None) -> Self:
        """Count what a journal holds so far."""
        entries = journal.entries
        errors = (f"{e.operation} {e.status}" for e in entries if e.status >= 400 or e.status == 0)
        return cls(Counter(f"{e.service}.{e.operation}" for e in entries), Counter(errors), Counter(refused or {}))

    @property
    def unknown(self) -> dict[str, int]:
        """Requests that a simulator does not know, by service."""
        return {name: n for name, n in self.calls.items() if name.endswith(".unknown")}
