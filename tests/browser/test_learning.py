"""The training in the page. Without these, it may show curves of a network that learns something else, or nothing."""

import re

import pytest
from test_visit import FOUR, PHONE, pen, says, shoot
from visiting import served

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install -r requirements-dev.txt")


def train(page, **settings):
    for name, value in settings.items():
        page.locator(f"#{name}").select_option(str(value))
    page.get_by_role("button", name="Train").click()


def right(page):
    """How many of the 1,000 new digits are read."""
    return int(re.search(r"reads ([\d,]+) of", page.locator("#status").inner_text())[1].replace(",", ""))


def test_it_learns_and_reads_what_is_drawn(visit):
    """The heart of notebook 04 for those who have no Python: guess, train, look at the curves, draw."""
    page = visit("learn.html", ready=False)
    page.locator("#guess").fill("700")
    train(page, hidden=32, epochs=5)
    says(page, "^Epoch 5: it reads")
    assert right(page) > 850
    assert "You guessed 700 after one epoch" in page.locator("#status").inner_text()
    for name in ("Loss", "Accuracy"):
        playwright.expect(page.get_by_role("img", name=f"{name} over the epochs")).to_be_visible()
    colors = "lines => lines.map((line) => getComputedStyle(line).stroke)"
    assert page.locator("#loss polyline").evaluate_all(colors) == ["rgb(179, 71, 0)", "rgb(0, 114, 178)"]
    pen(page, FOUR)
    playwright.expect(page.locator("#answer")).to_have_text("Read as 4.")  # not its first stroke alone
    assert page.locator("#bars tbody tr").count() == 10
    assert page.locator("#bars .highest th").inner_text() == "4"
    shoot(page, "browser-learn")
    page.locator("#guess").press("Escape")
    page.locator("#guess").press("Control+z")
    playwright.expect(page.locator("#answer")).to_have_text("Read as 4.")  # what is typed is no matter of the paper
    page.locator("#pad").press("Escape")
    playwright.expect(page.locator("#answer")).to_have_text("")


def test_softmax_regression_shows_a_picture_of_each_digit(visit):
    page = visit("learn.html", ready=False, **PHONE)
    train(page, hidden=0, epochs=5)
    says(page, "^Epoch 5: it reads")
    assert right(page) > 850
    picture = page.get_by_role("img", name="The weights of the ten digits")
    playwright.expect(picture).to_be_visible()
    at = "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]"
    assert picture.evaluate(at, [0, 0]) == [255, 255, 255, 255], "no ink in a corner, so its weight is still 0"
    red, _, blue, _ = picture.evaluate(at, [14, 14])
    assert blue > red + 40, "ink in the middle speaks against a 0"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nothing sticks out of the screen"
    shoot(page, "browser-learn-phone")


def test_stop_stops(visit):
    page = visit("learn.html", ready=False)
    train(page, hidden=64, batch=1, epochs=20)
    says(page, "^(Before the first step|Epoch)")
    page.get_by_role("button", name="Stop").click()
    playwright.expect(page.get_by_role("button", name="Train")).to_be_enabled()
    train(page, hidden=0, batch=512, epochs=1)
    says(page, "^Epoch 1: it reads")


def test_too_high_a_rate_leaves_neurons_dead(visit):
    """As notebook 04 says; without the number, nobody knows why the network only guesses."""
    page = visit("learn.html", ready=False, color_scheme="dark")
    train(page, hidden=32, rate=3, epochs=1)
    says(page, r"^Epoch 1: it reads \d+ of 1,000 new digits \(.*\)\. \d+ of the 32 hidden neurons are dead")
    assert right(page) < 200
    shoot(page, "browser-learn-dark")
    train(page, rate=0.1)
    says(page, r"^Epoch 1: it reads \d+ of 1,000 new digits \(.*\)\. The training before ended at \d+\. Finished\.$")


def test_what_is_chosen_meanwhile_is_for_the_next_training(visit):
    """A guess that is changed when the answer is there is none, and curves must not run out of their frame."""
    page = visit("learn.html", ready=False)
    page.locator("#guess").fill("700")
    train(page, hidden=64, batch=8, epochs=20)
    says(page, "^Epoch 1?[1-9]: it reads")
    page.locator("#guess").fill("850")
    page.locator("#hidden").select_option("0")
    page.locator("#epochs").select_option("1")
    ended = re.compile("^Epoch 20: it reads .* You guessed 700 .* Finished")
    playwright.expect(page.locator("#status")).to_have_text(ended, timeout=600_000)
    playwright.expect(page.get_by_role("img", name="The weights of 24 of the hidden neurons")).to_be_visible()
    assert page.locator("#loss text").all_text_contents()[-1] == "20"


def test_an_answer_that_comes_late_is_not_shown(visit):
    """What is cleared away is gone, also when the network has just begun to read it."""
    page = visit("learn.html", ready=False)
    train(page, hidden=0, epochs=1)
    says(page, "^Epoch 1: it reads")
    pen(page, FOUR)
    page.get_by_role("button", name="Clear").click()
    pen(page, FOUR)
    playwright.expect(page.locator("#answer")).to_have_text("Read as 4.")
    pen(page, FOUR)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_timeout(1000)
    playwright.expect(page.locator("#answer")).to_have_text("")
    playwright.expect(page.locator("#bars")).to_be_hidden()


def test_without_its_digits_it_says_so_and_asks_again(built, browser):
    """Where the net fails for a moment, a second click helps, without loading the page anew."""
    context = browser.new_context(service_workers="block")
    with served(built) as address:
        page = context.new_page()
        page.route("**/digits.bin", lambda route: route.abort())
        page.goto(f"{address}learn.html")
        train(page, hidden=0, epochs=1)
        says(page, "^The training failed: the digits did not come .* Is there a connection")
        page.unroute("**/digits.bin")
        train(page)
        says(page, "^Epoch 1: it reads")
    context.close()


NUDGE = """async () => {
  const { crossEntropy, forward, learn, makeNetwork, random } = await import("./learning/network.js");
  const draw = random(1);
  const images = [0, 1, 2].map(() => Float32Array.from({ length: 784 }, () => (draw() < 0.2 ? draw() : 0)));
  const labels = Uint8Array.of(3, 1, 4);
  const loss = (network) =>
    images.reduce((sum, image, n) => sum + crossEntropy(forward(network, image).pop(), labels[n]), 0) / 3;
  const copy = (network) => network.map((layer) => ({ ...layer, w: layer.w.slice(), b: layer.b.slice() }));
  const found = [];
  for (const hidden of [0, 5]) {
    const network = makeNetwork(hidden, draw);
    const stepped = copy(network);
    learn(stepped, images, labels, 1);
    for (const index of network.keys()) {
      const inked = [...images[0].keys()].filter((i) => images.some((image) => image[i]));
      const most = network[index].inputs === 784 ? inked.slice(0, 5) : [0, 1, 2, 3, 4];
      for (const i of most) {
        const at = i * network[index].outputs + (i % network[index].outputs);
        const [up, down] = [copy(network), copy(network)];
        up[index].w[at] += 0.001;
        down[index].w[at] -= 0.001;
        found.push([network[index].w[at] - stepped[index].w[at], (loss(up) - loss(down)) / 0.002]);
      }
      const [up, down] = [copy(network), copy(network)];
      up[index].b[1] += 0.001;
      down[index].b[1] -= 0.001;
      found.push([network[index].b[1] - stepped[index].b[1], (loss(up) - loss(down)) / 0.002]);
    }
  }
  return found;
}"""


def test_the_gradient_is_what_nudging_gives(visit):
    """As in notebook 03: slopes of weights and biases, of both layers, are checked by nudging."""
    found = visit("learn.html", ready=False).evaluate(NUDGE)
    assert len(found) == 18
    assert sum(abs(slope) > 0.01 for slope, _ in found) >= 10
    for slope, nudged in found:
        assert slope == pytest.approx(nudged, abs=1e-4)
