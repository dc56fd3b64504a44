"""Where a fetch may connect to: public addresses, and the private ones that SLUICE_ALLOW_ADDRESSES names.

A name is resolved once, every address that it has is looked at, and the connection goes to one that was looked at: a
second answer of the DNS has no effect. So it is for redirects, which connect in the same way.
"""

import ipaddress
import socket
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpcore

from extract.collect.way import NotData
from warehouse.errors import SluiceError
from warehouse.settings import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check(host: str, port: int) -> list[str]:
    """The addresses of a host, all of them allowed. Numbers in any spelling (2130706433, 0x7f.1) are told by what the
    system makes of them. Raises NotData where one is not allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} has no address ({error})") from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        if not allowed(address):
            raise NotData(
                f"{host} is {address}, a private address: not asked. If it is meant, name it in SLUICE_ALLOW_ADDRESSES."
            )
    return addresses


def allowed(address: str) -> bool:
    """Whether an address is public, or named in the settings."""
    found = _inner(ipaddress.ip_address(address.partition("%")[0]))
    if any(found in network for network in _networks(settings().allow_addresses)):
        return True
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
    return address


@cache
def _networks(named: str) -> tuple[Any, ...]:
    try:
        return tuple(ipaddress.ip_network(one.strip(), strict=False) for one in named.split(",") if one.strip())
    except ValueError as error:
        raise SluiceError(f"SLUICE_ALLOW_ADDRESSES: {error}. Write networks: 10.1.0.0/16, ::1.") from error


class Guarded(httpcore.NetworkBackend):
    """Connects to addresses that were looked at, and watches what comes."""

    def __init__(self) -> None:
        self.inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that answers."""
        failed: Exception | None = None
        for address in check(host, port):
            try:
                return Watched(self.inner.connect_tcp(address, port, timeout, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError(f"{host} has no address")


class Watched(httpcore.NetworkStream):
    """Counts the bytes after an answer's head: HTTP itself ends a body at its Content-Length, whatever follows."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self.inner, self.head, self.body = inner, b"", 0

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """A request: the count begins anew."""
        self.head, self.body = b"", -1
        self.inner.write(buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self.inner.read(max_bytes, timeout)
        if self.body >= 0:
            self.body += len(data)
        else:
            self._read_head(data)
        return data

    def _read_head(self, data: bytes) -> None:
        self.head += data
        while b"\r\n\r\n" in self.head:
            head, _, rest = self.head.partition(b"\r\n\r\n")
            self.head = rest
            if not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):  # 100 Continue: the answer's own head follows
                self.head, self.body = b"", len(rest)
                return

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return Watched(self.inner.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)

    def close(self) -> None:
        self.inner.close()
