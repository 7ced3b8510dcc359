"""Digits drawn along the path of a pen, in the forms that people in different countries write.

MNIST's writers are Americans: their 1 is a bare stroke and their 7 has no bar. Elsewhere a 1 has a flag and perhaps a
foot, a 7 a bar, a 9 a curl; and a mouse draws corners where a pen draws curves. Here are such forms, as points that a
line leads through, and letters beside them, for telling the two apart. Which country writes which is told by the
copybooks of its schools and by Wikipedia's "Regional handwriting variation".
"""

import cv2
import numpy as np

Point = tuple[float, float]

#: A line of a form: the points that it leads through, from left to right 0 to 1 and from top to bottom 0 to 1.4.
Stroke = list[Point]

# Each form as the strokes of a pen, with a / between them, and the points in hundredths. A point that occurs twice is
# a corner.
_FORMS = {
    0: [
        "55,2 20,20 5,70 25,130 60,138 92,110 95,50 75,10 50,3",
        "50,0 10,30 5,90 40,140 85,115 97,60 80,12 45,0 30,10",
        "50,0 10,30 5,90 40,140 85,115 97,60 80,12 50,0 / 90,10 10,130",
        "50,0 15,3 / 15,3 8,70 10,135 / 10,135 50,138 90,135 / 90,135 93,70 88,4 / 88,4 50,0",
        # Not closed: a fast hand.
        "65,8 35,3 8,45 10,105 45,140 85,118 95,65 88,25",
        "40,12 10,45 8,105 45,140 88,112 95,50 70,5 45,-6",
        # Closed with a loop, like a script O.
        "40,18 10,50 8,105 45,140 88,112 94,55 70,8 38,2 45,30 80,22 105,8",
        # Slashed inside, against an O.
        "50,0 10,30 5,90 40,140 85,115 97,60 80,12 50,0 / 75,35 25,105",
    ],
    1: [
        "20,35 40,20 58,0 57,70 56,140",
        "5,50 30,28 55,0 55,50 55,140",
        "0,75 30,40 60,0 58,70 55,140",
        "20,30 40,18 55,0 55,70 55,138 / 20,139 55,139 90,139",
        "10,45 35,25 55,0 55,70 55,138 / 0,139 50,140 110,138",
        "10,40 35,22 55,0 55,70 55,138 / -30,136 50,140 140,138",
        "50,0 50,70 50,138 / 15,139 50,139 85,139",
        "50,0 50,140",
        # An upstroke as long as the stem: continental Europe, such as France, Germany and Italy; Russia's propisi.
        "5,140 35,70 65,0 / 65,0 65,70 65,140",
        "-30,110 20,60 65,0 / 65,0 63,70 60,140",
        "-45,138 10,75 60,0 / 60,0 60,70 60,140",
        # The same, bent.
        "-20,75 30,50 70,0 / 70,0 68,70 60,140",
        # The same, with a foot.
        "-15,105 30,60 65,0 / 65,0 65,70 65,138 / 15,139 65,139 115,139",
        "-35,80 20,45 65,0 / 65,0 65,70 65,138 / 0,139 65,139 130,139",
        # A narrow foot, as in print.
        "25,30 52,0 / 52,0 51,70 50,138 / 28,139 50,139 74,139",
        # A flag that hangs.
        "0,55 35,60 60,0 / 60,0 60,70 58,140",
        # A flag close to the stem, as in print.
        "45,40 58,0 / 58,0 56,70 55,140",
    ],
    2: [
        "10,35 25,8 60,0 85,25 75,65 40,105 5,137 / 5,137 50,136 98,134",
        "10,30 40,0 80,15 80,55 30,115 10,130 20,110 45,120 70,138 100,125",
        "5,10 50,2 90,15 70,70 5,138 / 5,138 50,138 130,138",
        "8,5 50,2 90,4 / 90,4 92,35 90,65 / 90,65 50,68 10,72 / 10,72 8,105 10,137 / 10,137 50,138 92,135",
        # With a loop at the foot: American cursive, Russia's propisi.
        "30,45 12,25 40,0 80,12 82,50 45,100 12,130 5,115 25,108 60,132 105,118",
        # With a wave at the foot.
        "10,30 40,0 82,18 75,60 5,137 / 5,137 40,124 70,138 105,122",
        # Like a Z: a fast hand.
        "5,12 45,4 92,8 / 92,8 50,70 5,135 / 5,135 50,136 100,134",
        # With a curl at the head: Lateinische Ausgangsschrift, Germany.
        "35,48 12,30 30,4 68,0 88,28 65,80 8,137 / 8,137 50,137 90,137",
    ],
    3: [
        "12,15 50,0 82,20 72,52 40,65 / 40,65 78,78 90,110 60,138 10,125",
        "10,2 50,2 90,2 / 90,2 65,30 40,58 / 40,58 85,75 90,110 55,140 10,125",
        "8,5 50,2 90,4 / 90,4 92,35 88,66 / 35,68 60,66 88,66 / 88,66 92,100 90,136 / 90,136 50,138 8,135",
        # Flat, with a long lower bow, like an ezh.
        "10,4 50,3 88,4 / 88,4 65,28 40,52 / 40,52 80,62 95,95 65,135 25,138 0,118",
        # With a loop in the middle: cursive.
        "12,18 45,0 80,18 72,48 48,66 35,60 50,54 82,78 88,112 55,140 8,120",
        "15,22 45,0 78,18 65,48 45,58 / 45,58 85,72 95,105 60,140 15,135 5,108",
    ],
    4: [
        "40,0 25,40 5,85 / 5,85 50,86 98,84 / 70,35 68,90 64,140",
        "70,0 35,45 0,95 / 0,95 50,95 100,93 / 70,0 70,70 70,140",
        "5,5 5,40 6,75 / 6,75 50,75 90,73 / 85,0 85,70 85,140",
        "30,0 10,65 / 10,65 50,68 100,62 / 65,30 60,90 55,140",
        # Like lightning, open, with its bar low: Germany, France, Italy.
        "45,0 25,50 0,105 / 0,105 50,103 100,100 / 72,65 68,100 60,140",
        "60,0 30,55 2,112 / 2,112 50,112 100,110 / 75,80 74,110 72,140",
        "50,0 15,45 5,95 20,110 60,106 98,95 / 72,50 70,95 62,140",
        # Lightning in one stroke.
        "55,0 30,45 5,85 / 5,85 45,78 90,68 / 90,68 65,105 45,140",
        # With a round corner.
        "40,0 20,45 5,85 14,92 50,85 100,72 / 75,30 68,85 55,140",
        # With a round bowl, like a y.
        "10,0 5,40 15,70 50,78 85,62 / 92,0 88,70 78,140",
        # Closed, with a bar that ends at the stem.
        "70,0 35,45 5,90 / 5,90 35,90 70,90 / 70,0 70,70 70,140",
        # Closed, in one stroke.
        "72,140 73,70 75,0 / 75,0 40,50 0,92 / 0,92 50,92 105,92",
        # Open, its arms as high as each other: Zaner-Bloser and D'Nealian, USA.
        "20,0 12,35 5,70 / 5,70 50,68 98,66 / 82,0 78,70 72,140",
    ],
    5: [
        "25,5 22,30 18,60 / 18,60 55,50 88,80 82,120 45,140 8,125 / 25,5 60,6 90,2",
        "90,3 50,3 15,3 / 15,3 14,35 12,62 / 12,62 60,60 90,90 75,130 30,140 5,130",
        "80,0 50,5 30,10 20,50 50,60 80,90 60,130 10,140",
        "90,4 50,2 12,4 / 12,4 11,35 10,64 / 10,64 50,62 90,66 / 90,66 92,100 90,136 / 90,136 50,138 8,135",
        # In one stroke, like an S: a fast hand.
        "95,6 55,4 25,10 18,55 45,58 80,72 85,110 50,140 8,125",
        # With a long flag.
        "110,0 60,4 28,6 / 28,6 22,35 18,60 / 18,60 60,55 88,85 75,130 35,140 5,120",
        # Its flag put on last: most schools.
        "22,15 18,60 / 18,60 55,48 90,85 75,132 35,140 5,122 / 25,8 70,5 115,-8",
        "90,0 55,5 35,3 / 35,3 25,35 12,65 / 12,65 40,50 75,60 78,100 45,138 0,130",
    ],
    6: [
        "70,0 35,35 12,85 20,125 55,140 88,115 75,80 40,80 14,105",
        "85,10 50,0 20,30 5,80 15,125 50,140 85,120 85,90 50,72 10,95",
        "50,0 15,50 5,100 25,138 70,130 80,100 50,80 10,100",
        "85,8 50,2 15,6 / 15,6 10,70 12,135 / 12,135 50,138 88,134 / 88,134 90,105 86,75 / 86,75 50,70 12,66",
        "80,15 55,0 25,6 10,30 / 10,30 10,80 12,132 / 12,132 50,130 85,136 / 85,136 86,110 84,88 / 84,88 50,72 12,58",
        # With a straight stem: Grundschrift, Germany.
        "75,0 45,45 12,98 25,135 60,138 82,112 62,88 18,100",
        # With a large loop.
        "60,0 28,35 5,90 18,132 58,140 95,112 90,70 55,52 15,78",
        # With a small loop.
        "60,0 25,45 8,100 22,136 52,136 60,115 40,102 12,118",
        # Not closed.
        "78,8 35,20 8,85 20,132 60,138 85,110 70,85 48,90 38,108",
    ],
    7: [
        "8,10 50,8 92,4 / 92,4 70,50 50,95 38,140",
        "8,6 50,6 92,4 / 92,4 65,70 40,140 / 30,70 60,70 95,68",
        "5,20 8,5 / 8,5 50,5 92,4 / 92,4 75,50 55,140",
        "10,5 50,5 90,5 / 90,5 87,70 85,140",
        "5,25 8,5 / 8,5 50,5 92,4 / 92,4 65,70 40,140 / 25,75 60,72 95,68",
        # With a bar and a foot.
        "8,6 50,6 92,4 / 92,4 65,70 45,138 / 25,72 60,70 95,68 / 15,139 45,138 80,138",
        "5,6 50,6 92,4 / 92,4 70,65 55,138 / 25,139 55,138 85,138",
        # With a waved bar, as in copperplate, crossed and not: Lateinische Ausgangsschrift, Russia's propisi.
        "0,28 8,4 45,12 95,0 / 95,0 65,65 45,140 / 25,72 60,70 95,66",
        "0,22 12,3 50,12 95,0 / 95,0 68,60 50,140",
        # With a stroke down at the left: Japan, Korea, China.
        "10,42 10,22 10,4 / 10,4 50,5 92,5 / 92,5 72,60 55,140",
        # The same, crossed.
        "8,38 8,4 / 8,4 50,6 95,4 / 95,4 65,70 42,140 / 15,74 55,70 95,66",
        # With a bent stem.
        "8,6 50,5 92,5 / 92,5 60,45 48,90 45,140",
        # Crossed downwards.
        "5,8 50,6 92,4 / 92,4 65,70 40,140 / 20,62 55,72 95,82",
    ],
    8: [
        "75,20 45,0 20,25 50,62 85,100 60,138 20,125 25,90 60,55 80,30 68,10",
        "50,0 20,15 20,50 50,63 80,48 80,15 50,0 / 50,63 10,80 10,120 50,140 90,120 90,80 50,63",
        "50,2 15,4 / 15,4 14,64 / 14,64 86,66 / 86,66 85,3 / 85,3 50,2 / 14,64 10,135 / 10,135 90,137 / 90,137 86,66",
        # Open at the top: a fast hand.
        "90,8 55,0 20,20 40,58 80,85 85,125 45,140 10,120 25,80 65,50 102,2",
        "88,28 62,0 22,10 25,45 70,80 80,120 45,140 12,118 35,75 68,42 75,8",
        # An S, and a straight line back: Zaner-Bloser, USA.
        "80,18 45,0 18,22 50,65 86,105 55,140 15,118 / 15,118 50,70 80,18",
        # In one stroke from the middle.
        "50,62 22,40 30,8 62,0 80,28 50,62 15,95 20,132 60,140 82,108 50,62",
        # With a small head.
        "50,35 30,25 32,5 60,2 68,22 50,38 10,80 12,128 55,140 95,115 85,70 50,38",
    ],
    9: [
        "85,25 50,2 18,30 35,65 70,55 86,20 84,70 70,140",
        "85,20 50,0 12,20 12,50 45,68 80,50 85,20 / 85,20 85,80 83,140",
        "85,20 50,0 12,20 12,50 45,68 80,50 85,20 / 85,20 88,80 80,120 50,140 10,128",
        "88,66 50,68 12,64 / 12,64 11,35 12,5 / 12,5 50,2 88,4 / 88,4 90,70 86,138",
        "88,66 50,68 12,64 / 12,64 11,35 12,5 / 12,5 50,2 88,4 / 88,4 90,70 88,136 / 88,136 50,138 10,134",
        # With a tail that curls back, like a g: parts of Europe, Russia's propisi.
        "85,22 50,0 12,20 15,55 50,68 85,45 85,22 / 85,22 95,80 70,130 30,140 0,118",
        "80,28 48,2 15,22 22,56 60,60 82,28 / 82,28 98,85 72,132 28,140 -2,120 8,100",
        # With a waist: the tail bends out again, like the lower half of a 3 or an S.
        "82,50 88,20 50,0 15,22 25,58 60,62 / 86,20 82,48 70,62 94,92 85,126 45,142 5,125",
        "75,8 40,0 12,22 22,52 55,62 75,50 80,15 / 80,15 72,62 90,98 75,132 40,140 0,128",
        "70,15 45,0 15,20 30,48 65,40 72,15 / 72,15 70,45 95,95 80,130 40,138 0,135",
        "78,18 50,0 18,18 22,48 55,58 78,18 / 78,18 72,55 88,90 75,125 40,130 5,118",
        "68,10 35,4 15,30 40,48 68,30 68,10 / 68,10 70,60 98,122 / 98,122 60,132 8,136",
        # With a tail that leads on to the next digit.
        "80,20 48,0 15,25 45,60 80,20 / 80,20 62,85 62,128 105,136",
        # With a flat tail.
        "85,25 50,0 18,12 18,48 55,62 85,25 / 85,25 92,68 88,100 / 88,100 70,138 15,138",
        # With a small loop and a long tail.
        "65,10 42,0 28,16 46,30 68,10 / 68,10 68,75 62,140",
        "72,12 48,0 32,14 46,30 72,14 / 72,14 58,80 35,140",
        # Not closed.
        "88,12 45,0 10,28 35,62 85,48 / 92,4 88,75 65,130 15,132",
        "80,12 50,0 15,20 20,52 55,60 88,45 / 78,8 82,70 80,140",
        # With a large loop and a slanted stem.
        "75,8 40,0 8,30 25,68 65,62 90,30 78,5 / 80,15 70,75 40,140",
    ],
}
# Letters that cannot be taken for a digit, or hardly.
_LETTERS = (
    "0,140 25,70 50,0 / 50,0 75,70 100,140 / 20,85 50,85 80,85",  # A
    "0,140 45,0 60,0 100,140 / 15,95 85,90",
    "5,0 5,70 5,140 / 5,0 45,0 85,2 / 5,68 40,68 70,68 / 5,140 45,140 90,138",  # E
    "85,10 40,0 5,35 10,65 50,68 / 50,68 5,85 5,125 45,140 95,125",
    "5,0 5,70 5,140 / 5,0 45,0 85,2 / 5,65 40,65 70,65",  # F
    "5,0 5,70 5,140 / 90,0 90,70 90,140 / 5,70 50,70 90,70",  # H
    "5,0 5,70 5,140 / 85,0 45,40 8,75 / 8,75 50,105 90,140",  # K
    "0,140 5,70 10,0 / 10,0 30,50 50,90 / 50,90 70,50 90,0 / 90,0 95,70 100,140",  # M
    "5,140 5,70 5,0 / 5,0 45,70 90,140 / 90,140 90,70 90,0",  # N
    "5,140 5,70 5,0 / 5,0 60,0 85,30 60,65 5,70",  # P
    "5,140 5,70 5,0 / 5,0 60,0 85,30 60,65 5,70 / 40,70 65,105 90,140",  # R
    "0,2 50,0 100,2 / 50,0 50,70 50,140",  # T
    "0,0 25,70 48,140 / 48,140 72,70 95,0",  # V
    "0,0 15,70 28,140 / 28,140 40,90 50,50 / 50,50 62,90 75,140 / 75,140 88,70 100,0",  # W
    "5,0 50,70 95,140 / 95,0 50,70 5,140",  # X
    "0,0 25,35 50,70 / 100,0 75,35 50,70 / 50,70 50,105 50,140",  # Y
    "80,50 50,30 15,50 10,100 40,125 75,100 82,45 / 82,35 82,90 98,130",  # a
    "8,85 50,82 88,75 75,40 40,32 8,70 20,120 55,138 92,120",  # e
    "10,0 10,70 10,140 / 10,90 40,60 75,70 80,140",  # h
    "5,60 8,100 8,140 / 8,90 25,60 45,75 48,140 / 48,90 70,60 92,75 95,140",  # m
    "10,60 12,100 12,140 / 12,90 45,58 80,75 84,140",  # n
    "15,55 18,100 18,140 / 18,95 40,62 75,62",  # r
    "45,0 45,70 50,125 85,132 / 10,45 45,45 85,42",  # t
    "10,55 12,110 40,138 78,105 / 82,55 82,95 95,138",  # u
    "0,55 20,140 45,75 / 45,75 70,140 95,55",  # w
)


def _parse(form: str) -> list[Stroke]:
    strokes = [[point.split(",") for point in stroke.split()] for stroke in form.split("/")]
    return [[(int(x) / 100, int(y) / 100) for x, y in stroke] for stroke in strokes]


#: The forms of each digit, and the strokes of each form.
FORMS: dict[int, list[list[Stroke]]] = {digit: [_parse(form) for form in forms] for digit, forms in _FORMS.items()}
#: Letters, in the same way.
LETTERS: list[list[Stroke]] = [_parse(form) for form in _LETTERS]
FINE = 8  # OpenCV's lines take coordinates in eighths of a pixel, as integers with three bits of fraction


def draw_form(
    form: list[Stroke],
    height: int,
    pen: int,
    rng: np.random.Generator,
    wobble: float = 0.03,
    slant: float = 0.1,
    angular: bool = False,
) -> np.ndarray:
    """Draw a form of a digit, never twice the same.

    Parameters
    ----------
    form
        One of `FORMS`.
    height
        Of the digit, in pixels.
    pen
        The width of the stroke, in pixels.
    rng
        Moves the points and slants the whole.
    wobble, slant
        How much: standard deviations, as shares of the width and of the height.
    angular
        Whether to go straight from point to point, as with a mouse, and not in curves.

    Returns
    -------
    (h, w) uint8 array
        The digit without a margin: 0 = paper, 255 = ink.
    """
    unit, margin = height / 1.4, height + pen
    shear = rng.normal(0, slant)
    moved: dict[Point, np.ndarray] = {}
    canvas = np.zeros((height + 2 * margin, 2 * height + 2 * margin), np.uint8)
    for stroke in form:
        points = np.array([moved.setdefault(point, np.array(point) + rng.normal(0, wobble, 2)) for point in stroke])
        path = smooth(points) if len(points) > 2 and not angular else points
        path[:, 0] += shear * (0.7 - path[:, 1])
        cv2.polylines(
            canvas, [np.round((path * unit + margin) * FINE).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 3
        )
    x, y, w, h = cv2.boundingRect((canvas > 12).astype(np.uint8))
    return canvas[y : y + h, x : x + w]


def vary(form: list[Stroke], rng: np.random.Generator) -> list[Stroke]:
    """Move the middle of a form up or down: a loop becomes small and a tail long, a bar comes to lie low.

    Parameters
    ----------
    form
        One of `FORMS`.
    rng
        Chooses how far.

    Returns
    -------
    list of strokes
        With its head and its foot where they were.
    """
    power = np.exp(rng.normal(0, 0.2))
    return [[(x, 1.4 * (min(max(y, 0), 1.4) / 1.4) ** power) for x, y in stroke] for stroke in form]


def smooth(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """Lead a smooth line through points.

    Parameters
    ----------
    points : (n, 2) array
        At least two.
    steps
        From one point to the next.

    Returns
    -------
    (steps · (n - 1) + 1, 2) array
        A Catmull-Rom spline.
    """
    p = np.vstack([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.vstack([*pieces, points[-1:]])
