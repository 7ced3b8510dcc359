"""A contest: who fools the reader is on the board, and nothing of it outlives the lesson."""

import re
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from serving import Server

from utils.reader import shipped_digits
from utils.service.app import create_app
from utils.service.contest import MOST, Contest


def png(name="7-paint-1.png"):
    grey = np.array(Image.open(shipped_digits() / name).convert("L"))
    return cv2.imencode(".png", grey)[1].tobytes()


def reading(digit, probability=0.9, confident=True):
    return {"digits": [{"digit": digit, "probability": probability, "confident": confident}], "error": None}


@pytest.fixture
def contest():
    return Contest("http://192.168.1.2:8000")


@pytest.fixture
def client(settings, contest):
    with TestClient(create_app(settings, contest=contest)) as client:
        yield client


def test_only_what_fools_the_reader_is_on_the_board(client, contest):
    """A claim that nobody checks would win every time."""
    assert client.post("/contest?meant=7", content=png()).json() == {"fooled": False, "text": "7"}
    assert client.post("/contest?meant=1&name=Ada", content=png()).json() == {"fooled": True, "text": "7"}
    board = client.get("/contest/board").json()
    assert (board["tried"], board["fooled"]) == (2, 1)
    (entry,) = board["entries"]
    assert (entry["name"], entry["meant"], entry["read"]) == ("Ada", 1, 7)
    assert client.get(f"/contest/drawings/{entry['number']}.png").content == png()


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("meant=x", png(), 422),
        ("", png(), 422),
        ("meant=12", png(), 422),
        ("meant=7", b"<svg onload=alert(1)>", 422),
        ("meant=7", png() + b"\0" * 200_000, 422),
        ("meant=7", b"\x89PNG\r\n\x1a\nbroken", 422),
    ],
)
def test_what_is_no_drawing_or_no_digit_is_refused_in_words(client, contest, query, body, status):
    """What is on the board stands on a wall before a class."""
    response = client.post(f"/contest?{query}", content=body)
    assert response.status_code == status
    assert response.json()["error"]
    assert contest.board()["entries"] == []


def test_a_number_of_two_digits_is_no_entry(client, contest):
    """The reader did not misread a digit: it saw two."""
    response = client.post("/contest?meant=1", content=png("27-squared.png"))
    assert response.json()["fooled"] is False
    assert contest.board()["entries"] == []


def test_another_sites_page_may_not_enter(client):
    """It could fill the wall without anybody here having drawn."""
    sent = client.post("/contest?meant=1", content=png(), headers={"Origin": "https://evil.example"})
    assert sent.status_code == 403


def test_only_the_projector_takes_drawings_off(client, contest):
    """A pupil could delete the others', or a rude drawing would stay."""
    client.post("/contest?meant=1", content=png())
    assert client.delete("/contest/drawings/1").status_code == 403
    assert client.delete("/contest/drawings/1?key=guessed").status_code == 403
    assert len(contest.board()["entries"]) == 1
    assert client.delete(f"/contest/drawings/1?key={contest.key}").json()["entries"] == []
    assert client.get("/contest/drawings/1.png").status_code == 404
    wrong = client.get("/contest/drawings/abc.png")
    assert wrong.status_code == 422
    assert wrong.json()["error"].startswith("number: Input should be a valid integer")


def test_the_board_has_an_end_and_the_best_stay(contest):
    """A class that goes on for an hour must not fill the memory."""
    assert contest.enter(b"best", reading(1, 0.99), 7, "Ada")
    for number in range(MOST + 20):
        contest.enter(b"", reading(1, 0.3 + number / 1000, confident=False), 7, "")
    entries = contest.board()["entries"]
    assert len(entries) == MOST
    assert (entries[0]["name"], entries[0]["sure"]) == ("Ada", True)
    assert entries == sorted(entries, key=lambda entry: (entry["sure"], entry["probability"]), reverse=True)


def test_a_name_is_short_and_of_one_line(contest):
    """It stands beside a drawing on the wall."""
    contest.enter(b"", reading(1), 7, "  Ada\n\x1b[31m Lovelace, Countess of everything ")
    name = contest.board()["entries"][0]["name"]
    assert len(name) <= 20
    assert name.isprintable()


def test_without_a_contest_there_is_none(settings):
    """Opt-in: nobody's drawing is kept unless the teacher has asked for it."""
    with TestClient(create_app(settings)) as client:
        assert client.post("/contest?meant=1", content=png()).status_code in (404, 405)
        assert client.get("/contest/board").status_code == 404
        page = client.get("/").text
        assert "data-contest" not in page
        assert "is read and forgotten." in page


def test_the_page_says_what_is_kept(client):
    """Whoever reads that all is forgotten writes a name; in a contest, name and drawing stand on a wall."""
    page = client.get("/").text
    assert "data-contest" in page
    assert "is read and forgotten; what enters the contest, when that ends." in page


def test_the_code_holds_the_address(client, contest):
    """What phones scan: an address that leads nowhere costs ten minutes of a lesson."""
    code = client.get("/contest/code.svg")
    assert code.headers["content-type"].startswith("image/svg+xml")
    modules = drawn(code.text)
    text, *_ = cv2.QRCodeDetector().detectAndDecode(modules)
    assert text == contest.address


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("digits.school.example", "http://digits.school.example"),
        ("https://digits.school.example:8443/", "https://digits.school.example:8443"),
        ("2001:db8::5", "http://[2001:db8::5]"),
    ],
)
def test_behind_a_proxy_the_address_is_the_one_that_was_typed(settings, typed, address):
    """A code without the port, or with http for https, leads thirty phones nowhere."""
    with Server("--model", settings.network, "--contest", "--allow-host", typed) as server:
        assert server.ask("GET", "/contest/board")[1]["address"] == address
        assert not any("Phones cannot" in line for line in server.lines)


def drawn(svg):
    """Draw the lines of which the code is made, as an image of black on white."""
    size = int(re.search(r'width="(\d+)"', svg)[1])
    image = np.full((size, size), 255, np.uint8)
    scale = int(re.search(r"scale\((\d+)\)", svg)[1])
    path = re.findall(r"[Mmh][^Mmh]*", re.findall(r'd="(M[^"]+)"', svg)[-1])
    x = y = 0.0
    for command in path:
        numbers = [float(number) for number in re.findall(r"-?\d*\.?\d+", command)]
        if command[0] == "M":
            x, y = numbers
        elif command[0] == "m":
            x, y = x + numbers[0], y + numbers[1]
        else:
            left, top = round(x * scale), round((y - 0.5) * scale)
            image[top : top + scale, left : left + round(numbers[0] * scale)] = 0
            x += numbers[0]
    return image


def test_thirty_phones_enter_at_once(settings):
    """The lesson for which it is made; with Ctrl-C, everything is gone."""
    with Server("--model", settings.network, "--workers", "2", "--contest") as server:
        assert any("/contest#" in line for line in server.lines)
        assert any("Phones cannot reach it: start it with --host 0.0.0.0" in line for line in server.lines)
        with ThreadPoolExecutor(30) as phones:
            answers = list(
                phones.map(
                    lambda number: server.ask("POST", f"/contest?meant={number % 7}&name=phone{number}", png()),
                    range(30),
                )
            )
        assert [status for status, _ in answers] == [200] * 30
        assert all(answer["fooled"] for _, answer in answers)
        _, board = server.ask("GET", "/contest/board")
        assert (board["tried"], board["fooled"], len(board["entries"])) == (30, 30, 30)
        status, _, err = server.stop()
    assert (status, err) == (0, "")
    with Server("--model", settings.network, "--contest") as server:
        assert server.ask("GET", "/contest/board")[1]["entries"] == []
