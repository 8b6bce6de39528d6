"""HTTP requests to addresses that others chose: only to public addresses of the Internet.

A URL from outside may name a service of this machine or network, directly, by a name that resolves to it, or
by a redirect (server-side request forgery). Every connection here resolves the host once, refuses it unless
all its addresses are public, and connects to one of those very addresses, so that a second resolution cannot
give another one (DNS rebinding). A redirect opens another connection, which is checked in the same way.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin

from eddyline.core.errors import InputError, TransientError, UsageError
from eddyline.store.http_ranges import MAX_REDIRECTS, parse_url

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FIRST_UNPRIVILEGED_PORT = 1024  # below are services such as SMTP that an HTTP request can confuse
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_READ_SIZE = 64 * 1024
# Networks that stand for an IPv4 address: NAT64 (RFC 6052) and its local-use prefix (RFC 8215).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Returns all addresses of a host, as text."""


class ForbiddenAddressError(UsageError):
    """The URL leads to an address that is not public."""

    default_remedy = "use a URL of a server with a public address"


def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host. Raises `TransientError` if its name cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransientError(f"the host {host} cannot be resolved: {error}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether a numeric address is a public unicast address; addresses inside IPv6 ones count as well."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return "%" not in address and all(map(_is_public, _with_embedded(parsed)))


def _is_public(address: IPAddress) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _with_embedded(address: IPAddress) -> list[IPAddress]:
    """The address and the IPv4 addresses to which a gateway would translate it."""
    if not isinstance(address, ipaddress.IPv6Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    embedded: list[IPAddress] = [address]
    if address.sixtofour is not None:
        embedded.append(address.sixtofour)
    if address.teredo is not None:
        embedded.extend(address.teredo)
    if address in _NAT64:
        embedded = [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return embedded


@dataclass(frozen=True, kw_only=True)
class PublicConnections:
    """Opens connections to public addresses only.

    `exempt` are hosts with ports ("127.0.0.1:8080") that an operator allows; `tls` is the context of https.
    """

    resolve: Resolve = resolve
    exempt: frozenset[str] = frozenset()
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def open(self, url: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
        """A connection for requests to `url`; it connects to an address that was checked.

        Raises:
            ForbiddenAddressError: an address of the host is not public, or the port is not allowed.
            TransientError: the host cannot be resolved.
        """
        host, port = url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme]
        addresses = self.checked_addresses(host, port)
        if url.scheme == "https":
            return _SecureConnection(host, port, addresses, timeout_s, self.tls)
        return _PlainConnection(host, port, addresses, timeout_s)

    def checked_addresses(self, host: str, port: int) -> Sequence[str]:
        """All addresses of a host, if all are public. Raises as `open` does."""
        if f"{host}:{port}" in self.exempt:
            return self.resolve(host, port)
        if port not in _DEFAULT_PORTS.values() and port < _FIRST_UNPRIVILEGED_PORT:
            raise ForbiddenAddressError(f"port {port} is not allowed", remedy="use port 80 or 443")
        addresses = self.resolve(host, port)
        if not addresses or not all(map(is_public, addresses)):
            # The message does not contain the address: the client that chose the URL must not learn it.
            raise ForbiddenAddressError(f"{host} does not have a public address")
        return addresses


def _connect(addresses: Sequence[str], port: int, timeout_s: float) -> socket.socket:
    """A socket to the first address that accepts the connection."""
    failure: OSError | None = None
    for address in addresses[:4]:
        try:
            return socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failure = error
    raise failure or OSError("the host has no address")


class _PlainConnection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, addresses: Sequence[str], timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._addresses, self._timeout_s = addresses, timeout_s

    def connect(self) -> None:
        self.sock = _connect(self._addresses, self.port, self._timeout_s)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(
        self, host: str, port: int, addresses: Sequence[str], timeout_s: float, tls: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, timeout=timeout_s, context=tls)
        self._addresses, self._timeout_s, self._tls = addresses, timeout_s, tls

    def connect(self) -> None:
        plain = _connect(self._addresses, self.port, self._timeout_s)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """A response; header names are in lower case. `body` has at most the requested number of bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class PublicHttp:
    """Requests with a deadline and a bounded response, to public addresses only."""

    connections: PublicConnections = field(default_factory=PublicConnections)
    timeout_s: float = 15.0

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 64 * 1024,
        redirects: int = 0,
    ) -> HttpResponse:
        """Send a request; follows up to `redirects` redirects of a GET, each checked again.

        A longer response is cut off at `max_bytes`; the whole exchange takes at most `timeout_s` after the
        connection is open. Raises `UsageError` for an invalid URL, `ForbiddenAddressError`, `TransientError`.
        """
        parts = parse_url(url)
        for _ in range(redirects + 1):
            response = self._exchange(method, parts, body, headers or {}, max_bytes)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or not location or not redirects:
                return response
            parts = _redirected(parts, location)
        raise InputError(f"more than {redirects} redirects", remedy="use the URL that they lead to")

    def fetch(self, url: str, max_bytes: int) -> bytes:
        """The body of a successful GET of at most `max_bytes`.

        Raises as `request` does, and `InputError` for another status or a longer body.
        """
        response = self.request("GET", url, max_bytes=max_bytes + 1, redirects=MAX_REDIRECTS)
        if response.status != http.client.OK:
            raise InputError(f"the server answered with status {response.status}", remedy="check the URL")
        if len(response.body) > max_bytes:
            raise InputError(f"the response has more than {max_bytes} bytes", remedy="check the URL")
        return response.body

    def _exchange(
        self, method: str, url: SplitResult, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> HttpResponse:
        connection = self.connections.open(url, self.timeout_s)
        expired = threading.Event()

        def expire(sock: socket.socket) -> None:
            # A server that sends a byte now and then never lets the timeout of the socket pass.
            expired.set()
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

        timer: threading.Timer | None = None
        try:
            connection.connect()
            # Kept here: the connection forgets it once the response has begun.
            timer = threading.Timer(self.timeout_s, expire, (connection.sock,))
            timer.daemon = True
            timer.start()
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request(method, path, body, {"User-Agent": "eddyline", **headers})
            response = connection.getresponse()
            received = _read(response, max_bytes)
            if expired.is_set():
                raise TransientError(f"{url.hostname} is too slow")
            return HttpResponse(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=received,
            )
        except TimeoutError as error:
            raise TransientError(f"{url.hostname} does not respond") from error
        except (OSError, http.client.HTTPException) as error:
            reason = "it is too slow" if expired.is_set() else str(error)
            raise TransientError(f"{url.hostname} is unavailable: {reason}") from error
        finally:
            if timer is not None:
                timer.cancel()
            connection.close()


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    received = bytearray()
    while len(received) < max_bytes:
        part = response.read1(min(_READ_SIZE, max_bytes - len(received)))
        if not part:
            break
        received += part
    return bytes(received)


def _redirected(url: SplitResult, location: str) -> SplitResult:
    target = parse_url(urljoin(url.geturl(), location))
    if url.scheme == "https" and target.scheme != "https":
        raise UsageError("the server redirects from https to http", remedy="use the URL that it leads to")
    return target
