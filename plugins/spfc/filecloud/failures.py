"""What an exception of the HTTP library tells: was the request sent, was it answered, can it ever work."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import requests

from spfc.errors import ConnectionInvalid, SpfcError


class Sent(StrEnum):
    """How far a request came before it failed."""

    NO = "no"
    """Never: there was no connection. Even a change may be sent again."""
    MAYBE = "maybe"
    """It was on its way; whether the server acted is unknown."""
    ANSWERED = "answered"
    """The answer had begun and broke off."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed exchange. ``text`` is short and free of addresses, headers and secrets.

    ``permanent`` is set when no repetition can help. ``stale``: the connection ended before any byte of an answer,
    as it does when the server closed it while it was idle.
    """

    sent: Sent
    text: str
    permanent: SpfcError | None = None
    stale: bool = False


def failure_of(error: requests.RequestException) -> Failure:
    """Judge an exception of ``requests`` (reference 12, rows from "connect error" to "body shorter")."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = f"The TLS certificate of FileCloud cannot be verified: {cause.verify_message}."
            hint = "Give the certificate authority in ca_file, or correct the host name."
            return Failure(Sent.NO, text, ConnectionInvalid(text, hint=hint))
    if isinstance(error, requests.ConnectTimeout):
        return Failure(Sent.NO, "the connection timed out")
    if isinstance(error, requests.exceptions.ProxyError):
        return Failure(Sent.NO, "the proxy cannot be reached or refused")
    if isinstance(error, requests.Timeout):
        return Failure(Sent.MAYBE, "the server fell silent")
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return Failure(Sent.ANSWERED, "the answer broke off")
    names = {type(cause).__name__ for cause in chain}
    if names & {"NewConnectionError", "NameResolutionError", "ConnectionRefusedError", "gaierror"}:
        return Failure(Sent.NO, "no connection (" + _root_text(chain) + ")")
    stale = any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in chain)
    return Failure(Sent.MAYBE, "the connection broke", stale=stale)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception and everything that it wraps, as cause, reason or argument, each once.

    Not the context: that may be an older, unrelated failure which somebody is handling right now.
    """
    todo, seen = [error], set[int]()
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [current.__cause__, getattr(current, "reason", None), *current.args]
        todo.extend(item for item in inner if isinstance(item, BaseException))


def _root_text(chain: list[BaseException]) -> str:
    for cause in chain:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
    return "refused or unknown host"
