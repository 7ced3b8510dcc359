"""Who may use the service, and what a browser is told. Without these, a page on the web uses it in a visitor's name."""

import re
import socket
import threading
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from serving import Server, get, to_png

from utils.cli import main
from utils.service import guard
from utils.service.app import create_app
from utils.service.guard import own_names


@pytest.fixture(scope="module")
def client(settings):
    with TestClient(
        create_app(replace(settings, hosts=(*own_names(), "testserver", "Digits.School.example")))
    ) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:8000", "[::1]:8000", "192.168.1.2", "10.0.0.1:80",
        "[fe80::1]", "digits.school.example", "digits.school.example:443", "digits.school.example.", "",
        socket.gethostname(), f"{socket.gethostname().split('.')[0]}.local:8000",
    ],
)  # fmt: skip
def test_names_that_it_goes_by(client, host):
    """What people type, and what load balancers send; an address cannot be made to mean another computer."""
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "1.2.3.4.5",
        "a:b",
        "[::1",
    ],
)
@pytest.mark.parametrize("address", ["/health", "/", "/page/page.js"])
def test_names_that_it_does_not_go_by(client, host, address):
    """A site can let its name point here (DNS rebinding); its page would count as this service's own."""
    response = client.get(address, headers={"host": host})
    assert response.status_code == 421
    assert response.json()["error"].endswith("if it should, start it with --allow-host NAME.")


def test_the_command_takes_no_other_names(server, settings):
    assert get(server.port, "/health", "evil.example")[0] == 421
    with Server("--model", settings.network, "--allow-host", "digits.school.example") as named:
        assert get(named.port, "/health", "digits.school.example")[0] == 200
        assert get(named.port, "/health", "evil.example")[0] == 421


def test_this_computer_s_names(monkeypatch):
    """Colleagues type the short name, or the one that the network's name server knows."""
    monkeypatch.setattr(socket, "gethostname", lambda: "Laptop.school.example")
    monkeypatch.setattr(socket, "getfqdn", lambda: "laptop.rooms.school.example")
    assert set(own_names()) == {
        "localhost", "laptop", "laptop.local", "laptop.school.example", "laptop.rooms.school.example"
    }  # fmt: skip


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    """A classroom without a connection could not start the service."""
    answered = threading.Event()
    monkeypatch.setattr(guard, "NAMING", 0.1)
    monkeypatch.setattr(socket, "getfqdn", lambda: [answered.wait(20), "late"][1])
    names = own_names()
    answered.set()
    assert "localhost" in names
    assert "late" not in names


@pytest.mark.parametrize(
    "written",
    [
        "digits.school.example", "Digits.School.example.", "digits.school.example:443", "//digits.school.example",
        "https://digits.school.example", "https://digits.school.example:8443/", "digits.school.example/",
    ],
)  # fmt: skip
def test_a_name_may_be_written_like_an_address(written):
    """It is copied from a browser's address bar, and would never match what browsers send."""
    assert guard.plain_name(written) == "digits.school.example"


@pytest.mark.parametrize(("written", "name"), [("*", "*"), ("::1", "::1"), ("bücher.example", "xn--bcher-kva.example")])
def test_other_names(written, name):
    assert guard.plain_name(written) == name


@pytest.mark.parametrize("written", ["", "https://", "*.school.example", "a b", "a:b", "[::1", "a..b", "/etc/hosts"])
def test_what_is_no_name_is_refused_at_the_start(capsys, written):
    assert main(["serve", "--port", "0", "--allow-host", written]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{written!r} is no name of a host: --allow-host wants one such as digits.school.example, or *."


OWN = "https://digits.school.example"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "http://testserver:80"}, 200),
        ({"origin": OWN, "host": "digits.school.example"}, 200),
        ({"origin": OWN, "host": "digits.school.example:443"}, 200),
        ({"origin": f"{OWN}:443", "host": "digits.school.example"}, 200),
        ({"origin": f"{OWN}:8443", "host": "digits.school.example:8443"}, 200),
        # Behind a proxy that names itself, the browser's own word counts.
        ({"origin": OWN, "host": "127.0.0.1:8000", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": OWN, "host": "127.0.0.1:8000"}, 403),
        ({"origin": OWN, "host": "digits.school.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://testserver:8000", "sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://testserver:8000"}, 403),
        ({"origin": f"{OWN}:8443", "host": "digits.school.example"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "null", "host": ""}, 403),
    ],
)
def test_where_a_page_may_come_from(client, draw, fields, status):
    response = client.post("/predict", content=to_png(draw("7")), headers=fields)
    assert response.status_code == status
    if status == 403:
        assert "--allow-origin" in response.json()["error"]
        assert "proxy_set_header Host $http_host;" in response.json()["error"]


@pytest.mark.parametrize("address", ["/", "/page/page.js", "/docs", "/redoc", "/health", "/nowhere", "/openapi.json"])
def test_what_a_browser_is_told(client, address):
    """What a security scan of a school looks for first."""
    headers = client.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert ("unsafe-inline" in headers["content-security-policy"]) == (address in ("/docs", "/redoc"))
    assert headers["cache-control"] == ("no-store" if address in ("/health", "/nowhere") else "no-cache")
    assert "server" not in headers
    assert client.post("/predict", content=b"").headers["cache-control"] == "no-store"
    assert client.get("/", headers={"host": "evil.example"}).headers["x-content-type-options"] == "nosniff"


def test_a_page_s_modules_are_of_one_version(client):
    """A browser asks each time; if nothing has changed, nothing is sent again."""
    response = client.get("/page/page.js")
    again = client.get("/page/page.js", headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("address", ["/docs", "/redoc"])
def test_the_documentation_works_behind_a_prefix(client, address):
    text = client.get(address).text
    assert re.findall(r"""(?:src|href|url|spec-url)\s*[=:]\s*["']([^"']*)""", text)
    assert not re.search(r"""(src|href|url|spec-url)\s*[=:]\s*["']/""", text)
    assert client.get("/openapi.json").json()["servers"] == [{"url": "."}]
