"""What the server demands of a connection before and beside a request: uvicorn itself would wait for ever."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from utils.service.guard import HEADERS, POLICY
from utils.service.settings import Settings

#: Seconds for what is still to be written when a connection is closed.
CLOSING = 10


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, with limits for connections, for a request's head, and for the time that all may take.

    Parameters
    ----------
    settings
        The limits.
    arguments, named
        What uvicorn gives to its protocol.
    """

    def __init__(self, settings: Settings, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        self._settings = settings
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: tuple[int, str] | None = None
        #: Whether a request's head is complete, and its body; what has come of a head, or of no known part.
        self._in_request, self._complete = False, True
        self._head = self._fields = self._unknown = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Let it in, if there is room."""
        super().connection_made(transport)
        if len(self.connections) > self._settings.connections:
            self._refuse(503, "Too many devices are connected: try again in a few seconds.")
        else:
            self._allow(self._settings.head_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._forget_timer()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Take requests apart, as long as they keep to the limits."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._timer is None:  # the first of another request
            self._allow(self._settings.head_seconds)
        self._unknown += len(data)
        try:
            self._feed(data)
            self._limit(self._unknown, 0)
        except (httptools.HttpParserError, _RefusedError):
            self._refuse(*(self._refusal or (400, "This is no HTTP request.")))

    def on_message_begin(self) -> None:
        """Expect a head."""
        super().on_message_begin()
        self._complete = False
        self._head = self._fields = 0

    def on_url(self, url: bytes) -> None:
        """Count the address."""
        super().on_url(url)
        self._head += len(url)
        self._limit(self._head, 0)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a field, of the head or behind the body."""
        self._head += len(name) + len(value)
        self._fields += 1
        self._limit(self._head, self._fields)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin with the request; one that asks for another protocol comes again without that."""
        if self.parser.should_upgrade():
            return
        limits = self._settings
        self._allow(limits.upload_seconds + limits.patience + limits.seconds + CLOSING)
        self._in_request, self._unknown = True, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; how long it may become, the application knows."""
        self._unknown = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing more of the request."""
        if self.parser.should_upgrade():
            return
        self._complete, self._unknown = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give what is left of an upload that was refused some time, too, so that its sender sees the answer."""
        more = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self._allow(CLOSING)
        elif not more:
            self._in_request = False
            if self._complete:
                self._forget_timer()
            else:
                self._allow(self._settings.upload_seconds)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for a few seconds."""
        super().timeout_keep_alive_handler()
        self._allow(CLOSING)

    def _feed(self, data: bytes) -> None:
        """Parse what has come. Other protocols are not offered, and who asks for one gets HTTP/1.1 (RFC 9110, 7.8).

        The parser would take what follows such a head, the body, for the other protocol. So another one is given the
        head again, without the question.
        """
        while True:
            try:
                return self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                method = self.parser.get_method()
                if method == b"CONNECT":  # asks with its name
                    self._refusal = 400, "This is no proxy."
                    raise _RefusedError from None
                lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
                lines += [b"%s: %s" % field for field in self.headers if field[0] != b"upgrade"]
                data = b"\r\n".join([*lines, b"", b""]) + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own

    def _limit(self, size: int, fields: int) -> None:
        if size > self._settings.max_head or fields > self._settings.max_fields:
            self._refusal = 431, "The request's head is too long."
            raise _RefusedError

    def _allow(self, seconds: float) -> None:
        """Let the connection's present state last for so many seconds."""
        self._forget_timer()
        self._timer = self.loop.call_later(seconds, self._expire)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        if self.transport.is_closing() or self._in_request or self._complete:
            self.transport.abort()
        else:
            self._refuse(408, "The request's head took too long.")

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer and hang up, without the application."""
        body = json.dumps({"error": sentence}).encode()
        if not self._in_request:  # else the connection is in the middle of another answer
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n"
                f"Content-Security-Policy: {POLICY}\r\n"
            )
            head += "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
            head += "Retry-After: 3\r\n" if status == 503 else ""
            self.transport.write(head.encode() + b"\r\n" + body)
        self.transport.close()
        self._allow(CLOSING)


class _RefusedError(Exception):
    pass
