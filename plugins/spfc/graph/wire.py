"""One request to Microsoft Graph: metered, timed out, repeated where that helps, its failure named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from spfc.errors import AnswerUnreadable, RequestRefused, SpfcError
from spfc.graph.auth import TokenSource
from spfc.graph.governor import Governor, Meter
from spfc.graph.patience import Patience
from spfc.graph.replies import (
    OUTAGE_CEILING,
    Refusal,
    error_of,
    named_limit,
    rate_limit,
    read_refusal,
    transport_error,
)
from spfc.graph.sessions import PinnedSession
from spfc.graph.settings import GraphSettings

Explain = Callable[[Refusal], SpfcError | None]
"""Turns a refusal into a better error than the general one, or None. Not asked for 401, 429, 5xx."""
WIRE_ERRORS: Final = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError)
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Call:
    """One GET: what to ask (absolute URL or path below the Graph root), and what it is worth.

    ``units`` as in Graph reference 10.1. ``about`` says in an error what was asked for; it must not hold
    secrets.
    """

    url: str
    operation: str
    units: int
    about: str
    explain: Explain | None = None


class Wire:
    """Sends calls with a token. Thread safe. ``meter`` counts this object, the governor the process."""

    def __init__(self, settings: GraphSettings, tokens: TokenSource, governor: Governor) -> None:
        self.settings = settings
        self.governor = governor
        self.meter = Meter()
        self._tokens = tokens
        self._session = PinnedSession(settings)
        self._host = urlsplit(settings.root).hostname or ""

    def get_json(self, call: Call) -> dict[str, Any]:
        """Return the JSON object that a call answers with."""
        return self._ask(call, lambda response: _read_object(response, call.about))

    def get_location(self, call: Call) -> str:
        """Return where a call redirects to. The redirect is not followed, so no token leaves Graph."""
        return self._ask(call, lambda response: _read_location(response, call.about))

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()

    def _ask(self, call: Call, read: Callable[[requests.Response], _Read]) -> _Read:
        url = self._absolute(call)
        patience = Patience(self.governor, self.settings.retries, self.meter)
        renewed = False
        while True:
            problem: SpfcError
            try:
                token = self._tokens.get()
            except SpfcError as error:
                problem = error
            else:
                outcome = self._attempt(call, url, token, read)
                if not isinstance(outcome, SpfcError | Refusal):
                    return outcome
                if isinstance(outcome, Refusal) and outcome.status == 401 and not renewed:
                    renewed = True
                    self._tokens.discard(token)
                    continue
                problem = self._problem(call, outcome)
            patience.after(problem)

    def _attempt(
        self, call: Call, url: str, token: str, read: Callable[[requests.Response], _Read]
    ) -> _Read | Refusal | SpfcError:
        self.governor.enter(call.operation, call.units)
        self.meter.add(call.operation, call.units)
        limits: tuple[int | None, float | None] = (None, None)
        named: int | None = None
        # Errors are returned, not raised here: an exception raised while another is handled keeps that one,
        # and with it the request and its Authorization header, alive in every traceback.
        try:
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            with self._session.fetch(url, headers) as response:
                limits, named = rate_limit(response.headers), named_limit(response.headers)
                return read_refusal(response) if response.status_code >= 400 else read(response)
        except SpfcError as error:
            return error
        except WIRE_ERRORS as error:
            return transport_error(error, call.about, self._host)
        finally:
            self.governor.leave(call.units, remaining=limits[0], reset=limits[1], limit=named)

    def _problem(self, call: Call, outcome: Refusal | SpfcError) -> SpfcError:
        if isinstance(outcome, SpfcError):
            return outcome
        if outcome.status < 500 and outcome.status not in (401, 429) and call.explain is not None:
            better = call.explain(outcome)
            if better is not None:
                # A refusal that has a name is final: also one that a caller may act on, like an expired cursor.
                raise better
        problem = error_of(outcome, call.about)
        if outcome.status == 503 and problem.retry_after is not None:
            problem.retry_after = min(problem.retry_after, OUTAGE_CEILING)
        return problem

    def _absolute(self, call: Call) -> str:
        url = call.url if "://" in call.url else f"{self.settings.root}{call.url}"
        if not self.settings.is_graph(url):
            raise RequestRefused(
                f"The link for {call.about} points to another host than {self._host}: our token is not sent.",
                hint="Correct graph_root, or run the route in mode full to start the change feed anew.",
            )
        return url


def _read_object(response: requests.Response, about: str) -> dict[str, Any]:
    status, media = response.status_code, response.headers.get("Content-Type", "none")
    try:
        body = json.loads(response.content) if status == 200 else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise AnswerUnreadable(
            f"Microsoft Graph answered {about} with something else than a JSON object "
            f"(status {status}, type {media.split(';')[0]}).",
            hint="A proxy or sign-in page in between would look like this.",
        )
    return body


def _read_location(response: requests.Response, about: str) -> str:
    location = response.headers.get("Location")
    if not 300 <= response.status_code < 400 or not location:
        raise AnswerUnreadable(
            f"Microsoft Graph answered {about} with status {response.status_code} and no link to the content."
        )
    # Reading the empty body gives the connection back to the pool.
    _ = response.content
    return location
