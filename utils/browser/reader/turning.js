/* Finding out which way up a page lies, by the digits on it: a phone that was held over a table does not know.

As `utils/reader/turning.py`, step by step: that says where the method comes from, and how its numbers were chosen. */

import * as cv2 from "./cv2.js";
import { argmax, argsort, cumulate, largest, mean32, searchsorted, sum, sum32 } from "./grids.js";
import { inkMask, normaliseDigit } from "./normalise.js";

// Fewer digits, such as a 6 or a 9 alone, are taken as they lie; and no more need to be looked at.
const [FEWEST, MOST] = [3, 50];
// A page is looked at if the network gives less to its pieces, as a geometric mean, ...
const DOUBT = 0.95;
// ... and turned, if it gives at least that to its pieces then, and they are so many times as likely then as now.
const [GOOD, LIKELIER] = [0.7, 20];
// How many of 12,000 digits of MNIST's training set are read as the row's digit upright and the column's upside down,
// and 5 more.
const UPSIDE_DOWN = [
  [1162, 6, 5, 5, 5, 5, 6, 8, 10, 45],
  [11, 1295, 16, 5, 8, 11, 10, 22, 11, 7],
  [118, 13, 317, 13, 74, 17, 34, 110, 516, 13],
  [10, 8, 106, 5, 9, 139, 21, 5, 889, 83],
  [28, 44, 18, 23, 432, 50, 497, 111, 16, 14],
  [5, 5, 8, 18, 8, 585, 8, 5, 50, 407],
  [6, 6, 7, 7, 6, 7, 5, 116, 8, 1091],
  [9, 55, 168, 5, 226, 8, 831, 15, 11, 5],
  [6, 7, 15, 46, 6, 7, 5, 5, 1071, 10],
  [17, 5, 8, 12, 11, 57, 1117, 5, 7, 6],
];

/**
 * Find out by how much a page has to be turned to be upright.
 *
 * @param {Grid} ink - uint8: 0 = paper, 255 = ink.
 * @param {function(Grid[]): Promise<Float32Array[]>} read - Gives of images, 28 × 28, the probability of each digit.
 * @returns {Promise<number>} Quarter turns counterclockwise, as `Grid.turned` counts them; 0 if it is upright, or
 *   nothing says otherwise.
 */
export async function findTurn(ink, read) {
  const pieces = cutPieces(ink);
  if (pieces.length < FEWEST) return 0;
  const upright = await read(pieces);
  if (mean32(sureness(upright)) >= Math.log(DOUBT)) return 0; // ordinary pages take no more time than that
  const turned = await read([1, 2, 3].flatMap((turn) => pieces.map((piece) => piece.turned(turn))));
  const ways = [upright, ...[0, 1, 2].map((way) => turned.slice(way * pieces.length, (way + 1) * pieces.length))];
  const sure = ways.map(sureness);
  const gain = Float32Array.from(sure, (way) => sum32(way.map((value, i) => value - sure[0][i])));
  const now = upright.map((probabilities, i) => agreement(probabilities, ways[2][i]));
  const then = upright.map((probabilities, i) => agreement(ways[2][i], probabilities));
  gain[2] += sum(now.map((value, i) => Math.log(then[i] / value)));
  const best = argmax(gain);
  return gain[best] > Math.log(LIKELIER) && mean32(sure[best]) > Math.log(GOOD) ? best : 0;
}

/* Take the logarithm of what is given to the likeliest digit. */
const sureness = (all) => Float32Array.from(all, (probabilities) => Math.log(Math.max(largest(probabilities), 1e-6)));

/* Say how likely what is read upside down is of digits that are read so upright. */
const agreement = (upright, turned) =>
  sum(UPSIDE_DOWN.map((row, digit) => upright[digit] * sum(row.map((count, other) => count * turned[other]))));

/* Cut out the larger parts as they are, since to tell what belongs together one has to know what is up.

None is cut out if there are too few of them. */
function cutPieces(ink) {
  const { labels, stats } = cv2.connectedComponentsWithStats(inkMask(ink));
  const longer = stats.slice(1).map(({ w, h }) => Math.max(w, h));
  if (longer.length < FEWEST) return [];
  const order = argsort(longer);
  const total = cumulate(order.map((index) => stats[1 + index].area ** 2));
  const typical = longer[order[searchsorted(total, total[total.length - 1] / 2)]]; // specks do not count
  const large = longer.flatMap((length, index) => (length > 0.5 * typical ? [1 + index] : []));
  if (large.length < FEWEST) return [];
  const every = Math.ceil(large.length / MOST);
  return large
    .filter((_, i) => i % every === 0)
    .map((index) => {
      const { x, y, w, h } = stats[index];
      const own = labels.crop(y, x, h, w).data;
      return normaliseDigit(ink.crop(y, x, h, w).map((value, i) => (own[i] === index ? value : 0)));
    });
}

/**
 * Say where a box of a turned page is in the page as it lay.
 *
 * @param {{x: number, y: number, w: number, h: number}} box - Where it is in the turned page.
 * @param {number} turn - Of `findTurn`.
 * @param {number[]} shape - Height and width of the page as it lay.
 * @returns {{x: number, y: number, w: number, h: number}}
 */
export function turnBack({ x, y, w, h }, turn, [height, width]) {
  return [
    { x, y, w, h },
    { x: width - y - h, y: x, w: h, h: w },
    { x: width - x - w, y: height - y - h, w, h },
    { x: y, y: height - x - w, w: h, h: w },
  ][turn];
}
