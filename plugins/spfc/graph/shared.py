"""What all Graph clients of one process share: a token per credentials, a governor per tenant and app."""

from __future__ import annotations

import os
import threading
from typing import Final

from spfc.graph.auth import TokenSource
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.pacing import LocalBank


class Shared:
    """A registry. Thread safe; a forked child starts with an empty one, because sockets cannot be shared."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything; clients that exist keep what they have."""
        self._lock = threading.Lock()
        self._tokens: list[tuple[GraphSettings, TokenSource]] = []
        self._governors: dict[tuple[str, str, str, str], Governor] = {}

    def tokens(self, settings: GraphSettings) -> TokenSource:
        """Return the token source of exactly these settings."""
        with self._lock:
            for known, source in self._tokens:
                if known == settings:
                    return source
            source = TokenSource(settings)
            self._tokens.append((settings, source))
            return source

    def governor(self, settings: GraphSettings) -> Governor:
        """Return the governor of this tenant and app; the first client of a process decides its own limit."""
        with self._lock:
            known = self._governors.get(settings.shared_key)
            if known is None:
                known = Governor(bank=LocalBank(settings.quota), longest_wait=settings.longest_wait)
                self._governors[settings.shared_key] = known
            return known


SHARED: Final = Shared()
os.register_at_fork(after_in_child=SHARED.reset)
