/* Finding printed lines among ink: the rules of a notebook, the squares of squared paper, the cells of a form. As
`utils/reader/lines.py`, step by step; how it is done, and whose method it is, stands there. */

import * as cv2 from "./cv2.js";
import {
  Grid,
  above,
  argsort,
  bincount,
  both,
  choose,
  countNonzero,
  cumulate,
  largest,
  mean,
  median,
  median32,
  not,
  pick,
  round,
  searchsorted,
} from "./grids.js";

/** A line is longer than this share of the image's longer side. */
const LONG = 0.25;
/** A line is so many times as long as what is written is high: no digit has a stroke like that. */
const LONGER_THAN_DIGITS = 1.5;
/** A line is so many times as long as it is thick, and not thicker than so many pixels. */
const [THIN, THICKEST] = [25, 12];
/** Where more than this share is streaks, it is a pattern, and no written page; nor has one more lines than that. */
const [DENSEST, MOST] = [0.4, 400];
/** A stroke that leaves a line and comes back to it within such a share of the digits' height lies on it between. */
const GAP = 0.25;
/** If less than this share of the ink is left without lines, they may be the strokes of digits; unless they go through
 * the whole image, or more rules lie above each other, or more lines beside each other both ways, than in any digit. */
const [LEFT, RULES, GRID] = [0.5, 3, 2];
/** Ink so many times as dark as the lines has a level of its own. */
const DARKER_THAN_LINES = 1.4;
/** What stands in a frame is at least this share as high as the room in it: a digit in a cell. */
const FILLS = 0.35;

/**
 * Take the ink that is no printed line.
 *
 * @param {Grid} contrast - Float32: how much darker each pixel is than its paper, 0 to 1.
 * @param {number} least - Above it, there may be ink.
 * @param {number} level - Above it, there is ink.
 * @returns {{least: number, keep: Grid}} `least` is the same, or a higher one that leaves out lines which are fainter
 *   than what is written; `keep` is a mask: where the ink is.
 */
export function withoutLines(contrast, least, level) {
  let rest;
  for (const low of [level, least]) {
    const mask = withoutFrames(above(contrast, low), true);
    let lines;
    [lines, rest] = eraseLines(mask);
    if (lines.length) {
      const erased = both(mask, not(rest));
      const written = largeParts(both(rest, above(contrast, level)));
      const [line, ink] = [erased, written].map((where) => {
        const values = pick(contrast.data, where.data);
        return values.length ? median32(values) : 0;
      });
      least = ink > DARKER_THAN_LINES * line ? Math.max(level, Math.sqrt(line * ink)) : level;
      rest = withoutRemains(both(rest, above(contrast, least)), lines);
      break;
    }
  }
  return { least, keep: withoutFrames(rest, false) };
}

/* A straight line of ink, by the pixels on it and what there is across it. */
class Line {
  /**
   * @param {boolean} upright - Whether it runs down rather than across.
   * @param {Int32Array} along - Its pixels: the columns and rows, or, if it is upright, the rows and columns.
   * @param {Int32Array} across
   * @param {Int32Array} before - How many more pixels of ink there are on either side of it.
   * @param {Int32Array} behind
   * @param {Uint8Array} inked - Where there is ink at all.
   */
  constructor(upright, along, across, before, behind, inked) {
    Object.assign(this, { upright, along, across, before, behind, inked });
    const thicknesses = before.map((count, i) => count + behind[i] + 1);
    /** The typical thickness, in pixels. */
    this.thickness = inked.some((is) => is) ? median(thicknesses.filter((_, i) => inked[i])) : 0;
    /** Where there is the line and no stroke on it. */
    this.bare = inked.map((is, i) => (is && thicknesses[i] <= 1.5 * this.thickness + 1 ? 1 : 0));
  }

  /** Say whether it is a thin line almost all along, and not a row of strokes that lie on a straight line. */
  isThin() {
    const thin = this.thickness <= Math.min(this.along.length / THIN, THICKEST);
    return thin && mean(this.inked) > 0.8 && mean(this.bare) > 0.5;
  }

  /** Say whether another line runs in the same direction, within three degrees. */
  isParallel(other) {
    return this.upright === other.upright && Math.abs(this.slope - other.slope) < Math.tan(Math.PI / 60);
  }

  /** Say whether it goes through the whole image. */
  isWhole({ height, width }) {
    const length = this.upright ? height : width;
    const edge = Math.max(2, 0.02 * length);
    return this.along[0] <= edge && this.along.at(-1) >= length - 1 - edge;
  }

  /** How many pixels it moves across in each along it. */
  get slope() {
    return (this.across.at(-1) - this.across[0]) / Math.max(this.along.length - 1, 1);
  }
}

/* Find printed lines, and take away their pixels. */
function eraseLines(mask) {
  let found = [];
  let rest = mask;
  // lines that bend, or are interrupted, run beside others as short ones
  for (const long of [LONG, LONG, LONG / 3]) {
    let lines = findLines(rest, long);
    if (long < LONG) lines = lines.filter((line) => found.some((other) => line.isParallel(other)));
    if (!found.length && !lines.length) return [[], mask];
    found = [...found, ...lines];
    rest = erase(rest, lines);
  }
  const height = typicalHeight(rest);
  found = found.filter((line) => height && isPrinted(line, found, mask, height));
  // a 4 drawn with a ruler is nothing but lines
  if (countNonzero(rest.data) < LEFT * countNonzero(mask.data)) {
    const [across, down] = [false, true].map((way) =>
      largest(found.filter((line) => line.upright === way).map((line) => countBeside(line, found)), 0),
    );
    if (across < RULES && Math.min(across, down) < GRID) found = found.filter((line) => line.isWhole(mask));
  }
  return [found, erase(mask, found, Math.max(1, round(GAP * height)))];
}

/* Find the straight and thin lines that are longer than such a share of the image's longer side. */
function findLines(mask, long) {
  if (!mayHoldLines(mask, long)) return [];
  const [streaks, step] = findStreaks(mask);
  if (countNonzero(streaks.data) > DENSEST * streaks.size) return [];
  const side = Math.max(streaks.height, streaks.width);
  const [shortest, gap] = [Math.max(long * side, 16), Math.max(2, round(0.01 * side))];
  const ends = cv2.HoughLinesP(streaks, Math.PI / 360, round(0.5 * shortest), shortest, gap);
  const lines = ends.slice(0, MOST).map((one) => follow(mask, ...one.map((place) => step * place)));
  return lines.filter((line) => line.isThin());
}

/* Say whether enough of the ink is thin for a line of that length: the strokes of most drawings are not. */
function mayHoldLines(mask, long) {
  const { height, width } = mask;
  const side = Math.max(height, width);
  const size = Math.trunc(1.5 * Math.min(side / THIN, THICKEST) + 2) | 1;
  const columns = new Uint8Array(width);
  const rows = new Uint8Array(height);
  // What an opening by `size` takes away: the runs of ink that are shorter, up to the border as well.
  for (let x = 0; x < width; x++) columns[x] = hasShortRun(mask.data, x, width, height, size) ? 1 : 0;
  for (let y = 0; y < height; y++) rows[y] = hasShortRun(mask.data, y * width, 1, width, size) ? 1 : 0;
  return [columns, rows].some((thin) => countNonzero(thin) > Math.max(long * side, 16) / 2);
}

/* Say whether a row or a column of pixels has a run of ink that is shorter than so many. */
function hasShortRun(data, start, step, count, size) {
  let run = 0;
  for (let i = 0, place = start; i < count; i++, place += step) {
    if (data[place]) {
      run++;
    } else {
      if (run > 0 && run < size) return true;
      run = 0;
    }
  }
  return run > 0 && run < size;
}

/* Keep what runs across or down for a few pixels, in an image that is reduced by some step: it takes less time. */
function findStreaks(mask) {
  const [across, down] = [
    [1, 7],
    [7, 1],
  ].map((size) => cv2.morphologyEx(mask, "MORPH_OPEN", cv2.ones(...size)));
  const streaks = across;
  for (let i = 0; i < streaks.data.length; i++) streaks.data[i] |= down.data[i];
  if (Math.max(mask.height, mask.width) < 800) return [streaks, 1];
  const wide = cv2.dilate(streaks, cv2.ones(2, 2));
  const small = Grid.full(mask.height >> 1, mask.width >> 1);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) small.data[y * small.width + x] = wide.at(2 * y + 1, 2 * x + 1);
  }
  return [small, 2];
}

/* Go along a line, and measure the ink across it. */
function follow(mask, x1, y1, x2, y2) {
  const upright = Math.abs(y2 - y1) > Math.abs(x2 - x1);
  if (upright) [x1, y1, x2, y2] = [y1, x1, y2, x2];
  if (x1 > x2 || (x1 === x2 && y1 > y2)) [x1, y1, x2, y2] = [x2, y2, x1, y1];
  const { along: stepAlong, across: stepAcross, depth } = strides(mask, upright);
  const count = x2 - x1 + 1;
  const [along, across, before, behind] = Array.from({ length: 4 }, () => new Int32Array(count));
  const inked = new Uint8Array(count);
  const reach = THICKEST + 1;
  for (let i = 0; i < count; i++) {
    along[i] = x1 + i;
    const middle = round(along[i] === x2 ? y2 : ((y2 - y1) / (x2 - x1)) * i + y1);
    const isInk = (step) => {
      const row = middle + step;
      return Math.abs(step) <= reach && row >= 0 && row < depth && mask.data[row * stepAcross + along[i] * stepAlong];
    };
    // The line found may be beside the ink by a pixel or two.
    let nearest = 0;
    while (nearest <= reach && !isInk(-nearest) && !isInk(nearest)) nearest++;
    inked[i] = nearest <= 3 ? 1 : 0;
    nearest = nearest > reach || isInk(-nearest) ? -Math.min(nearest, reach) : nearest;
    while (isInk(nearest - before[i] - 1)) before[i]++;
    while (isInk(nearest + behind[i] + 1)) behind[i]++;
    across[i] = middle + nearest;
  }
  return new Line(upright, along, across, before, behind, inked);
}

/* How far it is in a grid's data to the next pixel along a line and across it, and how many there are across. */
function strides({ height, width }, upright) {
  return upright ? { along: width, across: 1, depth: width } : { along: 1, across: width, depth: height };
}

/* Say whether it is longer than a stroke of a digit: a single one that is upright may still be a 1. */
function isPrinted(line, lines, shape, height) {
  if (line.along.length < LONGER_THAN_DIGITS * height) return false;
  return !line.upright || line.isWhole(shape) || countBeside(line, lines) > 0;
}

/* Count the lines that run beside it; those that are the same one, found twice, count once. */
function countBeside(line, lines) {
  const middle = line.along[line.along.length >> 1];
  const places = lines
    .filter((other) => line.isParallel(other))
    .map((other) => other.across[0] + other.slope * (middle - other.along[0]))
    .sort((a, b) => a - b);
  return places.filter((place, i) => i > 0 && place - places[i - 1] > 2 * THICKEST).length;
}

/* Take away lines where no stroke is on them, nor on both sides within a short gap: it touches the line there. */
function erase(mask, lines, gap = 1) {
  const rest = mask.copy();
  for (const line of lines) {
    const { along: stepAlong, across: stepAcross } = strides(mask, line.upright);
    const stroke = line.inked.map((is, i) => (is && !line.bare[i] ? 1 : 0));
    const joined = cv2.morphologyEx(new Grid(stroke, 1, stroke.length), "MORPH_CLOSE", cv2.ones(1, gap)).data;
    const few = mean(joined) < 0.5; // narrow squares leave no gap
    for (let i = 0; i < line.bare.length; i++) {
      if (!line.bare[i] || (few && joined[i])) continue;
      for (let place = line.across[i] - line.before[i]; place <= line.across[i] + line.behind[i]; place++) {
        rest.data[place * stepAcross + line.along[i] * stepAlong] = 0;
      }
    }
  }
  return rest;
}

/* Leave out parts that lie wholly where a line is or goes on. */
function withoutRemains(mask, lines) {
  const strips = lines.map((line) => {
    const [start, end] = [0, -1].map((place) => [line.along.at(place), line.across.at(place)]);
    const further = end.map((value, i) => (value - start[i]) / 4);
    const points = [
      start.map((value, i) => round(value - further[i])),
      end.map((value, i) => round(value + further[i])),
    ];
    const [from, to] = line.upright ? points.map((point) => point.reverse()) : points;
    return { from, to, thickness: 2 * round(line.thickness) + 3 };
  });
  const band = cv2.lines(Grid.full(mask.height, mask.width), strips, 1);
  const { labels, stats } = cv2.connectedComponentsWithStats(mask, 8);
  const inside = bincount(labels.data, stats.length, band.data);
  return both(mask, not(choose(labels, stats.map((part, i) => i > 0 && inside[i] === part.area))));
}

/* Take the parts that are at least half as high as is typical. */
function largeParts(mask) {
  const { labels, stats } = cv2.connectedComponentsWithStats(mask, 8);
  const typical = typicalHeight(mask);
  return choose(labels, stats.map((part, i) => i > 0 && part.h >= 0.5 * typical));
}

/* Take the median height of the parts, weighted by the square of their areas, so that specks do not count. */
function typicalHeight(mask) {
  const parts = cv2.connectedComponentsWithStats(mask, 8).stats.slice(1);
  if (parts.length === 0) return 0;
  const order = argsort(parts.map((part) => part.h));
  const total = cumulate(order.map((index) => parts[index].area ** 2));
  return parts[order[searchsorted(total, total.at(-1) / 2)]].h;
}

/* Leave out what other ink stands in: a cell drawn by hand, a table. No digit has another one inside.

If only those that are full are wanted, something stands in each of their rooms. In another, a digit may touch the
frame, and has to be told from it first. */
function withoutFrames(mask, full) {
  const [x, y, w, h] = cv2.boundingRect(mask);
  const inner = mask.crop(y, x, h, w);
  const ink = inner.pad(1);
  const { count, labels: parts, stats } = cv2.connectedComponentsWithStats(ink, 8);
  if (count < 3) return mask; // a single part, which nothing else stands in
  const { count: places, labels: rooms, stats: roomStats } = cv2.connectedComponentsWithStats(not(ink), 4);
  if (places === 2) return mask; // the paper around all, and no room inside anything
  // What is above the first pixel of a part is the room that it stands in; above that of a room is what it is in.
  const [room, owner] = [new Int32Array(count), new Int32Array(places)];
  for (let below = ink.width, top = 0; below < ink.size; below++, top++) {
    const [part, place] = [parts.data[below], rooms.data[below]];
    if (part > 0 && rooms.data[top] > 0 && room[part] === 0) room[part] = rooms.data[top];
    if (place > 0 && parts.data[top] > 0 && owner[place] === 0) owner[place] = parts.data[top];
  }
  const around = rooms.data[0];
  for (let part = 0; part < count; part++) if (room[part] === around) room[part] = 0;
  owner[around] = 0;
  const taken = new Uint8Array(places);
  for (let part = 0; part < count; part++) {
    if (room[part] > 0 && stats[part].h > FILLS * roomStats[room[part]].h) taken[room[part]] = 1;
  }
  const highest = new Float64Array(count);
  for (let place = 0; place < places; place++) {
    if (taken[place]) highest[owner[place]] = Math.max(highest[owner[place]], roomStats[place].h);
  }
  const drop = Uint8Array.from(highest, (height) => (height > 0 ? 1 : 0));
  for (let place = 0; full && place < places; place++) {
    if (!taken[place] && roomStats[place].h > 0.5 * highest[owner[place]]) drop[owner[place]] = 0;
  }
  for (let part = 0; part < count; part++) {
    if (stats[part].area >= 0.5 * stats[part].w * stats[part].h) drop[part] = 0; // no sheet
  }
  drop[0] = 0;
  const kept = both(inner, not(choose(parts, drop).crop(1, 1, h, w)));
  return mask.copy().paste(kept, y, x);
}
