"""Exercises that answer. Without these, a pupil's own way is called wrong, or a mistake goes without its sentence."""

import linecache
import re
import time
from textwrap import dedent, indent

import numpy as np
import pytest

from tests.lesson.test_notebooks import GAP, code_cells
from tests.series import NOTEBOOKS
from utils.lesson import is_right
from utils.lesson.checking import judge
from utils.lesson.checks import CHECKS, BusyClient

#: What each function is given.
PARAMETERS = {
    "how_far_ahead": "distances, label",
    "centre_box": "image",
    "momentum_step": "w, velocity, slope, rate, momentum",
    "leaky_backward": "x, hidden, p, y, w2",
    "move_each": "images, shifts",
    "diagnose": "training, validation, poor=90, wide=5",
    "threshold_for": "table, share",
    "three_shares": "table, labels, least=0.8",
    "gained_and_lost": "before, after, truth",
    "unbeaten": "points",
    "send_patiently": "client, data, tries=5",
}


def write(name, body):
    """The function of a pupil who has written this below the first line."""
    code = f"def {name}({PARAMETERS[name]}):\n{indent(dedent(body).strip(), '    ')}\n"
    scope = {"np": np, "time": time}
    exec(compile(code, f"the-cell-{name}", "exec"), scope)
    linecache.cache[f"the-cell-{name}"] = len(code), None, code.splitlines(True), f"the-cell-{name}"
    return scope[name]


def written_cells():
    for path in NOTEBOOKS:
        cells = code_cells(path)
        yield (
            path,
            [cell for cell in cells if "# your turn" in cell.source],
            [cell for cell in cells if cell.source.startswith("# Solution") and GAP.search(cell.source)],
        )


def test_each_notebook_has_an_exercise_that_answers_and_the_parameters_are_those_of_the_gap():
    named = []
    for path, gaps, solutions in written_cells():
        names = [name for cell in solutions for name in GAP.findall(cell.source)]
        assert names, path.name
        for name in names:
            (gap,) = [cell.source for cell in gaps if GAP.findall(cell.source) == [name]]
            assert re.match(rf"def {name}\((.*)\):", gap)[1] == PARAMETERS[name]
        named += names
    assert sorted(named) == sorted(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_open_exercise_is_told_so(name):
    assert f"{name}: nothing is returned yet." in judge(write(name, "..."), CHECKS)


OTHER_WAYS = [
    ("how_far_ahead", "return min(d for i, d in enumerate(distances) if i != label) - distances[label]"),
    (
        "how_far_ahead",
        """
        others = distances.copy()
        others[label] = np.inf
        return float(others.min() - distances[label])
        """,
    ),
    (
        "centre_box",
        """
        down, right = 28 - image.shape[0], 28 - image.shape[1]
        return np.pad(image, ((down // 2, down - down // 2), (right // 2, right - right // 2)))
        """,
    ),
    (
        "centre_box",
        """
        h, w = image.shape
        centred = np.zeros((28, 28))
        top, left = 14 - h // 2, 14 - w // 2
        centred[top : top + h, left : left + w] = image
        return centred
        """,
    ),
    (
        "momentum_step",
        """
        velocity = momentum * velocity - rate * slope
        w = w + velocity
        return w, velocity
        """,
    ),
    ("momentum_step", "return [w + momentum * velocity - rate * slope, -rate * slope + velocity * momentum]"),
    (
        "leaky_backward",
        """
        error = p.copy()
        error[np.arange(len(y)), y] -= 1
        behind = error @ w2.T
        behind[hidden < 0] *= 0.1
        n = len(x)
        return x.T @ behind / n, behind.mean(axis=0), hidden.T @ error / n, error.mean(axis=0)
        """,
    ),
    (
        "leaky_backward",
        """
        error = (p - np.eye(10)[y]) / len(x)
        back = error @ w2.T
        back = 0.9 * back * (hidden > 0) + 0.1 * back
        return x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)
        """,
    ),
    (
        "move_each",
        """
        moved = np.zeros_like(images)
        for i, shift in enumerate(shifts):
            if shift > 0:
                moved[i, :, shift:] = images[i, :, :-shift]
            elif shift < 0:
                moved[i, :, :shift] = images[i, :, -shift:]
            else:
                moved[i] = images[i]
        return moved
        """,
    ),
    (
        "move_each",
        """
        moved = []
        for image, shift in zip(images, shifts):
            one = np.roll(image, shift, axis=1)
            if shift > 0:
                one[:, :shift] = 0
            if shift < 0:
                one[:, shift:] = 0
            moved.append(one)
        return np.array(moved)
        """,
    ),
    (
        "diagnose",
        """
        if training <= poor:
            return "underfits"
        elif training - validation >= wide:
            return "overfits"
        else:
            return "looks right"
        """,
    ),
    (
        "diagnose",
        "return 'underfits' if training < poor else 'looks right' if validation > training - wide else 'overfits'",
    ),
    ("threshold_for", "return np.percentile(table.max(axis=1), 100 * share)"),
    ("threshold_for", "return np.sort(table.max(axis=1))[int(share * len(table))]"),
    ("threshold_for", "return sorted(max(row) for row in table)[round(share * len(table))]"),
    ("threshold_for", "return np.sort(table.max(axis=1))[int(np.ceil(share * len(table)))]"),
    ("threshold_for", "return np.quantile(table.max(axis=1), share, method='higher')"),
    ("threshold_for", "return np.quantile(table.max(axis=1), share, method='lower')"),
    (
        "three_shares",
        """
        refused = np.mean(table.max(axis=1) < least)
        harm = np.mean((table.argmax(axis=1) != labels) & (table.max(axis=1) >= least))
        return [1 - refused - harm, refused, harm]
        """,
    ),
    (
        "three_shares",
        """
        read = refused = harm = 0
        for row, label in zip(table, labels):
            if row.max() < least:
                refused += 1
            elif row.argmax() == label:
                read += 1
            else:
                harm += 1
        return read / len(labels), refused / len(labels), harm / len(labels)
        """,
    ),
    (
        "gained_and_lost",
        """
        gained = lost = 0
        for one, other, right in zip(before, after, truth):
            gained += one != right and other == right
            lost += one == right and other != right
        return gained, lost
        """,
    ),
    (
        "gained_and_lost",
        """
        change = (after == truth).astype(int) - (before == truth).astype(int)
        return np.count_nonzero(change == 1), np.count_nonzero(change == -1)
        """,
    ),
    (
        "unbeaten",
        """
        kept = []
        for a in points:
            kept.append(True)
            for b in points:
                if b[0] <= a[0] and b[1] <= a[1] and (b[0] < a[0] or b[1] < a[1]):
                    kept[-1] = False
        return kept
        """,
    ),
    (
        "unbeaten",
        """
        kept = np.ones(len(points), bool)
        for i, point in enumerate(points):
            kept[i] = not any((other <= point).all() and (other != point).any() for other in points)
        return kept
        """,
    ),
    (
        "send_patiently",
        """
        from time import sleep
        left = tries
        while left > 0:
            answer = client.post("/predict", content=data)
            if answer.is_success or answer.status_code == 422:
                return answer.json()
            left -= 1
            if left:
                sleep(float(answer.headers["retry-after"]))
        raise TimeoutError
        """,
    ),
    (
        "send_patiently",
        """
        for attempt in range(1, tries + 1):
            response = client.post("/predict", content=data)
            if response.status_code == 503 and "Retry-After" in response.headers:
                if attempt == tries:
                    raise TimeoutError("full")
                time.sleep(float(response.headers.get("Retry-After")) + 0.01)
            else:
                return response.json()
        """,
    ),
    (
        "send_patiently",
        """
        for attempt in range(tries):
            if attempt:
                time.sleep(int(dict(response.headers)["retry-after"]))
            response = client.post("http://testserver/predict", content=data)
            try:
                return response.raise_for_status().json()
            except Exception:
                if response.status_code != 503:
                    return response.json()
        raise TimeoutError
        """,
    ),
]


@pytest.mark.parametrize(("name", "body"), OTHER_WAYS)
def test_another_way_is_right_as_well(name, body):
    function = write(name, body)
    assert judge(function, CHECKS) == f"{name}: right, in {len(CHECKS[name].cases)} of {len(CHECKS[name].cases)} cases."
    assert is_right(function)


def test_every_exercise_was_tried_in_at_least_two_other_ways():
    assert all(sum(name == each for each, _ in OTHER_WAYS) >= 2 for name in PARAMETERS)


WRONG_WAYS = [
    ("how_far_ahead", "return distances[label] - np.delete(distances, label).min()", "The sign is wrong"),
    ("how_far_ahead", "return distances.min() - distances[label]", "The right mean is among those"),
    ("how_far_ahead", "return np.sort(distances)[1] - distances[label]", "leave it out by its place."),
    ("how_far_ahead", "return abs(np.delete(distances, label).min() - distances[label])", "Below 0 is an answer"),
    (
        "how_far_ahead",
        """
        own = distances[label]
        return min(d for d in distances if d != own) - own
        """,
        "by its place, not by its distance",
    ),
    (
        "how_far_ahead",
        """
        first, second = np.sort(distances)[:2]
        return second - first
        """,
        "This is the lead of whichever mean is nearest.",
    ),
    (
        "how_far_ahead",
        """
        own = distances[label]
        distances[label] = np.inf
        return distances.min() - own
        """,
        "it changes its argument `distances`, which is still needed outside the function",
    ),
    (
        "centre_box",
        """
        centred = np.zeros((28, 28))
        top, left = (28 - image.shape[1]) // 2, (28 - image.shape[0]) // 2
        centred[top : top + image.shape[0], left : left + image.shape[1]] = image
        return centred
        """,
        "Rows and columns are mixed up",
    ),
    (
        "centre_box",
        """
        centred = np.zeros((28, 28))
        h, w = image.shape
        centred[13 - h // 2 : 13 - h // 2 + h, 13 - w // 2 : 13 - w // 2 + w] = image
        return centred
        """,
        "It lies a pixel too far left and above",
    ),
    (
        "centre_box",
        """
        h, w = image.shape
        centred = np.zeros((28, 28))
        centred[14 - h // 2 : 14 + h // 2, 14 - w // 2 : 14 + w // 2] = image
        return centred
        """,
        "could not broadcast input array from shape (5,3) into shape (4,2)",
    ),
    (
        "centre_box",
        """
        down, right = (28 - image.shape[0]) // 2, (28 - image.shape[1]) // 2
        return np.pad(image, ((down, down), (right, right)))
        """,
        "one side must have one more.",
    ),
    ("centre_box", "return np.pad(image, ((0, 28 - len(image)), (0, 28 - len(image[0]))))", "into the top left corner"),
    ("momentum_step", "v = momentum * velocity + rate * slope; return w + v, v", "It goes uphill"),
    ("momentum_step", "return w + velocity, momentum * velocity - rate * slope", "w moves by the old velocity"),
    ("momentum_step", "v = velocity - rate * slope; return w + v, v", "The old velocity is kept whole"),
    ("momentum_step", "v = momentum * velocity - rate * slope; return v, w + v", "in another order: w, velocity."),
    (
        "momentum_step",
        "velocity *= momentum; velocity -= rate * slope; return w + velocity, velocity",
        "`velocity`, which",
    ),
    ("momentum_step", "v = momentum * velocity - rate * slope; w += v; return w, v", "it changes its argument `w`"),
    ("momentum_step", "v = momentum * velocity - slope; return w + rate * v, v", "The rate belongs in the velocity"),
    ("momentum_step", "return np.array([w, velocity])", "gives an array, and 2 values are asked for"),
    ("momentum_step", "return w + momentum * velocity - rate * slope", "and 2 values are asked for"),
    (
        "leaky_backward",
        """
        error = (p - np.eye(10)[y]) / len(x)
        back = (error @ w2.T) * (hidden > 0)
        return x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)
        """,
        "Where `hidden` is negative, no error passes",
    ),
    (
        "leaky_backward",
        """
        error = p - np.eye(10)[y]
        back = (error @ w2.T) * np.where(hidden > 0, 1, 0.1)
        return x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)
        """,
        "It is not divided by the number of images",
    ),
    (
        "leaky_backward",
        """
        error = (p - np.eye(10)[y]) / len(x)
        back = error @ w2.T
        back = np.where(back > 0, back, 0.1 * back)
        return x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)
        """,
        "It goes by the sign of the error",
    ),
    (
        "leaky_backward",
        """
        p -= np.eye(10)[y]
        error = p / len(x)
        back = (error @ w2.T) * np.where(hidden > 0, 1, 0.1)
        return x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)
        """,
        "it changes its argument `p`",
    ),
    (
        "move_each",
        "return np.array([np.roll(one, by, 1) for one, by in zip(images, shifts)])",
        "comes in again on the other",
    ),
    (
        "move_each",
        """
        moved = np.zeros_like(images)
        for i, by in enumerate(shifts):
            if by > 0:
                moved[i, :, by:] = images[i, :, :-by]
            elif by < 0:
                moved[i, :, :by] = images[i, :, -by:]
        return moved
        """,
        "With a shift of 0 an image comes out empty",
    ),
    (
        "move_each",
        """
        for i, by in enumerate(shifts):
            images[i] = np.roll(images[i], by, axis=1)
        return images
        """,
        "it changes its argument `images`",
    ),
    (
        "diagnose",
        "return 'overfits' if training - validation > wide else 'underfits' if training < poor else 'looks right'",
        "gap first",
    ),
    (
        "diagnose",
        """
        poor, gap = poor / 100, training - validation
        return "underfits" if training < poor else "overfits" if gap > wide / 100 else "looks right"
        """,
        "percent",
    ),
    (
        "diagnose",
        "return 'underfits' if training < poor else 'overfits' if training > validation else 'looks right'",
        "Any gap at all",
    ),
    (
        "diagnose",
        "return 'underfits' if training < poor else 'overfits' if training > 99.5 else 'looks right'",
        "A high training accuracy is no",
    ),
    (
        "diagnose",
        "return 'underfits' if training < poor else 'overfits' if abs(training - validation) > wide else 'looks right'",
        "no overfitting, however wide",
    ),
    (
        "diagnose",
        "return 'underfits' if validation < poor else 'overfits' if training - validation > wide else 'looks right'",
        "the *training* accuracy says",
    ),
    (
        "diagnose",
        "return 'underfits' if training < 90 else 'overfits' if training - validation > 5 else 'looks right'",
        "thresholds of its own",
    ),
    (
        "diagnose",
        "return 'underfits' if training < 80 else 'overfits' if training - validation > 3 else 'looks right'",
        "and 'looks right' is right.",
    ),
    (
        "diagnose",
        "return 'underfits' if training < poor else 'overfits' if training - validation > 5 else 'looks right'",
        "compare with `wide`",
    ),
    (
        "diagnose",
        "return 'underfits' if training < poor else 'overfits' if validation < 80 else 'looks right'",
        "gives 'looks right', and 'overfits' is right.",
    ),
    ("diagnose", "return 'underfit' if training < poor else 'overfit'", "gives 'overfit', and 'overfits' is right."),
    (
        "diagnose",
        """
        if training < poor:
            return "underfits"
        elif training - validation > wide:
            return "overfits"
        """,
        "diagnose(89, 86, 85, 5) gives nothing: no `return` is reached there.",
    ),
    ("threshold_for", "return np.quantile(table.max(axis=1), 1 - share)", "That is the wrong end"),
    ("threshold_for", "return np.percentile(table.max(axis=1), share)", "counts from 0 to 100"),
    ("threshold_for", "return np.sort(table.max(axis=1))[3 + int(share * len(table))]", "and 0.68 is right."),
    ("threshold_for", "return table.max(axis=1).min()", "This is the lowest confidence"),
    ("threshold_for", "return np.quantile(table, share)", "the confidence of an answer is the largest of its row"),
    ("threshold_for", "table.sort(); return np.quantile(table[:, -1], share)", "it changes its argument `table`"),
    (
        "three_shares",
        """
        right, sure = table.argmax(axis=1) == labels, table.max(axis=1) >= least
        return right.mean(), (~sure).mean(), (~right & sure).mean()
        """,
        "What is refused is counted as read as well",
    ),
    (
        "three_shares",
        """
        right, sure = table.argmax(axis=1) == labels, table.max(axis=1) >= least
        return (right & sure).sum(), (~sure).sum(), (~right & sure).sum()
        """,
        "These are counts",
    ),
    (
        "three_shares",
        """
        right, sure = table.argmax(axis=1) == labels, table.max(axis=1) >= least
        return 100 * (right & sure).mean(), 100 * (~sure).mean(), 100 * (~right & sure).mean()
        """,
        "These are percentages",
    ),
    (
        "three_shares",
        """
        right, sure = table.argmax(axis=1) == labels, table.max(axis=1) > least
        return (right & sure).mean(), (~sure).mean(), (~right & sure).mean()
        """,
        "A confidence of exactly `least` is enough",
    ),
    ("gained_and_lost", "return sum(after == truth), sum(after != truth)", "leave out those that were so before"),
    (
        "gained_and_lost",
        """
        more = sum(after == truth) - sum(before == truth)
        return max(more, 0), max(-more, 0)
        """,
        "It gives the balance only",
    ),
    (
        "gained_and_lost",
        """
        other = before != after
        return sum(other & (after == truth)), sum(other & (after != truth))
        """,
        "What was wrong before cannot be lost",
    ),
    ("unbeaten", "return [not (points < point).all(axis=1).any() for point in points]", "It keeps too many"),
    ("unbeaten", "return [not any((q <= p).all() for q in points) for p in points]", "Each point beats itself"),
    (
        "unbeaten",
        """
        kept = []
        for i, p in enumerate(points):
            kept.append(not any((q <= p).all() for j, q in enumerate(points) if j != i))
        return kept
        """,
        "Points that are equal do not beat each other",
    ),
    ("unbeaten", "return ['True' for _ in points]", "gives a list of text, and True or False is asked for."),
    ("unbeaten", "return np.array(['no'] * len(points))", "gives an array of text, and True or False is asked for."),
    ("send_patiently", "return client.post('/predict', content=data).json()", "It gives up at the first 503"),
    (
        "unbeaten",
        "return [p[0] == min(points[:, 0]) or p[1] == min(points[:, 1]) for p in points]",
        "only the lowest of each",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
        raise TimeoutError
        """,
        "It does not wait",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(0.2)
        raise TimeoutError
        """,
        "How long it waits is its own idea",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(3 + len(response.headers["Retry-After"]))
        raise TimeoutError
        """,
        "gives 'longer than told', and 'as told' is right. That is under 'waited'.",
    ),
    (
        "send_patiently",
        """
        response = client.post("/predict", content=data)
        while response.status_code == 503:
            time.sleep(float(response.headers["Retry-After"]))
        return response.json()
        """,
        "send_patiently: it waits again and again on the same answer: send once more after each wait.",
    ),
    (
        "send_patiently",
        """
        try:
            response = client.post("/predict", content=data)
            while not response.is_success:
                time.sleep(1)
        except Exception:
            raise TimeoutError
        return response.json()
        """,
        "send once more after each wait.",
    ),
    (
        "send_patiently",
        """
        while True:
            response = client.post("/predict", content=data)
            if response.status_code == 503:
                time.sleep(float(response.headers["Retry-After"]))
        """,
        "it sends again and again, although it was answered: return the answer.",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", data=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(float(response.headers["Retry-After"]))
        raise TimeoutError
        """,
        "the bytes go in as `content=data`",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/read", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(float(response.headers["Retry-After"]))
        raise TimeoutError
        """,
        "gives {'read'}, and {'predict'} is right. That is under 'sent to'.",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code == 200:
                return response.json()
            time.sleep(float(response.headers.get("Retry-After", 1)))
        raise TimeoutError
        """,
        "Only a 503 is worth another attempt",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(response.headers["Retry-After"])
        raise TimeoutError
        """,
        "with TypeError",
    ),
    (
        "send_patiently",
        """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(float(response.headers["Retry-After"]))
        """,
        "send_patiently(a service that is full 2 times, b'a drawing', 2) gives nothing: "
        "`raise TimeoutError(…)` is missing.",
    ),
    (
        "send_patiently",
        """
        while True:
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(float(response.headers["Retry-After"]))
        """,
        "It never gives up",
    ),
    (
        "send_patiently",
        """
        response = client.post("/predict", content=data)
        while response.status_code == 503 and tries > 0:
            time.sleep(float(response.headers["Retry-After"]))
            response = client.post("/predict", content=data)
            tries -= 1
        if response.status_code == 503:
            raise TimeoutError
        return response.json()
        """,
        "It gives up too late",
    ),
]


@pytest.mark.parametrize(("name", "body", "words"), WRONG_WAYS)
def test_a_usual_mistake_gets_its_sentence(name, body, words):
    function = write(name, body)
    assert words in judge(function, CHECKS)
    assert not is_right(function)


def test_every_exercise_was_tried_with_at_least_three_mistakes():
    assert all(sum(name == each for each, *_ in WRONG_WAYS) >= 3 for name in PARAMETERS)


def test_a_client_that_waits_is_checked_without_waiting(monkeypatch):
    """With cases of whole seconds, a class would sit and wait."""
    body = """
        for _ in range(tries):
            response = client.post("/predict", content=data)
            if response.status_code != 503:
                return response.json()
            time.sleep(float(response.headers["Retry-After"]))
        raise TimeoutError
    """
    waited = []
    monkeypatch.setattr(time, "sleep", sleep := lambda seconds: waited.append(seconds))
    assert is_right(write("send_patiently", body))
    assert sum(waited) < 1
    assert time.sleep is sleep


def test_whoever_really_waits_is_believed():
    """A pupil who has imported `sleep` in another cell has the real one."""
    client = BusyClient(2)
    client.told = ("0.6",)
    client.post("/predict", content=b"")
    response = client.before[0]
    time.sleep(0.2 * float(response.headers["retry-after"]))
    assert client._judge_wait(*client.before) == "less than told"
    time.sleep(0.5)
    assert client._judge_wait(*client.before) == "as told"


def test_the_unbeaten_are_those_of_optuna():
    """Notebook 10 says so of its ten trials."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for case in CHECKS["unbeaten"].cases:
        study = optuna.create_study(directions=["minimize", "minimize"])
        study.add_trials([optuna.trial.create_trial(values=[float(one) for one in point]) for point in case[0]])
        best = {trial.number for trial in study.best_trials}
        assert CHECKS["unbeaten"].right(*case) == [number in best for number in range(len(case[0]))]


def test_an_array_where_an_answer_is_asked_for_is_wrong_and_no_traceback():
    """A pupil returns the image in place of the answer."""
    function = write("send_patiently", "return np.zeros(3)")
    assert not is_right(function)
    assert "is right" in judge(function, CHECKS) or "is to be" in judge(function, CHECKS)
