"""The service behind nginx, as people configure it. Without these, a page comes and reads nothing."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from urllib.parse import urljoin

import nbformat
import pytest
from serving import Server, to_png

from utils.paths import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx on this machine (Debian: nginx-light)")
NAME = "digits.school.example"
SERVER = "server {{ listen 80; server_name _; {} }}"
BARE = SERVER.format("location / { proxy_pass http://127.0.0.1:8000; }")


def readme():
    """Return the lines that utils/README.md gives for nginx, in a server."""
    text = (ROOT / "utils" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"((?: {4}location [^\n]*\n(?: {5,}[^\n]*\n| {4}\}\n)+)+)", text)
    return SERVER.format(block)


def notebook():
    """Return the lines that notebook 11 gives for several machines."""
    cells = nbformat.read(ROOT / "notebooks" / "11-deploy-the-model.ipynb", as_version=4).cells
    (text,) = [cell.source for cell in cells if "upstream digits" in cell.source]
    return re.search(r"(?m)^ {4}upstream .*?^ {4}server \{.*?^ {4}\}$", text, re.DOTALL)[0]


class Nginx:
    """nginx in a folder of its own, in front of a service."""

    def __init__(self, folder, servers, service):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        kinds = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"
        temporary = "".join(f"{kind}_temp_path {kind};" for kind in kinds)
        user = "user root;" if os.geteuid() == 0 else ""  # another could not enter the folder
        servers = servers.replace("listen 80;", f"listen 127.0.0.1:{self.port};")
        servers = re.sub(r"[\d.]+:8000", f"127.0.0.1:{service.port}", servers)
        (folder / "nginx.conf").write_text(
            f"{user} daemon off; pid nginx.pid; error_log error.log; events {{}} "
            f"http {{ access_log off; {temporary} {servers} }}"
        )
        command = [NGINX, "-p", str(folder), "-e", "error.log", "-c", str(folder / "nginx.conf")]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return self
            except OSError:
                assert self.process.poll() is None, self.process.stderr.read()
                time.sleep(0.05)
        raise AssertionError("nginx does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)

    def ask(self, method, address, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, address, body, {"Host": NAME} | headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def behind(settings):
    """A service as README starts it behind nginx."""
    with Server("--model", settings.network, "--allow-host", NAME) as server:
        yield server


def addresses(page):
    return re.findall(r'(?:src|href)="([^"#]+)"', page)


@pytest.mark.parametrize(
    ("servers", "prefix"),
    [(lambda: BARE, "/"), (readme, "/"), (readme, "/digits/"), (notebook, "/")],
    ids=["a bare proxy_pass", "README", "README, under a prefix", "several machines"],
)
def test_page_and_readings_come_through(behind, draw, tmp_path, servers, prefix):
    """The page, all that it loads, and an image that it sends, with what a browser says of itself."""
    browser = {"Origin": f"https://{NAME}", "Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}
    with Nginx(tmp_path, servers(), behind) as nginx:
        status, page = nginx.ask("GET", prefix)
        assert status == 200
        for address in ("page/page.css", *addresses(page.decode())):
            assert nginx.ask("GET", prefix + address)[0] == 200, address
        status, docs = nginx.ask("GET", prefix + "docs")
        for address in addresses(docs.decode()):
            assert nginx.ask("GET", urljoin(prefix, address))[0] == 200, address
        data = to_png(draw("7"))
        status, answer = nginx.ask("POST", prefix + "predict", data, **browser)
        assert (status, json.loads(answer).get("text")) == (200, "7")
        elsewhere = browser | {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
        assert nginx.ask("POST", prefix + "predict", data, **elsewhere)[0] == 403
        assert nginx.ask("POST", prefix + "predict", bytes(9_000_000))[0] == (413 if servers() == BARE else 422)


def test_a_browser_that_says_less(behind, draw, tmp_path):
    """Over plain http, Sec-Fetch-Site is left out; then it takes the line from README, which the answer names."""
    fields = {"Origin": f"http://{NAME}"}
    data = to_png(draw("7"))
    with Nginx(tmp_path, BARE, behind) as nginx:
        status, answer = nginx.ask("POST", "/predict", data, **fields)
        assert status == 403
        assert "proxy_set_header Host $http_host;" in json.loads(answer)["error"]
    with Nginx(tmp_path, readme(), behind) as nginx:
        assert nginx.ask("POST", "/predict", data, **fields)[0] == 200
        assert nginx.ask("GET", "/health", Host="evil.example")[0] == 421
