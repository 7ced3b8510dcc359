"""Each address, each limit and each kind of bad upload. Without these, one phone in a class can stop all the others."""

import contextlib
import io
import json
import os
import re
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from serving import Server, Slow, Stub, ask, begin, get, to_png, until

from utils.cli import main
from utils.networks import shipped_models
from utils.service import desk as desk_module
from utils.service.app import PAGE, create_app

#: What is said of JSON and Base64, which other services want.
IMAGE_ITSELF = "upload is text, not an image: send the image's own bytes, as curl -F file=@photo.png does."
#: The addresses of the page's modules.
MODULES = sorted(f"/page/{path.name}" for path in PAGE.glob("*.js"))


@pytest.fixture(scope="module")
def client(settings):
    with TestClient(create_app(settings)) as client:
        yield client


def as_form(data: bytes, name: str = "drawing.png", kind: str = "image/png") -> dict:
    return {"files": {"file": (name, data, kind)}}


# What it answers


def test_the_answer_is_that_of_the_command_line(client, settings, save, draw, capsys):
    path = save("314.png", draw("314"))
    assert main(["predict", "--json", "--model", str(shipped_models() / "cnn.keras"), str(path)]) == 0
    out = capsys.readouterr().out
    for sent in (as_form(path.read_bytes(), "314.png"), {"content": path.read_bytes()}):
        (expected,) = json.loads(out)
        response = client.post("/predict", **sent)
        assert response.status_code == 200
        answer = response.json()
        assert answer.pop("model") == {"name": "cnn.keras", "version": "0123456789ab"}
        assert answer.pop("file") == ("314.png" if "files" in sent else "upload")
        for digit, wanted in zip(answer.pop("digits"), expected["digits"], strict=True):
            assert digit.pop("probabilities") == pytest.approx(wanted.pop("probabilities"), abs=2e-4)
            assert digit.pop("probability") == pytest.approx(wanted.pop("probability"), abs=2e-4)
            assert digit == wanted
        assert answer == {key: expected[key] for key in ("text", "note", "error")}
    assert expected["text"] == "314"


def test_an_image_with_nothing_in_it(client):
    answer = client.post("/predict", content=to_png(np.full((50, 50), 255, np.uint8))).json()
    assert (answer["text"], answer["digits"], answer["note"]) == ("", [], "no digit found")


def test_the_last_readings_are_counted_and_nothing_of_them_is_kept(settings, draw):
    """A service that becomes worse would say so to nobody; and whoever counts must not collect handwriting."""
    seven, blank = to_png(draw("7")), to_png(np.full((50, 50), 255, np.uint8))
    with TestClient(create_app(replace(settings, recent=3))) as client:
        assert client.get("/recent").json() == {"readings": 0, "unsure": 0, "answers": [0] * 10}
        for data in (blank, seven, b"no image", seven, blank):
            client.post("/predict", content=data)
        sevens = [2 if digit == 7 else 0 for digit in range(10)]
        assert client.get("/recent").json() == {"readings": 3, "unsure": 1, "answers": sevens}


def test_health_and_the_page(client):
    assert client.get("/health").json() == {"ready": True, "model": {"name": "cnn.keras", "version": "0123456789ab"}}
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("page.js", "page.css", "icon.svg"):
        assert f'"page/{name}"' in page.text  # relative, for a service behind a prefix
        assert client.get(f"/page/{name}").status_code == 200


@pytest.mark.parametrize("address", ["/", "/docs", "/redoc", "/page/page.css", *MODULES])
def test_nothing_is_loaded_from_elsewhere(client, address):
    """A classroom without a connection must see the page and the documentation, too."""
    text = client.get(address).text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"""(src|href|url|import)\s*[=(]?\s*["']?(https?:)?//""", text)


@pytest.mark.parametrize("address", MODULES)
def test_the_modules_are_served_as_javascript(client, address):
    """As anything else, a browser would not run them. What a machine calls a .js, Windows keeps in its registry."""
    assert client.get(address).headers["content-type"].startswith("text/javascript")


def test_what_there_is_not(client):
    assert client.get("/nowhere").json() == {"error": "There is nothing at /nowhere."}
    response = client.get("/predict")
    assert (response.status_code, response.json()) == (405, {"error": "GET cannot be used here."})
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize("address", ["/docs/", "/health/", "/predict/", "/page"])
def test_there_are_no_redirects(client, address):
    """They would name the address that the service has for itself, which behind a proxy no visitor can reach."""
    response = client.get(address, follow_redirects=False)
    assert (response.status_code, response.json()) == (404, {"error": f"There is nothing at {address}."})


@pytest.mark.parametrize("address", ["/", "/health", "/page/page.js"])
def test_whether_it_is_there_can_be_asked_without_a_body(client, address):
    """As tools do that watch a site, or look for dead links."""
    response = client.head(address)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == client.get(address).headers["content-length"]


# Bad uploads


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "upload is empty: save it again as PNG or JPEG."),
        (b"Dear teacher, this is a text file.", "upload is not an image that can be read: save it again"),
        (
            json.dumps({"image": [0] * 784}).encode(),
            "upload is text, not an image: send the image's own bytes, as curl",
        ),
        (b'"data:image/png;base64,iVBORw0KGgo="', "upload is text, not an image: send the image's own bytes, as curl"),
        (b"data:image/png;base64,iVBORw0KGgo=", "upload is text, not an image: send the image's own bytes, as curl"),
        (b"iVBORw0KGgoAAAANSUhEUgAAABwAAAAc", "upload is text, not an image: send the image's own bytes, as curl"),
        (to_png(np.zeros((500, 500), np.uint8))[:150], "upload is damaged"),
        ("huge", "upload has 400 megapixels: make it smaller than 100."),
    ],
)
@pytest.mark.parametrize("kind", ["image/png", "application/json", "text/plain", "nonsense"])
def test_what_is_no_image_gets_a_sentence(client, content, sentence, kind):
    if content == "huge":
        stream = io.BytesIO()
        Image.new("1", (20_000, 20_000)).save(stream, "PNG")
        content = stream.getvalue()
    response = client.post("/predict", content=content, headers={"content-type": kind})
    assert response.status_code == 422
    assert response.json()["error"].startswith(sentence)
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif", "webp", "gif", "heic"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_half_an_image_is_no_image(client, save, draw, ending, share):
    data = save(f"a.{ending}", draw("31415926")).read_bytes()
    response = client.post("/predict", **as_form(data[: int(len(data) * share)], f"half.{ending}"))
    assert response.status_code == 422
    assert response.json()["error"].startswith(f"half.{ending} is ")
    assert "Traceback" not in response.text


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "image/jpeg", "application/x-www-form-urlencoded"])
def test_a_wrong_content_type_does_not_matter(client, draw, kind):
    """Phones and scripts send all sorts of types; what counts is in the bytes."""
    data = to_png(draw("7"))
    assert client.post("/predict", content=data, headers={"content-type": kind}).json()["text"] == "7"
    assert client.post("/predict", **as_form(data, kind=kind)).json()["text"] == "7"


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"anything", "multipart/form-data", "The form has no boundary"),
        (b"anything", "multipart/form-data; boundary=x", "The form cannot be read"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x", "The form"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--', "multipart/form-data; boundary=x",
         "The form has no file in it"),
    ],
)  # fmt: skip
def test_forms_without_an_image(client, content, kind, sentence):
    response = client.post("/predict", content=content, headers={"content-type": kind})
    assert response.status_code == 400
    assert response.json()["error"].startswith(sentence)


def test_several_files_at_once_are_refused(client, draw):
    """To read one and leave out the others without a word would be worse."""
    data = to_png(draw("7"))
    response = client.post("/predict", files=[("file", ("a.png", data)), ("file", ("b.png", data))])
    assert response.status_code == 400
    assert "send one image" in response.json()["error"]


def test_programs_that_images_would_start_are_not_started(client):
    """Pillow would hand PostScript to Ghostscript, a stranger's program to an interpreter."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    assert client.post("/predict", content=eps).json()["error"].startswith("upload is not an image that can be read")


def test_a_file_s_folder_is_not_repeated(client, draw):
    answer = client.post("/predict", **as_form(to_png(draw("7")), "../../etc/C:\\me\\7.png")).json()
    assert answer["file"] == "7.png"


def test_what_goes_wrong_inside_stays_inside(settings, draw, monkeypatch, caplog):
    class Broken(Stub):
        def read(self, data, name, begin):
            raise RuntimeError("the secret")

    monkeypatch.setattr(desk_module, "Reader", Broken)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        for _ in range(3):
            response = client.post("/predict", content=to_png(draw("7")))
            assert response.status_code == 500
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "no-store"
            assert response.json() == {"error": "Something went wrong in the service; its log says what."}
        assert client.get("/health").json()["ready"]
    assert "the secret" in caplog.text


# Limits


@pytest.mark.parametrize("form", [True, False])
def test_too_large(settings, draw, form):
    with TestClient(create_app(replace(settings, max_bytes=5000))) as client:
        small, large = to_png(draw("7")), to_png(np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8))
        assert len(small) < 5000 < 25_000 < len(large)
        assert client.post("/predict", **(as_form(small) if form else {"content": small})).status_code == 200
        response = client.post("/predict", **(as_form(large) if form else {"content": large}))
        assert response.status_code == 413
        assert response.json() == {"error": "The upload is larger than 0.005 MB: send a smaller image."}
        between = as_form(bytes(5001))  # the form's own lines are not counted, but the file is
        assert client.post("/predict", **between).status_code == 413


def test_nothing_is_written_to_a_disk(client, monkeypatch):
    """What is uploaded is not kept, not even for a moment."""
    import tempfile

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: pytest.fail("it was written"))
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8)
    data = to_png(noise)
    assert len(data) > 2_000_000
    assert client.post("/predict", **as_form(data)).status_code in (200, 503)


def test_too_many_at_once_are_sent_away_and_come_back(settings, monkeypatch):
    slow = Slow(monkeypatch)
    with TestClient(create_app(replace(settings, waiting=3))) as client, ThreadPoolExecutor(8) as phones:
        first = [phones.submit(client.post, "/predict", content=b"image") for _ in range(3)]
        assert slow.begun.acquire(timeout=60)
        while client.get("/health").status_code == 200:
            time.sleep(0.01)
        assert client.get("/health").json()["ready"] is False
        response = client.post("/predict", content=b"image")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json() == {"error": "Too many images are waiting: try again in a second."}
        slow.go.set()
        assert [future.result().status_code for future in first] == [200] * 3
        assert client.get("/health").status_code == 200
        assert client.post("/predict", content=b"image").status_code == 200


def test_a_reading_that_takes_too_long_is_ended(settings, monkeypatch):
    """Its place is free again, and what waited behind it is read."""
    slow = Slow(monkeypatch)
    with TestClient(create_app(replace(settings, waiting=1, seconds=0.3))) as client:
        response = client.post("/predict", content=b"image")
        assert response.status_code == 503
        assert response.json()["error"].startswith("Reading took longer than 0.3 seconds")
        assert "retry-after" not in response.headers, "it would take as long again"
        assert client.get("/health").status_code == 200
        slow.go.set()
        assert client.post("/predict", content=b"image").status_code == 200


def test_other_sites_pages_may_not_use_it(client, settings, draw):
    """A page somewhere on the web must not be able to send a visitor's drawings here, or to read answers."""
    data = to_png(draw("7"))
    refused = client.post("/predict", content=data, headers={"origin": "https://elsewhere.example"})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert client.post("/predict", content=data, headers={"origin": "null"}).status_code == 403
    assert client.post("/predict", content=data, headers={"origin": "http://testserver"}).status_code == 200
    question = {"origin": "https://school.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in client.options("/predict", headers=question).headers
    with TestClient(create_app(replace(settings, origins=("https://school.example",)))) as friendly:
        answer = friendly.post("/predict", content=data, headers={"origin": "https://school.example"})
        assert answer.json()["text"] == "7"
        assert answer.headers["access-control-allow-origin"] == "https://school.example"
        assert friendly.options("/predict", headers=question).status_code == 200
        assert friendly.post("/predict", content=data, headers={"origin": "https://other.example"}).status_code == 403


# Its description


def test_the_description_is_complete(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/predict", "/health", "/recent"}
    predict = paths["/predict"]["post"]
    assert set(predict["responses"]) == {"200", "400", "403", "408", "413", "421", "422", "503"}
    assert "multipart/form-data" in predict["requestBody"]["content"]


@pytest.mark.parametrize(("address", "method"), [("/predict", "POST"), ("/health", "GET"), ("/recent", "GET")])
def test_no_request_made_from_the_description_breaks_it(settings, address, method):
    """Requests that the description allows, and others that it does not, by the hundred: no server error."""
    schemathesis = pytest.importorskip("schemathesis", reason="pip install -r requirements-dev.txt")
    import hypothesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance  # bytes at random are no image

    desk = desk_module.Desk(settings)
    desk.start()  # for whoever asks while its first reader starts is told, with a 503, that it is not ready
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(settings, desk))
    statuses = []

    @hypothesis.given(case=schema[address][method].as_strategy())
    @hypothesis.settings(max_examples=150, deadline=None, derandomize=True, database=None)
    def ask(case):
        response = case.call()
        statuses.append(response.status_code)
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    ask()
    assert len(statuses) > (50 if method == "POST" else 0)
    assert max(statuses) < 500


# A real server


def test_a_class_at_once(server, draw):
    """A hundred phones press at the same moment; each gets the answer to its own drawing."""
    pages = {str(digit): to_png(draw(str(digit))) for digit in range(10)}
    wanted = [str(index % 10) for index in range(100)]
    with ThreadPoolExecutor(100) as phones:
        answers = list(phones.map(lambda digit: server.ask("POST", "/predict", pages[digit]), wanted))
    assert {status for status, _ in answers} == {200}
    expected = {digit: server.ask("POST", "/predict", page)[1]["text"] for digit, page in pages.items()}
    assert [answer["text"] for _, answer in answers] == [expected[digit] for digit in wanted]
    assert sum(digit == text for digit, text in expected.items()) >= 9


def test_a_large_upload_is_refused_while_it_comes(server):
    """Not after: a few endless uploads would fill the memory."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as phone:
        phone.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n")
        phone.setblocking(False)
        answer, sent, chunk, deadline = b"", 0, bytes(2**20), time.monotonic() + 30
        while b"\r\n\r\n" not in answer and time.monotonic() < deadline:
            try:
                sent += phone.send(chunk)
            except BlockingIOError:
                time.sleep(0.01)
            except ConnectionError:
                break
            with contextlib.suppress(BlockingIOError):
                answer += phone.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 40e6, "10 MB, and what was on its way"


def test_an_announced_upload_is_refused_before_it_comes(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as phone:
        phone.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000000\r\n\r\n")
        assert phone.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_one_that_hangs_up_does_not_matter(server, draw):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as phone:
            phone.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\nhalf")
    assert server.ask("POST", "/predict", to_png(draw("7")))[1]["text"] == "7"
    assert server.ask("GET", "/health")[1]["ready"]


def test_a_slow_upload_is_given_up(start, draw):
    """It gets its sentence and loses its connection; meanwhile others are read."""
    port = start(upload_seconds=1)
    with begin(port, 50_000, b"half") as phone:
        assert ask(port, to_png(draw("7")))[1]["text"] == "7"
        answer = b""
        while part := phone.recv(1000):  # until the server hangs up
            answer += part
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"The upload took longer than 1 seconds: send a smaller image." in answer


def test_all_uploads_together_fit_the_memory(start, draw):
    """Sixty phones that each send 9 MB of 10 and stop there would fill it, while no limit for one is broken."""
    port = start(max_held=3_000_000, stall_seconds=30.0)
    phones = [begin(port, 950_000, bytes(900_000)) for _ in range(3)]
    time.sleep(2)  # until what they sent has come
    response, answer = ask(port, bytes(900_000))
    assert response.status == 503
    assert response.headers["retry-after"] == "3"
    assert answer["error"].startswith("Too much is being uploaded at once")
    assert ask(port, to_png(draw("7")))[1]["text"] == "7", "a small one still fits"
    for phone in phones:
        phone.close()
    for _ in range(100):  # until it is noticed that they have gone
        if ask(port, bytes(900_000))[0].status == 422:
            break
        time.sleep(0.05)
    assert ask(port, bytes(900_000))[0].status == 422, "no image, but there is room for it again"


def test_uploads_that_hold_all_the_room_show_in_the_health(start):
    """A load balancer would send photos to where they are refused."""
    port = start(max_held=13_000_000, stall_seconds=600.0, upload_seconds=600.0)  # longer than is waited for here
    assert get(port, "/health")[0] == 200
    with begin(port, 9_999_999, bytes(9_990_000)):
        until(lambda: get(port, "/health")[0] == 503)
    until(lambda: get(port, "/health")[0] == 200)


@pytest.mark.parametrize("trickle", [b"", b"x"])
def test_an_upload_that_stalls_gives_its_room_back(start, trickle):
    """Twenty that send next to nothing would keep all others out for as long as an upload may take."""
    port = start(stall_seconds=0.5)
    with begin(port, 9_999_999, bytes(1_000_000)) as phone:
        phone.settimeout(0.1)
        answer, began = b"", time.monotonic()
        while time.monotonic() < began + 10:
            try:
                if not (part := phone.recv(1000)):
                    break
                answer += part
            except TimeoutError:
                phone.sendall(trickle)
            except ConnectionError:
                break
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"The upload came to a standstill: check the connection and send it again." in answer


def test_a_slow_upload_that_goes_on_is_read(start, draw):
    """As on a phone at the edge of the network."""
    data = to_png(draw("7")) + bytes(3000)
    with begin(start(stall_seconds=5.0, stall_bytes=100), len(data)) as phone:
        for first in range(0, len(data), len(data) // 8):
            phone.sendall(data[first : first + len(data) // 8])
            time.sleep(0.8)
        assert phone.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_an_image_nobody_waits_for_is_not_read(start, monkeypatch):
    """A page gives a drawing up when the next stroke comes; its reading would hold up everyone else."""
    slow = Slow(monkeypatch)
    port = start()
    with begin(port, 5, b"first") as first:
        assert slow.begun.acquire(timeout=60)
        begin(port, 6, b"second").close()
        time.sleep(0.5)
        slow.go.set()
        assert first.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert ask(port, b"third")[0].status == 200
    assert slow.begun.acquire(timeout=60), "the third"
    assert not slow.begun.acquire(timeout=0.2), "and not the second"


def test_an_image_whose_turn_does_not_come_is_given_up(start, monkeypatch):
    slow = Slow(monkeypatch)
    port = start(patience=0.3)
    with begin(port, 5, b"first"):
        assert slow.begun.acquire(timeout=60)
        response, answer = ask(port, b"second")
        slow.go.set()
    assert response.status == 503
    assert response.headers["retry-after"] == "10"
    assert answer == {"error": "Too many images are waiting: try again later."}


@pytest.mark.parametrize("origin", ["http://[bad", "null", "file://", "testserver"])
def test_origins_that_are_none(client, draw, origin):
    assert client.post("/predict", content=to_png(draw("7")), headers={"origin": origin}).status_code == 403


def test_a_name_that_cannot_be_written(client, draw):
    """From a form in an odd encoding: half of a pair of surrogates."""
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\\ud800.png"\r\n\r\n'
    form += to_png(draw("7")) + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x; charset=unicode_escape"
    response = client.post("/predict", content=form, headers={"content-type": kind})
    assert response.status_code == 200
    assert response.json()["text"] == "7"


def test_slow_uploads_hold_up_nobody(server, draw):
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    try:
        for phone in slow:
            phone.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\nhalf")
        assert server.ask("POST", "/predict", to_png(draw("7")))[1]["text"] == "7"
    finally:
        for phone in slow:
            phone.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2 without being told")
def test_only_this_computer_is_listened_to(server):
    """Another address of this same machine stands for one that others would use."""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", server.port), timeout=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2 without being told")
def test_others_are_listened_to_if_that_is_wanted(settings):
    with Server("--model", settings.network, "--host", "0.0.0.0") as server:
        assert server.lines[-1].startswith(f"Open http://127.0.0.1:{server.port}")
        socket.create_connection(("127.0.0.2", server.port), timeout=5).close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_finishes_what_is_under_way(settings, draw, number, workers):
    data = to_png(draw("7"))
    with Server("--model", settings.network, "--workers", str(workers)) as server:
        while server.ask("GET", "/health")[0] != 200:
            time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as phone:
            phone.sendall(f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode())
            phone.sendall(data[:100])
            assert server.ask("GET", "/health")[0] == 200  # what came before this has been seen, too
            time.sleep(1)
            server.process.send_signal(number)
            time.sleep(1.5)
            assert server.process.poll() is None
            phone.sendall(data[100:])
            answer = b""
            while part := phone.recv(10_000):  # headers and body may come apart
                answer += part
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"text":"7"' in answer
        out, err = server.process.communicate(timeout=60)
        assert (server.process.returncode, out, err) == (0, "Stopped.\n", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_what_is_under_way(settings, first):
    """Who presses Ctrl-C once more, because an upload takes its time, would see a page of tracebacks."""
    with Server("--model", settings.network) as server, begin(server.port, 50_000, b"half"):
        assert server.ask("GET", "/health")[0] in (200, 503)  # what came before this has been seen, too
        time.sleep(1)
        server.process.send_signal(first)
        time.sleep(0.5)
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == (0, "Stopped.\n", "")


@pytest.mark.parametrize("name", ["none.keras", "none.tflite", "text.keras", "text.tflite"])
def test_a_network_that_is_not_there(tmp_path, capsys, name):
    if name.startswith("text"):
        (tmp_path / name).write_text("Dear teacher")
    assert main(["serve", "--port", "0", "--model", str(tmp_path / name)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"/{name}" in line.replace("\\", "/")


def test_a_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Port {port} of 127.0.0.1 cannot be had")
    assert line.endswith("name another with --port, or check --host.")
