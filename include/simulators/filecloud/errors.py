"""The ways in which the simulated server says no."""

from __future__ import annotations


class Refused(Exception):
    """The server declines an operation; each operation has its own shape for saying so.

    `code` looks like a server code (reference 3.1: CLFC-...), the real catalogue being unknown. `status` is
    the HTTP status where the shape allows one (reference 7.5: knob for preconditions).
    """

    def __init__(self, message: str, code: str = "", status: int = 200) -> None:
        super().__init__(f"{message} [{code}]" if code else message)
        self.status = status


class Malformed(Exception):
    """A parameter is missing or unusable (reference 12: result 0, in JSON mode 422)."""


class NotFound(Refused):
    """What the operation speaks of does not exist."""
