"""The way to a server, looked at by hand: its name, its port, its certificate, its clock."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

import urllib3
from cryptography import x509
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.util.ssl_ import ssl_wrap_socket

from spfc.doctor.shape import Finding, Step, fail, ok, skipped, warn
from spfc.wording import duration

TIMEOUT = 10.0
"""Seconds for a connection or a handshake: as long as the clients wait (FileCloud reference 12, deadlines)."""
EXPIRY_DAYS = 21.0
"""A certificate that ends sooner is worth a word: by then most automatic renewals have happened."""
SKEW_LIMIT = 300.0
"""Seconds: half the life of a sign-in with a certificate (600 s, Graph reference 3)."""
SKEW_NOTICE = 30.0
"""Seconds from which a difference is worth a word."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PORTS = {"https": 443, "http": 80}
_UNTRUSTED = frozenset({18, 19, 20, 21})
"""OpenSSL's codes for a chain that ends in nobody whom we trust."""
_MISMATCH = frozenset({62, 64})
_EXPIRED, _TOO_EARLY = 10, 9


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server as its client reaches it: ``trust`` and ``proxies`` as the client gives them to its HTTP library."""

    label: str
    url: str
    trust: bool | str
    proxies: Mapping[str, str]

    @property
    def host(self) -> str:
        """The name in the address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port in the address, else that of its scheme."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS.get(parts.scheme, 443)

    @property
    def proxy(self) -> str | None:
        """The proxy on the way, None when there is none. May hold a password: not to be shown."""
        return select_proxy(self.url, self.proxies) or None

    @property
    def first_hop(self) -> tuple[str, int]:
        """Whom we really connect to: the proxy, else the server."""
        if self.proxy is None:
            return self.host, self.port
        parts = urlsplit(_with_scheme(self.proxy))
        return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)

    @property
    def via(self) -> str:
        """How a sentence names the way: empty without a proxy."""
        return "" if self.proxy is None else f" (the proxy on the way to {self.host})"


def name_is_known(endpoint: Endpoint) -> Finding:
    """Resolve the name of whom we connect to."""
    host, port = endpoint.first_hop
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return fail(
            f"The name {host}{endpoint.via} cannot be resolved.",
            f"Correct {'the proxy setting' if endpoint.via else 'the address in the connection'}, or the DNS settings "
            "of this machine.",
        )
    return ok(f"{host}{endpoint.via} is {', '.join(sorted({str(address[4][0]) for address in found}))}.")


def port_is_open(endpoint: Endpoint) -> Finding:
    """Open a connection, and a tunnel through the proxy if there is one."""
    host, port = endpoint.first_hop
    try:
        _connect(endpoint).close()
    except (OSError, http.client.HTTPException) as error:
        return fail(
            f"No connection to {host} port {port}{endpoint.via}: {_reason(error)}.",
            "Correct host and port in the connection, start the server, or open the firewall from this machine to it.",
        )
    return ok(f"{host} port {port}{endpoint.via} answers.")


def certificate_is_good(endpoint: Endpoint, *, now: float) -> Finding:
    """Shake hands as the clients do; ``now`` is seconds since 1970, for how long the certificate is good."""
    if not endpoint.url.startswith("https:"):
        return _in_clear(endpoint)
    try:
        der, version = _handshake(endpoint)
    except ssl.SSLCertVerificationError as error:
        return _refused(endpoint, error)
    except (OSError, urllib3.exceptions.SSLError, http.client.HTTPException) as error:
        if isinstance(endpoint.trust, str) and not isinstance(error, ssl.SSLError):
            return _no_authorities(endpoint, error)
        return fail(
            f"No TLS with {endpoint.host}: {_reason(error)}.",
            "Check that this port speaks TLS, that the server offers TLS 1.2 or newer, and any proxy in between.",
        )
    certificate = x509.load_der_x509_certificate(der)
    left = certificate.not_valid_after_utc.timestamp() - now
    issuer = _common_name(certificate.issuer)
    until = certificate.not_valid_after_utc.strftime("%Y-%m-%d")
    told = f"{version}; certificate by {issuer}, good until {until}"
    if endpoint.trust is False:
        return warn(f"{told}; NOT checked, because 'verify' is off.", "Switch verify on, and give a private ca_file.")
    if left < EXPIRY_DAYS * 86400:
        return warn(f"{told}, which is soon.", f"Renew the certificate of {endpoint.host} before {until}.")
    return ok(f"{told}.")


def clocks_agree(date: str | None, machine: float, *, whose: str, step: str) -> tuple[Finding, float]:
    """Compare a ``Date`` header with ``machine`` (seconds since 1970); also return by how much the server is ahead.

    The header is cut to whole seconds, so half of one is added.
    """
    try:
        there = parsedate_to_datetime(date or "").astimezone(UTC).timestamp() + 0.5
    except ValueError:
        return warn(f"{whose} does not say what time it is.", "Check both clocks by hand."), 0.0
    ahead = there - machine
    text = f"{whose} is {duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine"
    if abs(ahead) > SKEW_LIMIT:
        return fail(f"{text}.", step), ahead
    if abs(ahead) > SKEW_NOTICE:
        return warn(f"{text}.", step), ahead
    return ok(f"{text}: {datetime.fromtimestamp(there, UTC):%Y-%m-%d %H:%M:%S} UTC."), ahead


def _connect(endpoint: Endpoint) -> socket.socket:
    host, port = endpoint.first_hop
    if endpoint.proxy is None or not endpoint.url.startswith("https:") or not _is_plain_proxy(endpoint):
        return socket.create_connection((host, port), TIMEOUT)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    connection.set_tunnel(endpoint.host, endpoint.port, _proxy_headers(endpoint.proxy))
    connection.connect()
    if connection.sock is None:
        raise ConnectionError("the proxy closed the connection")
    return connection.sock


def _handshake(endpoint: Endpoint) -> tuple[bytes, str]:
    """Return the server's certificate and the version of TLS. The context is made as the HTTP library makes it."""
    bundle = DEFAULT_CA_BUNDLE_PATH if endpoint.trust is True else endpoint.trust or None
    with _connect(endpoint) as plain:
        wrapped = ssl_wrap_socket(
            plain,
            cert_reqs=ssl.CERT_REQUIRED if endpoint.trust else ssl.CERT_NONE,
            ca_certs=bundle,
            server_hostname=endpoint.host,
        )
        with wrapped:
            return wrapped.getpeercert(binary_form=True) or b"", wrapped.version() or "TLS"


def _in_clear(endpoint: Endpoint) -> Finding:
    if endpoint.host in LOOPBACK:
        return ok("Plain http, but only within this machine.")
    return warn(
        f"{endpoint.label} is reached over plain http: passwords and documents can be read on the way.",
        "Set schema to https in the connection.",
    )


def _refused(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> Finding:
    text = f"The certificate of {endpoint.host} is refused: {error.verify_message.rstrip('.')}."
    if error.verify_code == _EXPIRED:
        return fail(text, f"Renew the certificate of {endpoint.host}, or set this machine's clock.")
    if error.verify_code == _TOO_EARLY:
        return fail(text, "Set this machine's clock, or wait until the certificate begins to be good.")
    if error.verify_code in _MISMATCH:
        return fail(text, "Use a name that the certificate was made for as host, or have it made for this one.")
    if error.verify_code in _UNTRUSTED:
        return fail(text, "Give the file of the authority that signed it as ca_file in the extra of the connection.")
    return fail(text, "Have the certificate chain of the server corrected, or give its authority as ca_file.")


def _no_authorities(endpoint: Endpoint, error: Exception) -> Finding:
    return fail(
        f"The certificate authorities in {endpoint.trust} cannot be used: {_reason(error)}.",
        "Correct ca_file in the extra of the connection: a PEM file on this machine that this user may read.",
    )


def _reason(error: Exception) -> str:
    """Return the short cause of a failed connection; never an address, which could hold a password."""
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    text = str(cause) if isinstance(cause, OSError) else type(cause).__name__
    return text.split("\n")[0][:100] or type(cause).__name__


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_plain_proxy(endpoint: Endpoint) -> bool:
    """Say whether the proxy is one that we can ask for a tunnel: others are only looked at from outside."""
    return _with_scheme(endpoint.proxy or "").startswith("http://")


def can_shake_hands(endpoint: Endpoint) -> bool:
    """Say whether the certificate of the server itself can be seen from here."""
    return endpoint.proxy is None or _is_plain_proxy(endpoint)


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(_with_scheme(proxy))
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _common_name(name: x509.Name) -> str:
    for oid in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(oid)
        if found:
            return str(found[0].value)
    return "an unnamed authority"


def steps_to(
    prefix: str, endpoint: Callable[[], Endpoint], needs: tuple[str, ...], now: Callable[[], float]
) -> list[Step]:
    """Return the three checks of the way to one server, in order; the last is ``<prefix>.tls``."""

    def shake() -> Finding:
        server = endpoint()
        if not can_shake_hands(server):
            return skipped("the proxy on the way is of a kind that cannot be looked through from here")
        return certificate_is_good(server, now=now())

    return [
        Step(f"{prefix}.name", lambda: name_is_known(endpoint()), needs),
        Step(f"{prefix}.port", lambda: port_is_open(endpoint()), (f"{prefix}.name",)),
        Step(f"{prefix}.tls", shake, (f"{prefix}.port",)),
    ]
