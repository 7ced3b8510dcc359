/* As `utils/reader/cutting.py`, step by step: cutting digits that touch: more cuts than needed, then the best row of
   the pieces between them. Where the methods are from is said there. */

import * as cv2 from "./cv2.js";
import { Grid, argmin, argsort, clip, largest, linspace, round, smallest, sum } from "./grids.js";
import { inkBounds, inkMask, normaliseDigit, strokeWidth } from "./normalise.js";

/** Cuts are looked for in an image of so many rows. */
export const ROWS = 64;
/** How many lines begin in a width that equals the height, and how each of them leans: columns to the right, a row
 * up. */
export const DENSE = 8;
export const LEANS = [-0.4, 0.0, 0.4, 0.8];
/** How far from its line a cut runs, in heights, and how much ink it may go through, in widths of the stroke. */
export const REACH = 0.06;
export const MOST_INK = 3.5;
/** What a row of pieces costs: each cut, and a piece of no height at all. */
export const CUT = 0.05;
export const LOW = 1.0;
/** How much ink lies between two cuts that are not the same, in squares of the width of the stroke. */
export const APART = 1.5;
/** How wide a piece is at most, in heights; swept on pairs and rows of MNIST's training digits, pushed into each
 * other. */
export const WIDEST = 1.5;
/** By how much the pieces of a row must be better than the whole, in the mean, if it is no wider than a digit. */
export const BETTER = 0.3;
/** What no row of pieces falls below, in the mean: the doubt at 0.99999. */
export const LEAST_DOUBT = 0.1;

/**
 * A cut from top to bottom: its column in each row of the piece, and how much ink is left of it in each of `ROWS` rows.
 *
 * @typedef {{seam: Int32Array, before: Int32Array}} Cut
 */

/**
 * What lies between two cuts, by their numbers.
 *
 * @typedef {{start: number, end: number, piece: Piece}} Between
 */

/**
 * Cut what may be several digits that touch.
 *
 * @param {Box} box - Where the ink is.
 * @param {Grid} own - Bytes, 0 = paper, 255 = ink.
 * @param {?Judge} judge - Says of images how sure it is that each is a digit. Without one, the proportions decide.
 * @param {Effort} effort - Counts what is looked at.
 * @returns {Promise<Piece[]>} From left to right; the whole, if it is one digit.
 */
export async function cutTouching(box, own, judge, effort) {
  const ratio = box.w / box.h;
  if (!(0.6 <= ratio && ratio <= 12)) return [{ box, ink: own }]; // two are not so narrow; what is wider is a line
  const whole = judge ? doubt((await judge([normaliseDigit(own)]))[0]) : disproportion(box);
  const better = BETTER * (1 - disproportion(box));
  if (whole <= better + LEAST_DOUBT) return [{ box, ink: own }]; // no pieces can be that much better
  const cuts = proposeCuts(box, own, effort);
  const pieces = piecesBetween(cuts, box, own, effort);
  const doubts = judge
    ? Array.from(await judge(pieces.map(({ piece }) => normaliseDigit(piece.ink))), doubt)
    : pieces.map(() => BETTER); // the fewer, the better
  const costs = pieces.map(
    ({ piece: { box: place } }, i) => doubts[i] + LOW * (1 - place.h / box.h) + disproportion(place),
  );
  return bestRow(pieces, costs, cuts.length, whole - better);
}

/* Turn how sure the judge is into a cost, 0 to 1.

Half a digit is one, too, for a network: between 0.99 for the stump of a 0 and 0.9999 for a digit there is a world.
The root spreads what lies so near to 1. */
function doubt(sure) {
  return clip(1 - sure, 0, 1) ** 0.2;
}

/* Say how much wider a box is than a single digit, 0 to 1. */
function disproportion(box) {
  return clip((1.2 * box.w) / box.h - 1.2, 0, 1);
}

/* Find cuts all over the width, by how much ink is left of them; the first and the last are the edges. */
function proposeCuts(box, own, effort) {
  const scale = ROWS / box.h;
  const width = Math.max(2, round(scale * box.w));
  const ink = inkMask(cv2.resize(own, width, ROWS, scale < 1 ? "INTER_AREA" : "INTER_LINEAR"));
  const pen = Math.max(strokeWidth(ink), 1);
  const places = linspace(0, width, Math.max(3, round((DENSE * box.w) / box.h)) + 1).slice(1, -1);
  const rise = linspace(ROWS / 2, -ROWS / 2, ROWS);
  const leans = LEANS.map((lean) => rise.map((up) => lean * up));
  const lines = places.flatMap((place) => leans.map((lean) => lean.map((right) => place + right)));
  effort.spend(box, places.length);
  const seams = findSeams(ink, lines);
  const sums = inkBefore(ink);
  const cuts = [
    { seam: new Int32Array(box.h), before: new Int32Array(ROWS) },
    { seam: new Int32Array(box.h).fill(box.w), before: sums.column(width) },
  ];
  const through = seams.map((seam) => seam.reduce((count, x, y) => count + (x < width ? ink.at(y, x) : 0), 0));
  for (const index of argsort(through)) {
    if (through[index] > MOST_INK * pen) break;
    const before = seams[index].map((x, y) => sums.at(y, x));
    const apart = (cut) => before.reduce((between, count, y) => between + Math.abs(count - cut.before[y]), 0);
    if (cuts.every((cut) => apart(cut) > APART * (pen * pen))) {
      cuts.push({ seam: ownSeam(seams[index], box, scale), before }); // not the same again
    }
  }
  return cuts.sort((a, b) => sum(a.before) - sum(b.before));
}

/* How much ink is left of each column, in each row: one column more than the ink has. */
function inkBefore(ink) {
  const sums = Grid.full(ink.height, ink.width + 1, 0, Int32Array);
  for (let y = 0; y < ink.height; y++) {
    const row = sums.row(y);
    for (let x = 0; x < ink.width; x++) row[x + 1] = row[x] + ink.at(y, x);
  }
  return sums;
}

/* Take a seam from `ROWS` rows to those of the piece: between two rows, on a straight line. */
function ownSeam(seam, box, scale) {
  return Int32Array.from({ length: box.h }, (_, i) => {
    const y = clip((i + 0.5) * scale - 0.5, 0, ROWS - 1);
    const above = Math.min(Math.floor(y), ROWS - 2);
    const x = (seam[above + 1] - seam[above]) * (y - above) + seam[above];
    return clip(round(x / scale), 0, box.w);
  });
}

/* Find the paths from top to bottom that cross least ink, each near a straight line.

Of ink, h × w, 1 where ink is, and lines, the column of each in each row: the column of each path in each row, 0 to w;
seen from its line, it moves by at most one from row to row. */
function findSeams(ink, lines) {
  const { height, width } = ink;
  const reach = round(REACH * height);
  const count = 2 * reach + 3; // with a wall on both sides
  return lines.map((line) => {
    const columns = new Int32Array(height * count);
    const total = new Float64Array(height * count).fill(Infinity);
    for (let row = 0; row < height; row++) {
      const middle = round(line[row]);
      for (let i = 1; i < count - 1; i++) {
        const [here, above] = [row * count + i, (row - 1) * count + i];
        const offset = i - 1 - reach;
        const x = clip(middle + offset, 0, width);
        columns[here] = x;
        total[here] = (x < width ? ink.data[row * width + x] : 0) + 1e-5 * Math.abs(offset);
        if (row) total[here] += Math.min(Math.min(total[above - 1], total[above + 1]) + 0.05, total[above]);
      }
    }
    const path = new Int32Array(height);
    let place = argmin(total.subarray((height - 1) * count));
    for (let row = height - 1; row >= 0; row--) {
      const here = row * count + place;
      if (row < height - 1) place += argmin([total[here - 1] + 0.05, total[here], total[here + 1] + 0.05]) - 1;
      path[row] = columns[row * count + place];
    }
    return path;
  });
}

/* Cut out what lies between any two cuts, if it may be a digit; the whole is always among them, as the first. */
function piecesBetween(cuts, box, own, effort) {
  const pieces = [{ start: 0, end: cuts.length - 1, piece: { box, ink: own } }];
  for (let end = 1; end < cuts.length; end++) {
    for (let start = 0; start < end; start++) {
      const [first, last] = [cuts[start].seam, cuts[end].seam];
      const [left, right] = [smallest(first), largest(last)];
      if (
        (start === 0 && end === cuts.length - 1) ||
        !(0.04 * box.h <= right - left) ||
        smallest(last) - largest(first) > WIDEST * box.h ||
        cuts[start].before.some((ink, y) => ink > cuts[end].before[y]) // they cross each other
      ) {
        continue;
      }
      effort.spend({ ...box, w: right - left });
      const [x, y, w, h] = inkBounds(own, first, last);
      if (0.55 * box.h <= h && 0.08 * h <= w && w <= WIDEST * h) {
        const place = { x: box.x + x, y: box.y + y, w, h };
        pieces.push({ start, end, piece: { box: place, ink: cropBetween(own, first, last, [x, y, w, h]) } });
      }
    }
  }
  return pieces;
}

/* Cut out a window, and of each row only what lies between two seams. */
function cropBetween(own, first, last, [left, top, width, height]) {
  const piece = Grid.full(height, width);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * own.width;
    const start = Math.max(first[top + y], left);
    const end = Math.min(last[top + y], left + width);
    for (let x = start; x < end; x++) piece.data[y * width + x - left] = own.data[from + x];
  }
  return piece;
}

/* Choose the cheapest row of pieces from the first cut to the last, or the whole: no mean may reach `most`. */
function bestRow(pieces, costs, count, most) {
  const best = Array.from({ length: count }, (_, i) => ({ total: i ? Infinity : 0, row: [] }));
  const parts = pieces.map((between, i) => ({ ...between, cost: costs[i] })).slice(1); // without the whole
  for (const { start, end, piece, cost } of parts.sort((a, b) => a.start - b.start || a.end - b.end)) {
    const total = best[start].total + cost + CUT;
    if (total < best[end].total) best[end] = { total, row: [...best[start].row, piece] };
  }
  const { total, row } = best[count - 1];
  return row.length && total / row.length < most ? row : [pieces[0].piece];
}
