"""Connections that send no whole request. Without these, one device can shut all others out before it has sent one."""

import os
import resource
import socket
import time
from contextlib import suppress

import psutil
import pytest
from serving import Server, ask, get, to_png, until


def read_all(connection):
    """Read until the other end hangs up."""
    answer = b""
    while True:
        try:
            part = connection.recv(10_000)
        except ConnectionError:
            return answer
        if not part:
            return answer
        answer += part


def connect(port, sent=b""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n", b"GET /hea"])
def test_a_head_that_does_not_come_is_not_waited_for(start, sent):
    """A device that trickles a byte now and then would hold its connection for ever."""
    with connect(start(head_seconds=0.5), sent) as slow:
        slow.settimeout(0.1)
        answer, began = b"", time.monotonic()
        while time.monotonic() < began + 10:
            try:
                if not (part := slow.recv(1000)):
                    break
                answer += part
            except TimeoutError:
                if sent:
                    slow.sendall(b"X" if sent.strip() else b"\r\n")
            except ConnectionError:
                break
        assert time.monotonic() < began + 10, "it was hung up on"
    if sent.strip():
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.endswith(b'{"error": "The request\'s head took too long."}')


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"".join(b"x-%d: 1\r\n" % number for number in range(101)) + b"\r\n", b"HTTP/1.1 431 "),
        (b"x-long: " + b"x" * 70_000 + b"\r\n\r\n", b"HTTP/1.1 431 "),
        (b"x-endless: " + b"x" * 400_000, b"HTTP/1.1 431 "),
        # Fields behind a body: in the middle of a request, the connection is closed without a word.
        (b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + b"x: 1\r\n" * 200, b""),
        (b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx: " + b"x" * 1_000_000, b""),
    ],
    ids=["fields", "long", "endless", "trailers", "endless trailer"],
)
def test_a_long_head_is_refused(start, head, answer):
    with connect(start(), b"POST /predict HTTP/1.1\r\nHost: localhost\r\n") as phone:
        with suppress(ConnectionError):
            phone.sendall(head)
        assert read_all(phone)[:13] == answer


def test_a_head_of_a_hundred_fields_is_none_too_long(start):
    head = b"".join(b"x-%d: %s\r\n" % (number, b"y" * 600) for number in range(98))
    with connect(
        start(), b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + head + b"\r\n"
    ) as phone:
        assert read_all(phone).startswith(b"HTTP/1.1 200 ")


def test_endless_fields_do_not_fill_the_memory(server):
    """They are no upload, and do not count as one."""
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with connect(server.port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n") as phone, suppress(OSError):
        for number in range(1000):
            phone.sendall(b"x-%d: %s\r\n" % (number, b"y" * 50_000))
        pytest.fail("50 MB were taken")
    assert process.memory_info().rss - before < 20e6
    assert server.ask("GET", "/health")[0] == 200


def test_more_connections_than_there_may_be(start, draw):
    """They are told so at once, and when others have gone there is room again."""
    port = start(connections=5)
    idle = [connect(port) for _ in range(5)]
    full = (503, {"error": "Too many devices are connected: try again in a few seconds."})
    until(lambda: get(port, "/health") == full)
    for phone in idle:
        phone.close()
    until(lambda: get(port, "/health")[0] == 200)
    assert ask(port, to_png(draw("7")))[1]["text"] == "7"


@pytest.mark.skipif(os.name == "nt", reason="Windows counts no descriptors")
def test_more_connections_than_descriptors(settings):
    """Without a word in the log for each, which would fill the disk."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))  # noqa: E731
    with Server("--model", settings.network, preexec_fn=limit) as server:
        idle = [connect(server.port) for _ in range(300)]
        until(lambda: server.ask("GET", "/health")[0] == 503)
        for phone in idle:
            phone.close()
        until(lambda: server.ask("GET", "/health")[0] == 200)
        assert server.stop()[2] == ""


def test_the_rest_of_a_refused_upload_is_not_waited_for(start):
    """It is read for a while, so that its sender sees the answer; then the connection is of more use to others."""
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n"
    with connect(start(upload_seconds=0.5), request) as phone:
        began = time.monotonic()
        assert read_all(phone).startswith(b"HTTP/1.1 413 ")
        assert time.monotonic() < began + 10


def test_what_is_no_http_gets_a_sentence_and_no_line_in_the_log(settings):
    with Server("--model", settings.network) as server:
        with connect(server.port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") as phone:  # a browser tries https
            answer = read_all(phone)
        assert server.stop()[2] == ""
    assert answer.endswith(b'{"error": "This is no HTTP request."}')
    assert b"X-Content-Type-Options: nosniff\r\n" in answer
    assert b"Content-Security-Policy: default-src 'self'" in answer


def test_pipelined_requests_are_answered_in_turn(start):
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(start(), one + one + one.replace(b"Host", b"Connection: close\r\nHost")) as phone:
        assert read_all(phone).count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "close, Upgrade"])
@pytest.mark.parametrize("pieces", [1, 2, 40])
def test_who_asks_for_another_protocol_is_answered_in_this_one(start, draw, connection, pieces):
    """As curl --http2 and Java's client ask. The body would be lost, and be taken for the next request."""
    data = to_png(draw("7"))
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\nUpgrade: h2c\r\n"
    head += f"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: {len(data)}\r\n\r\n"
    request = head.encode() + data
    size = -(-len(request) // pieces)
    with connect(start()) as phone:
        phone.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for first in range(0, len(request), size):
            phone.sendall(request[first : first + size])
            time.sleep(0.01)
        if not connection.startswith("close"):
            phone.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = read_all(phone)
    assert b'"text":"7"' in answer
    assert answer.count(b"HTTP/1.1 200 ") == answer.count(b"HTTP/1.1 ") == (1 if connection.startswith("close") else 2)


def test_it_is_no_proxy(start):
    with connect(start(), b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n") as phone:
        assert read_all(phone).endswith(b'{"error": "This is no proxy."}')
