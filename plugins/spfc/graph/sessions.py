"""HTTP sessions that no environment variable, netrc file, cookie or debug log can turn against us."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, MutableMapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, should_bypass_proxies

from spfc.errors import ConnectionInvalid
from spfc.graph.settings import GraphSettings

_WIRE_LOGGERS = ("urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")
_QUERY = re.compile(r"\?[^\s\"')]*")


class _QueryFilter(logging.Filter):
    """Cuts the query off every URL that urllib3 logs: a pre-signed link is as good as a password."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "?" in text:
            record.msg, record.args = _QUERY.sub("?***", text), ()
        return True


_FILTER = _QueryFilter()


def guard_wire_logs() -> None:
    """Keep queries out of urllib3's own log records, whatever level anybody sets. May be called often."""
    for name in _WIRE_LOGGERS:
        logger = logging.getLogger(name)
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)


class PinnedSession(requests.Session):
    """A session with time-outs always, no cookies, no netrc, and a CA that the environment cannot replace.

    requests lets REQUESTS_CA_BUNDLE win over ``session.verify`` and lets netrc replace an Authorization
    header (Graph reference 3); so ``trust_env`` is off, and only what is wanted of the environment is taken
    over.
    """

    def __init__(self, settings: GraphSettings) -> None:
        super().__init__()
        guard_wire_logs()
        self.trust_env = False
        self.verify = self._trust = _verify_of(settings)
        self.headers["User-Agent"] = settings.user_agent
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._environment_proxies = settings.trust_env and settings.proxies is None
        self._own_proxies = dict(settings.proxies or {})
        self._no_proxy = self._own_proxies.pop("no_proxy", None)
        self._timeout = (settings.connect_timeout, settings.read_timeout)
        self._always = {name: str(value) for name, value in self.headers.items()}
        self._proxies_to: dict[tuple[str, str], dict[str, str]] = {}
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_connections=8, pool_maxsize=settings.pool_size))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does it, but never without a time-out."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().request(method, url, *args, **kwargs)

    def fetch(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """GET ``url`` as it was given: not followed, not read, and not re-encoded.

        requests rewrites escapes (``%7E`` to ``~``), but links of the service are opaque, and a pre-signed one must
        not be touched (Graph reference 6.1, 8.1). Only the case of escapes is still normalised, by urllib3.
        """
        prepared = self._as_given(url, headers) or self.prepare_request(requests.Request("GET", url, headers=headers))
        adapter = self.get_adapter(prepared.url or url)
        return adapter.send(
            prepared, stream=True, timeout=self._timeout, verify=self._trust, proxies=self.proxies_for(url)
        )

    def _as_given(self, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest | None:
        """Put a GET together by hand, which is also far cheaper; None for a URL that must be encoded first."""
        if not (url.isascii() and url.isprintable() and " " not in url and url.startswith(("https://", "http://"))):
            return None
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = "GET", url
        prepared.headers = CaseInsensitiveDict({**self._always, **headers})
        prepared.hooks = default_hooks()
        return prepared

    def proxies_for(self, url: str) -> dict[str, str]:
        """Return the proxies on the way to ``url``, looked up once for each host: the environment is slow to read."""
        parts = urlsplit(url)
        where = (parts.scheme, parts.netloc)
        found = self._proxies_to.get(where)
        if found is None:
            found = self._proxies_to[where] = self._chosen_proxies(url, {})
        return found

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow nothing and look at no Location: where a token or a link may go is decided elsewhere."""
        return None

    def merge_environment_settings(
        self,
        url: str | bytes | None,
        proxies: MutableMapping[str, str] | None,
        stream: bool | None,
        verify: bool | str | None,
        cert: str | tuple[str, str] | Mapping[str, str] | None,
    ) -> Any:
        """Add our proxies, or the environment's when they are wanted, and nothing else of the environment."""
        chosen = self._chosen_proxies(url, proxies or {}) if isinstance(url, str) else dict(proxies or {})
        return super().merge_environment_settings(url, chosen, stream, verify, cert)  # type: ignore[arg-type]

    def _chosen_proxies(self, url: str, given: Mapping[str, str]) -> dict[str, str]:
        if self._environment_proxies:
            return {**get_environ_proxies(url), **given}
        if self._no_proxy and should_bypass_proxies(url, self._no_proxy):
            return dict(given)
        return {**self._own_proxies, **given}


def _verify_of(settings: GraphSettings) -> bool | str:
    bundle = _bundle_of(settings)
    if isinstance(bundle, str) and not Path(bundle).exists():
        # The HTTP library would say so with an error of no kind that anybody handles.
        raise ConnectionInvalid(
            f"The file of certificate authorities {bundle} is not there.",
            hint="Correct ca_file in the SharePoint connection, or REQUESTS_CA_BUNDLE in the environment: it is a path "
            "on the machine that runs the task.",
        )
    return bundle


def _bundle_of(settings: GraphSettings) -> bool | str:
    if settings.ca_file is not None:
        return str(settings.ca_file)
    if not settings.verify:
        return False
    if settings.trust_env:
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return True
