/* As `utils/reader/segmentation.py`, step by step: finding the digits on a page: ink → one piece of ink for each
   digit, in reading order. */

import { cutTouching } from "./cutting.js";
import * as cv2 from "./cv2.js";
import {
  Grid,
  argmax,
  argsort,
  clip,
  cumulate,
  largest,
  mean,
  median,
  round,
  searchsorted,
  smallest,
  sum,
} from "./grids.js";
import { inkMask, isArea, normaliseDigit } from "./normalise.js";
import { Effort, SURER, sharedExtent, union } from "./pieces.js";

/** Nothing smaller is legible, in pixels of the ink. */
export const LEAST = 10;
/** What is smaller than this share of a typical digit is none. */
export const SPECK = 0.3;
/** A digit is no wider than this many times its height. */
export const WIDE = 1.3;
/** The parts of a broken stroke are no further apart than this share of a typical height; 0.16 to 0.25 are alike. */
export const GAP = 0.2;
/** A speck of so many pixels may be a part of a thin stroke. */
export const SPECKLE = 3;
/** So many pieces are enough to tell whether there are digits among what looks like specks. */
export const SAMPLE = 20;
/** The judge knows a digit if it is as sure as that. */
export const KNOWN = 0.8;
/** Digits are at least this share as high as the frame that they stand in: a crumb beside a 1 looks like one, too. */
export const FRAMED = 0.05;
/** With more parts than that, it is no page of digits, and the judge is not asked. */
export const MOST = 500;
/** A digit shares at least this share of its rows with one of the last two in its line. */
export const SAME_ROWS = 0.25;
/** No line is steeper than that, in pixels down for each to the right. */
export const STEEPEST = 0.3;
/** What is counted as one piece, and how many pairs of parts can be compared in the time that one takes. */
export const ONE = { x: 0, y: 0, w: 20, h: 20 };
export const PAIRS = 50_000;

/**
 * One digit on a page: where it is, its own strokes and no neighbour's (bytes, 0 = paper, 255 = ink), and the line that
 * it stands in, from the top, counted from 0.
 *
 * @typedef {{box: Box, ink: Grid, line: number}} Found
 */

/**
 * Find the digits on a page.
 *
 * @param {Grid} ink - Bytes, 0 = paper, 255 = ink.
 * @param {?Judge} judge - Decides what the geometry leaves open. Without one, parts side by side stay apart, and only
 *   what is much wider than a digit is cut.
 * @returns {Promise<Found[]>} In reading order: line by line, each from left to right; empty if there is no ink.
 * @throws {TooManyMarksError} There are more marks than on any page of digits.
 */
export async function findDigits(ink, judge = null) {
  const page = new Page(ink);
  if (judge) await page.lookCloser(judge);
  let groups = page.joinParts();
  if (groups.length > MOST) judge = null;
  if (judge) groups = await page.joinJudged(await page.mend(groups, judge), judge);
  const digits = [];
  for (const group of groups) {
    const piece = page.piece(group);
    const { box, ink: own } = piece;
    if (Math.max(box.w, box.h) >= Math.max(SPECK * page.height, LEAST)) {
      digits.push(...(isArea(own) ? [piece] : await cutTouching(box, own, judge, page.effort)));
    }
  }
  return inReadingOrder(digits);
}

/**
 * Indices of connected components. A group is told from others by its identity, as an object.
 *
 * @typedef {number[]} Group
 */

/* The connected components of a page, without specks, and without what is too big for a digit. */
class Page {
  constructor(ink) {
    this.ink = ink;
    this.effort = new Effort();
    const { labels, stats } = cv2.connectedComponentsWithStats(inkMask(ink), 8);
    this.labels = labels;
    this.places = stats.map(({ x, y, w, h }) => ({ x, y, w, h }));
    this.areas = stats.map(({ area }) => area);
    this.longer = stats.map(({ w, h }) => Math.max(w, h));
    this.outlines = new Map();
    this.scores = new Map();
    this.chosen = new Uint8Array(stats.length); // what `piece` cuts out: all 0 between two calls
    this.settle(stats.map((_, index) => index).slice(1));
  }

  /* Take these parts, without specks, for those of the page.

  The typical height of a digit is the median, weighted by the square of the area, so that specks do not count. */
  settle(parts) {
    this.height = 0;
    if (parts.length) {
      const ordered = argsort(parts.map((index) => this.places[index].h)).map((place) => parts[place]);
      const total = cumulate(ordered.map((index) => this.areas[index] ** 2));
      this.height = this.places[ordered[searchsorted(total, total[total.length - 1] / 2)]].h;
    }
    const least = Math.max((SPECK / 2) * this.height, LEAST / 2);
    this.parts = parts.filter((index) => this.longer[index] >= least && this.areas[index] >= 0.003 * this.height ** 2);
    this.parts.sort((a, b) => a - b);
    new Effort().spend(ONE, this.parts.length); // each will be cut out: with too many, nothing is begun
    this.boxes = new Map(this.parts.map((index) => [index, this.places[index]]));
  }

  /* Leave out what is so big that digits beside or in it pass for specks: a frame, a drawing, an edge of a table.

  The judge must know the small ones, and not know the big one, unless that lies around them and they are no crumbs;
  but where other big strokes lie in it, too, it is no frame: a face has eyes that look like 0 and 0. */
  async lookCloser(judge) {
    for (;;) {
      const before = { parts: this.parts, boxes: this.boxes, height: this.height };
      const isSpeck = (index) => this.longer[index] < SPECK * before.height;
      const big = this.parts.filter((index) => !isSpeck(index));
      const specks = [...this.places.keys()].filter((index) => isSpeck(index) && this.longer[index] >= LEAST);
      this.settle(specks);
      const tall = [...this.parts].sort((a, b) => this.areas[b] - this.areas[a]).slice(0, SAMPLE);
      if (tall.length > 1 && big.length <= SAMPLE && median(await this.ask(judge, tall)) >= KNOWN) {
        const around = union(tall.map((index) => this.boxes.get(index)));
        for (const index of big) this.boxes.set(index, before.boxes.get(index));
        const least = FRAMED * largest(big.map((index) => this.longer[index]));
        const frames = big.filter((index) => this.height >= least && liesIn(around, this.boxes.get(index)));
        const others = big.filter((index) => !frames.includes(index));
        const drawn = others.some((other) =>
          frames.some((frame) => liesIn(this.boxes.get(other), this.boxes.get(frame))),
        );
        if (!others.length || (!drawn && largest(await this.ask(judge, others)) < KNOWN)) continue;
      }
      Object.assign(this, before);
      return;
    }
  }

  ask(judge, parts) {
    return this.score(
      parts.map((index) => [index]),
      judge,
    );
  }

  /* Ask the judge how sure it is that each group is a digit, once for each. */
  async score(groups, judge) {
    const fresh = groups.filter((group) => !this.scores.has(key(group)));
    if (fresh.length) {
      const judged = await judge(fresh.map((group) => normaliseDigit(this.piece(group).ink)));
      fresh.forEach((group, i) => this.scores.set(key(group), judged[i]));
    }
    return groups.map((group) => this.scores.get(key(group)));
  }

  /* Cut a group of components out of the page. */
  piece(group) {
    const box = this.place(group);
    this.effort.spend(box);
    const own = this.ink.crop(box.y, box.x, box.h, box.w);
    for (const index of group) this.chosen[index] = 1;
    for (let y = 0; y < box.h; y++) {
      const [row, labels] = [own.row(y), this.labels.row(box.y + y)];
      for (let x = 0; x < box.w; x++) if (!this.chosen[labels[box.x + x]]) row[x] = 0;
    }
    for (const index of group) this.chosen[index] = 0;
    return { box, ink: own };
  }

  /* Group the parts that, by their places and sizes, are strokes of one digit. */
  joinParts() {
    const groups = new Map(this.parts.map((index) => [index, [index]]));
    const parts = [...this.parts].sort((a, b) => this.boxes.get(a).x - this.boxes.get(b).x);
    const near = (across, down) => across >= -0.2 * this.height && down >= -0.3 * this.height;
    const boxes = parts.map((index) => this.boxes.get(index));
    const pairs = [];
    for (const [first, second] of nearPairs(boxes, 0.2 * this.height, near, this.effort)) {
      const [a, b] = [parts[first], parts[second]];
      if (this.belong(a, b)) pairs.push({ a, b, shared: Math.min(...sharedExtent(boxes[first], boxes[second])) });
    }
    // The nearest first: a bar between two lines belongs to one of them, and must not join the digits of both.
    for (const { a, b } of pairs.sort((one, other) => other.shared - one.shared)) {
      const [first, second] = [groups.get(a), groups.get(b)];
      if (first !== second && !this.stacked(this.place(first), this.place(second))) {
        first.push(...second);
        for (const index of second) groups.set(index, first);
      }
    }
    return [...new Set(groups.values())];
  }

  belong(a, b) {
    const [first, second] = [this.boxes.get(a), this.boxes.get(b)];
    const [across, down] = sharedExtent(first, second);
    const [lower, narrower] = [Math.min(first.h, second.h), Math.min(first.w, second.w)];
    if (this.stacked(first, second)) return false;
    if (across > 0.6 * narrower && down > 0.6 * lower && lower < 0.7 * this.height) return true; // within the other
    if (across >= 0.5 * narrower && lower < 0.7 * this.height) return true; // the bar above a 5
    return lower < 0.6 * this.height && this.gap(a, b) <= 0.08 * this.height;
  }

  /* Say whether two are as high as digits, and stand one below the other. */
  stacked(first, second) {
    return Math.min(first.h, second.h) > 0.5 * this.height && union([first, second]).h > 1.5 * this.height;
  }

  place(group) {
    return union(group.map((index) => this.boxes.get(index)));
  }

  /* Measure the distance between two components, in pixels. */
  gap(a, b) {
    for (const index of [a, b]) {
      if (!this.outlines.has(index)) {
        const { box, ink: own } = this.piece([index]);
        const points = cv2.findContours(inkMask(own), [box.x, box.y]).flat();
        const step = Math.max(1, Math.floor(points.length / 200));
        const some = points.filter((_, i) => i % step === 0);
        this.outlines.set(index, some);
      }
    }
    this.effort.spend(union([this.boxes.get(a), this.boxes.get(b)]));
    let least = Infinity;
    for (const [x, y] of this.outlines.get(a)) {
      for (const [otherX, otherY] of this.outlines.get(b)) {
        least = Math.min(least, (x - otherX) ** 2 + (y - otherY) ** 2);
      }
    }
    return Math.fround(Math.sqrt(least));
  }

  /* Join a broken stroke: the parts and specks near each other, if the judge knows the whole and not the parts.

  Grain, of which most is specks, is no stroke; and what is half as high as a digit is none, nor as high as two. */
  async mend(groups, judge) {
    const known = new Uint8Array(this.places.length);
    for (const index of [0, ...this.parts]) known[index] = 1;
    const specks = [...this.places.keys()].filter((index) => !known[index] && this.areas[index] >= SPECKLE);
    if (specks.length > MOST || smallest(await this.score(groups, judge), 1) > 1 - SURER) return groups;
    for (const index of specks) this.boxes.set(index, this.places[index]);
    const owners = new Map(groups.flatMap((group) => group.map((index) => [index, group])));
    const area = (indices) => sum(indices.map((index) => this.areas[index]));
    for (const cluster of this.clusters([...owners.keys(), ...specks], GAP * this.height)) {
      const parts = [...new Set(cluster.filter((index) => owners.has(index)).map((index) => owners.get(index)))];
      const whole = [...parts.flat(), ...cluster.filter((index) => !owners.has(index))];
      const grain = area(whole) > 2 * area(whole.filter((index) => known[index]));
      const box = this.place(whole);
      const high = box.h / this.height;
      const alone = parts.length === 1 && parts[0].length === whole.length;
      if (alone || grain || box.w > WIDE * box.h || !(0.5 < high && high < 2)) continue;
      const apart = this.apart(parts);
      if (apart <= 1 - SURER && (await this.score([whole], judge))[0] >= Math.max(KNOWN, apart + SURER)) {
        groups = [...groups.filter((group) => !parts.includes(group)), whole];
      }
    }
    return groups;
  }

  /* Group the components that are no further from each other than a gap: single linkage. */
  clusters(parts, gap) {
    const side = round(gap) | 1;
    const chosen = new Uint8Array(this.places.length);
    for (const index of parts) chosen[index] = 1;
    const mask = Grid.full(this.ink.height, this.ink.width);
    for (let i = 0; i < mask.size; i++) mask.data[i] = chosen[this.labels.data[i]];
    const wide = cv2.dilateMask(mask, cv2.getStructuringElement("MORPH_ELLIPSE", side, side));
    const joined = cv2.connectedComponents(wide).data;
    const cluster = new Int32Array(this.places.length);
    for (let i = 0; i < joined.length; i++) cluster[this.labels.data[i]] = joined[i];
    const clusters = new Map();
    for (const index of parts) {
      if (!clusters.has(cluster[index])) clusters.set(cluster[index], []);
      clusters.get(cluster[index]).push(index);
    }
    return [...clusters.values()];
  }

  /* Join neighbours that look more like a digit together than apart. */
  async joinJudged(groups, judge) {
    for (;;) {
      const pairs = this.neighbours(groups);
      if (!pairs.length) return groups;
      await this.score(
        pairs.flatMap(([a, b]) => [a, b, [...a, ...b]]),
        judge,
      );
      const gains = pairs.map(([a, b]) => ({ gain: this.gain(a, b), a, b }));
      const joined = new Map();
      for (const { gain, a, b } of gains.sort((one, other) => other.gain - one.gain)) {
        if (gain >= SURER && !joined.has(a) && !joined.has(b)) {
          const both = [...a, ...b];
          joined.set(a, both).set(b, both);
        }
      }
      if (!joined.size) return groups;
      groups = [...new Set(groups.map((group) => joined.get(group) ?? group))];
    }
  }

  /* List the pairs that may be one digit, by their places and sizes. */
  neighbours(groups) {
    const heights = groups.map((group) => this.place(group).h);
    // Where there are many, they tell how high a digit is; a few may all be pieces.
    const tallest = groups.length > 3 ? 1.6 * median(heights) : 3 * largest(heights, 0);
    const ordered = groups.map((group) => ({ group, box: this.place(group) })).sort((a, b) => a.box.x - b.box.x);
    const near = (across, down, width, height) =>
      Math.min(across, down) > -0.25 * Math.max(width, height) && width <= WIDE * height && height <= tallest;
    const reach = 0.25 * WIDE * tallest; // of two that are as wide together as one digit can be
    const boxes = ordered.map(({ box }) => box);
    const pairs = nearPairs(boxes, reach, near, this.effort);
    return Array.from(pairs, ([first, second]) => [ordered[first].group, ordered[second].group]);
  }

  /* Say by how much the judge is surer of two groups as one digit than as two. */
  gain(a, b) {
    const boxes = [this.place(a), this.place(b)];
    const both = union(boxes);
    const [across, down] = sharedExtent(...boxes);
    const score = this.scores.get(key([...a, ...b]));
    // Two digits seldom stand so near above each other that they could be one, which must be known, if it is high.
    const near = across > 0 && down > -0.15 * both.h && (score >= KNOWN || !this.stacked(...boxes));
    return score - this.apart([a, b]) + (near ? 2 * SURER : 0);
  }

  /* Say how sure the judge is, at least, of each of these; a low one is less of a digit beside a high one. */
  apart(groups) {
    const boxes = groups.map((group) => this.place(group));
    const height = union(boxes).h;
    return smallest(groups.map((group, i) => this.scores.get(key(group)) * Math.min(1, (2 * boxes[i].h) / height)));
  }
}

/* What a group is called among the scores. */
function key(group) {
  return group.join(" ");
}

function liesIn(inner, outer) {
  const { x, y, w, h } = union([inner, outer]);
  return x === outer.x && y === outer.y && w === outer.w && h === outer.h;
}

/* Go through the pairs of boxes, ordered by their left edges, of which `near` says so.

It is asked of the columns and rows that the two share, as of `sharedExtent`, and the width and height of both together.
It is not asked of those that are further apart than `reach`, in columns. */
function* nearPairs(boxes, reach, near, effort) {
  const left = boxes.map((box) => box.x);
  const top = boxes.map((box) => box.y);
  const right = boxes.map((box) => box.x + box.w);
  const bottom = boxes.map((box) => box.y + box.h);
  const ends = right.map((edge) => searchsorted(left, edge + reach, "right"));
  effort.spend(ONE, Math.floor(sum(ends.map((end, i) => end - i)) / PAIRS));
  for (let first = 0; first < boxes.length; first++) {
    for (let second = first + 1; second < ends[first]; second++) {
      const across = Math.min(right[second], right[first]) - Math.max(left[second], left[first]);
      const down = Math.min(bottom[second], bottom[first]) - Math.max(top[second], top[first]);
      const width = Math.max(right[second], right[first]) - Math.min(left[second], left[first]);
      const height = Math.max(bottom[second], bottom[first]) - Math.min(top[second], top[first]);
      if (near(across, down, width, height)) yield [first, second];
    }
  }
}

function inReadingOrder(digits) {
  if (digits.length === 1) return [{ ...digits[0], line: 0 }];
  digits = [...digits].sort((a, b) => a.box.x - b.box.x);
  const boxes = digits.map(({ box }) => box);
  let chains = [];
  // the slope is not known at first, and then not well
  for (let i = 0; i < 3; i++) chains = chain(boxes, slope(boxes, chains));
  const lines = chains.map((indices) => withoutDashes(indices.map((index) => digits[index])));
  const middle = (line) => mean(line.map(({ box }) => box.y + box.h / 2));
  lines.sort((a, b) => middle(a) - middle(b));
  return lines.flatMap((line, index) => line.map(({ box, ink }) => ({ box, ink, line: index })));
}

/* Put each digit, from left to right, in the line whose last two digits stand in the same rows, or in a new one.

Of two, one may stand too high or too low. */
function chain(boxes, slope) {
  const lines = [];
  const ends = []; // the tops and the bottoms of the last two digits of each line
  boxes.forEach(({ x, y, w, h }, index) => {
    const top = y - slope * (x + w / 2);
    const shares = ({ upper, lower }) => (Math.min(top + h, lower) - Math.max(top, upper)) / Math.min(h, lower - upper);
    const shared = ends.map((two) => Math.max(shares(two[0]), shares(two[1])));
    const best = argmax(shared);
    const end = { upper: top, lower: top + h };
    if (lines.length && shared[best] > SAME_ROWS) {
      lines[best].push(index);
      ends[best] = [ends[best][1], end];
    } else {
      ends.push([end, end]);
      lines.push([index]);
    }
  });
  return lines;
}

/* Fit the slope that all lines share by least squares: how many pixels they go down in each to the right. */
function slope(boxes, lines) {
  let [together, across] = [0, 0];
  for (const line of lines) {
    const x = line.map((index) => boxes[index].x + boxes[index].w / 2);
    const y = line.map((index) => boxes[index].y + boxes[index].h / 2);
    const [middleX, middleY] = [mean(x), mean(y)];
    for (let i = 0; i < line.length; i++) {
      together += (x[i] - middleX) * (y[i] - middleY);
      across += (x[i] - middleX) ** 2;
    }
  }
  return clip(together / Math.max(across, 1), -STEEPEST, STEEPEST);
}

/* Leave out what is flat and low, and at half the height of a line: a dash between numbers, or a minus. */
function withoutDashes(line) {
  const typical = median(line.map(({ box }) => box.h));
  const middle = median(line.map(({ box }) => box.y + box.h / 2));
  const isFlat = ({ w, h }) => w > 1.5 * h && h < 0.4 * typical;
  return line.filter(({ box }) => !isFlat(box) || !(Math.abs(box.y + box.h / 2 - middle) < 0.3 * typical));
}
