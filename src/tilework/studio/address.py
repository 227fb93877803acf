"""Addresses under which a browser reaches the studio: what `--url` may be, and what follows from it.

A studio listens at its own machine alone. From elsewhere it is reached through something that passes requests on: a tunnel, a
web server, a notebook's proxy. Then the browser has another address for it (https, another name and port, a path before
everything), and only the person who set that up knows which. It is given once, and never learnt from a request: headers such as
X-Forwarded-Host can be sent by anybody.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from tilework.errors import UserError

_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Address:
    """`scheme://host` + `path`. `host` is as a browser writes it: in lower case, with its port unless it is the scheme's own."""

    scheme: str
    host: str
    path: str = "/"
    """Begins and ends with a slash; percent-encoded."""

    @property
    def origin(self) -> str:
        """What a browser sends as Origin of a page that has this address."""
        return f"{self.scheme}://{self.host}"

    @property
    def sockets(self) -> str:
        """The origin of its sockets."""
        return f"{'wss' if self.secure else 'ws'}://{self.host}"

    @property
    def url(self) -> str:
        """The address in full."""
        return self.origin + self.path

    @property
    def secure(self) -> bool:
        """Whether it is encrypted: its cookie is for such connections alone."""
        return self.scheme == "https"

    @property
    def cookie(self) -> str:
        """Name of the cookie. A browser shares cookies among all ports of a host, and two studios can be behind one port: each
        address has its own, the same at every launch so that the new key takes the place of the old."""
        port = _port_of(self.host) or _PORTS[self.scheme]
        path = "" if self.path == "/" else "-" + hashlib.sha256(self.path.encode()).hexdigest()[:8]
        return f"tilework-{port}{path}"

    def is_at(self, host: str) -> bool:
        """Whether the header Host gives this address; some proxies write the scheme's own port, too."""
        return host == self.host or (_port_of(self.host) is None and host == f"{self.host}:{_PORTS[self.scheme]}")

    def lacks_port(self, host: str) -> bool:
        """Whether the header Host gives this address but for its port, which some proxies leave out."""
        return _port_of(self.host) is not None and host == self.host.rpartition(":")[0]


def is_loopback(host: str) -> bool:
    """Whether a header Host, in lower case, is one of the loopback interface's own names, at any port."""
    return _LOOPBACK.fullmatch(host) is not None


def outside_address(text: str, option: str = "--url ") -> Address:
    """The address that a person gave. UserError where it is none; `option` is how it was given, for the fix."""

    def refused(why: str, instead: str) -> UserError:
        return UserError(
            f"{option}{shlex.quote(text)} is no address of a studio", why=why, fix=f"write {option}{instead}"
        )

    found = text.strip()
    if re.search(r"[\s\x00-\x1f\x7f]", found):
        raise refused(
            "it has a space in it", _repaired(re.sub(r"[^\S ]|[\x00-\x1f\x7f]", "", found).replace(" ", "%20"))
        )
    if "*" in found:
        raise refused("it is one address, as a browser shows it, and no pattern", "https://HOST/PATH/")
    scheme, colon, _ = found.partition("://")
    if not colon:
        raise refused("it does not start with http:// or https://", _repaired(f"https://{found.lstrip('/')}"))
    if scheme.lower() not in _PORTS:
        raise refused(
            f"a browser reaches a studio by http or https, not by {scheme}", _repaired(f"https{found[len(scheme) :]}")
        )
    try:
        parts = urlsplit(found)
        port = parts.port
    except ValueError as error:
        raise refused(str(error), "https://HOST/PATH/") from None
    if "@" in parts.netloc:
        raise refused("it holds a user's name: whoever sees the printed address would see it", _repaired(found))
    if "?" in found or "#" in found:
        raise refused("what follows ? or # is the studio's own", _repaired(found))
    if port == 0:
        raise refused("there is no port 0", "https://HOST/PATH/")
    host = _host(parts.hostname or "")
    if host is None:
        raise refused(f"{parts.hostname or 'nothing'} is no name of a machine", "https://HOST/PATH/")
    path = _path(parts.path)
    if path is None:
        raise refused(
            f"{parts.path} is no path that a browser keeps as it is", f"{parts.scheme}://{parts.netloc}/PATH/"
        )
    return Address(parts.scheme, host if port in {None, _PORTS[parts.scheme]} else f"{host}:{port}", path)


def seen_address(scheme: str, host: str, path: str = "/") -> Address | None:
    """An address put together from what a request sends, to be shown and not to be trusted; None where it could not be
    given."""
    text = f"{scheme}://{host}{path}"
    try:
        return outside_address(text) if text.isascii() else None
    except UserError:
        return None


def _repaired(text: str) -> str:
    """The same without what may not be in it, if that is an address."""
    try:
        parts = urlsplit(text)
        return shlex.quote(outside_address(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}").url)
    except (UserError, ValueError):
        return "https://HOST/PATH/"


def _host(name: str) -> str | None:
    """A name or a number as browsers write it."""
    try:
        if ":" in name:
            address = ipaddress.IPv6Address(name)
            return None if address.is_unspecified or address.scope_id else f"[{address.compressed}]"
        if re.fullmatch(r"[0-9.]+", name):
            return None if ipaddress.IPv4Address(name).is_unspecified else name
        plain = name.lower() if name.isascii() else name.encode("idna").decode()
    except ValueError:
        return None
    return plain if len(plain) <= 253 and _NAME.fullmatch(plain) else None


def _path(path: str) -> str | None:
    """Encoded, and with a slash at its end: relative addresses of the page begin there."""
    written = quote(path, safe="/%:@!$&'()+,=~-._")
    names = [unquote(part) for part in written.strip("/").split("/")] if written.strip("/") else []
    odd = any(name in {"", ".", ".."} or not name.isprintable() or set(';"\\<>') & set(name) for name in names)
    if odd or path.startswith("//") or path.endswith("//") or re.search(r"%(?![0-9A-Fa-f]{2})", written):
        return None
    return "/" + "".join(f"{part}/" for part in written.strip("/").split("/") if part)


def _port_of(host: str) -> int | None:
    found = re.search(r":([0-9]+)$", host)
    return int(found[1]) if found else None
