"""Who may use the service, and what browsers are told about its answers."""

import ipaddress
import json
import re
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from utils.errors import DigitsError
from utils.service.upload import RefusedError

#: What the pages may load, and from where: from here alone.
POLICY = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
#: The pages for programmers begin with a script and a style of their own, and make workers.
LOOSER = POLICY + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:"
DOCS = ("/docs", "/redoc")
#: What a browser may keep, if it asks each time whether it is still the same: modules of two versions must not meet.
KEPT = ("/page/", "/static-offline-docs/", "/openapi.json", *DOCS)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
#: Seconds that finding out this computer's full name may take.
NAMING = 2
PORTS = {"http": 80, "https": 443}


class Guard:
    """Turn away requests for other hosts, and tell browsers what they may do with the answers.

    A page on the web can let its own name point to this computer's address (DNS rebinding), and would then count as
    this service's own page; but its requests still carry its name. What is an address cannot be pointed elsewhere.

    Parameters
    ----------
    app
        The application behind it.
    hosts
        The names that are let through; ``*`` for all.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app, self._hosts = app, {host.lower().rstrip(".") for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path in DOCS:
            scope["root_path"] = "."  # so that what they load has relative addresses

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = LOOSER if path in DOCS else POLICY
                headers["Cache-Control"] = "no-cache" if path == "/" or path.startswith(KEPT) else "no-store"
            await send(message)

        host = Headers(scope=scope).get("host", "")  # programs of old may leave it out; no browser does
        name = _split(f"//{host}")[0]
        if not host or "*" in self._hosts or _is_address(name) or name in self._hosts:
            await self._app(scope, receive, send_on)
            return
        sentence = f"This service does not go by the name {host[:100]}: if it should, start it with --allow-host NAME."
        body = json.dumps({"error": sentence}).encode()
        fields = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send_on({"type": "http.response.start", "status": 421, "headers": fields})
        await send_on({"type": "http.response.body", "body": body})


def own_names() -> tuple[str, ...]:
    """Return the names by which this computer is known to itself and in its network."""
    names = [socket.gethostname()]
    # Name servers may be asked for the full one, which can take long where there are none.
    asking = threading.Thread(target=lambda: names.append(socket.getfqdn()), daemon=True)
    asking.start()
    asking.join(NAMING)
    short = names[0].split(".")[0]
    return tuple({name.lower() for name in ("localhost", *names, short, f"{short}.local") if name})


def plain_name(address: str) -> str:
    """Return the host's name alone, as browsers send it, of what may be written like an address for one.

    Parameters
    ----------
    address
        Such as ``digits.school.example`` or ``https://digits.school.example:443/``; ``*`` for any.

    Raises
    ------
    DigitsError
        If there is no name in it.
    """
    address = address.strip()
    if address == "*" or _is_address(address):
        return address
    name = _split(address if "//" in address else f"//{address}")[0]
    with suppress(UnicodeError):
        name = name.encode("idna").decode()
        if _is_address(name) or re.fullmatch(r"[\w.-]+", name):
            return name
    raise DigitsError(f"{address!r} is no name of a host: --allow-host wants one such as digits.school.example, or *.")


def check_origin(request: Request, origins: tuple[str, ...]) -> None:
    """Refuse what another site's page sends.

    A browser says where a page came from (``Origin``) and, except to plain ``http`` addresses in a network, whether
    that is where the request goes (``Sec-Fetch-Site``); no page can change either. Behind a proxy, which may have put
    its own into ``Host``, the second is what can be relied on.

    Parameters
    ----------
    request
        The request.
    origins
        Other sites whose pages are welcome.

    Raises
    ------
    RefusedError
        If it comes from any other.
    """
    origin = request.headers.get("origin")
    if origin is None or origin in origins:
        return
    relation = request.headers.get("sec-fetch-site")
    scheme = origin.partition(":")[0]
    here = _split(f"{scheme}://{request.headers.get('host', '')}")
    if relation == "same-origin" or (relation is None and here[0] and _split(origin) == here):
        return
    raise RefusedError(
        403,
        "Pages of other sites may not use this service: start it with --allow-origin if this one should. If it is the "
        "service's own, nginx in front of it needs the line proxy_set_header Host $http_host; and the service "
        "--allow-host NAME.",
    )


def _split(address: str) -> tuple[str, int | None]:
    """Return the host and the port that an address names or means; nothing, if it is none."""
    with suppress(ValueError):
        parts = urlsplit(address)
        return (parts.hostname or "").rstrip("."), parts.port or PORTS.get(parts.scheme)
    return "", None


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False
