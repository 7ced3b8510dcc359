/* Finding the sheet of paper in a photo of a desk, and putting it upright: perspective and all.

As `utils/reader/paper.py`, step by step: that says where the method comes from, and how its numbers were chosen. */

import * as cv2 from "./cv2.js";
import { Grid, argmax, argsort, clip, largest, logarithm, mean32, median, round, smallest, solve } from "./grids.js";

// The outline is looked for in an image reduced to so many pixels at its longer side.
const SIDE = 400;
// A smaller image is no photo of a desk.
const LEAST = 120;
// What is darker and narrower, in pixels of the reduced image, is ink; past its border, the image goes on so far.
const PEN = 9;
// Across a sheet's side, the brightness changes by a factor of that exponential, at least.
const STEP = 0.1;
// How far on either side of a line one looks: at what lies there, and, next to it, at the step.
const AWAY = [-36, -24, -12, -6, -4, -2, 2, 4, 6, 12, 24, 36];
// The sheet begins so many pixels within its sides, where the step is over.
const INSET = 2;
// How many lines are looked at, and how many of them for each side.
const [LINES, CHOICES] = [24, 5];
// If a side is missing, the others must be as long as that, as a share of the image's shorter side.
const LONG = 0.4;
// This share of a side must be seen; a finger or a pen may lie on the rest. Where a side is missing, what is left may
// be a stroke at the image's border, and those of digits have joints.
const [SEEN, CLEAR] = [0.7, 0.92];
// This share of the image is the sheet, at least, by how many sides are seen: one alone may be anything.
const COVERED = { 4: 0.04, 3: 0.25, 2: 0.5, 1: 0.7 };

/**
 * Where a sheet of paper is in an image, in pixels, [x, y].
 *
 * @typedef {object} Outline
 * @property {number[][]} corners - Four, clockwise from the one that is the top left when the sheet is turned upright
 *   by less than 45°; some may lie outside the image.
 * @property {number[][]} visible - The part of the image that shows the sheet: a convex polygon.
 */

/**
 * What a sheet of paper looks like from above.
 *
 * @typedef {object} Sheet
 * @property {Grid} grey - The sheet, upright: uint8, 0 = black, 255 = white.
 * @property {?Grid} back - The homography from pixels of it to pixels of the image, unless they are the same.
 */

/**
 * Say where a box in the sheet is in the image: the upright box around it.
 *
 * @param {Sheet} sheet
 * @param {{x: number, y: number, w: number, h: number}} box
 * @returns {{x: number, y: number, w: number, h: number}}
 */
export function locate(sheet, box) {
  if (!sheet.back) return box;
  const [right, bottom] = [box.x + box.w, box.y + box.h];
  const ends = [
    [box.x, box.y],
    [right, box.y],
    [box.x, bottom],
    [right, bottom],
  ];
  const corners = cv2.perspectiveTransform(ends, sheet.back);
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [x, y] = [xs, ys].map((places) => Math.max(Math.floor(smallest(places)), 0));
  const [endX, endY] = [xs, ys].map((places) => Math.ceil(largest(places)));
  return { x, y, w: Math.max(1, endX - x), h: Math.max(1, endY - y) };
}

/* A line that may be a side of the sheet, which is where `normal · point >= offset`. */
class Side {
  /**
   * @param {number[]} normal - A unit vector, [x, y].
   * @param {number} offset - The distance from the origin in its direction, in pixels.
   * @param {Float64Array[]} totals - Sums over the pixels of its way through the image, from 0 to each: how much they
   *   speak for a side; in how many there is a step; and how many there are, but for those at the image's border, where
   *   the side has left it.
   * @param {number} start - The place of the first of them, in pixels along (−y, x) of the normal.
   * @param {number} height - Of the step, where there is one.
   */
  constructor(normal, offset, [gain, seen, counted], start, height) {
    Object.assign(this, { normal, offset, gain, seen, counted, start, height });
  }

  /** In how many pixels of its whole way there is a step. */
  get steps() {
    return this.seen[this.seen.length - 1];
  }

  /** Add up `gain`, `seen` and `counted` from one place to another, in pixels along (−y, x) of the normal. */
  sums(start, end) {
    const [first, last] = [start, end].map((edge) => clip(round(edge - this.start), 0, this.gain.length - 1));
    return [this.gain, this.seen, this.counted].map((part) => part[Math.max(first, last)] - part[first]);
  }
}

/**
 * Find a sheet of paper that lies on something else.
 *
 * @param {Grid} grey - uint8: 0 = black, 255 = white.
 * @returns {?Outline} None if there is nothing else to be seen.
 */
export function findSheet(grey) {
  if (Math.max(grey.height, grey.width) < LEAST || Math.min(grey.height, grey.width) < LEAST / 4) return null;
  const [light, scale] = withoutInk(grey);
  const edges = findEdges(light);
  const lines = findLines(edges, 0.15);
  const traced = lines.map(([normal, offset]) => trace(light, normal, offset));
  const shape = [light.height, light.width];
  let [best, polarity, chosen] = [0, null, null];
  for (const way of [1, -1]) {
    const sides = traced.flatMap((both) => both[way]);
    for (const turn of [0, Math.PI / 4]) {
      const [score, choice] = choose(sides, turn, shape);
      if (choice && score > best) [best, polarity, chosen] = [score, way, choice];
    }
  }
  if (!chosen) return null;
  let visible = visiblePart(chosen, shape);
  const corners = findCorners(chosen, visible);
  visible = withoutWedges(light, edges, visible, chosen, polarity);
  const toImage = (value) => Math.fround((value - PEN + 0.5) / scale - 0.5);
  return { corners: corners.map((point) => point.map(toImage)), visible: visible.map((point) => point.map(toImage)) };
}

/* Reduce an image, take the strokes out of it, and return the logarithm: a step is the same in light and shadow. */
function withoutInk(grey) {
  const scale = Math.min(1, SIDE / Math.max(grey.height, grey.width));
  let small = cv2.rescale(grey, scale, "INTER_AREA");
  small = cv2.copyMakeBorder(small, PEN, "BORDER_REPLICATE"); // a strip at the border is no stroke
  const kernel = cv2.getStructuringElement("MORPH_ELLIPSE", PEN, PEN);
  small = cv2.morphologyEx(cv2.morphologyEx(small, "MORPH_CLOSE", kernel), "MORPH_OPEN", kernel);
  return [logarithm(cv2.GaussianBlur(small, 1)), scale];
}

function findEdges(light) {
  const steep = 2400 * STEP; // a step of that height, blurred as above, as Sobel's filter sees it
  const [dx, dy] = [cv2.Sobel(light, 1, 0), cv2.Sobel(light, 0, 1)].map(({ data, height, width }) => {
    const whole = Grid.full(height, width, 0, Int16Array);
    for (let i = 0; i < data.length; i++) whole.data[i] = clip(Math.fround(1000 * data[i]), -32768, 32767);
    return whole;
  });
  const edges = cv2.Canny(dx, dy, steep / 2, steep);
  const { height, width } = edges;
  return edges.map((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x < 3 || y < 3 || x >= width - 3 || y >= height - 3 ? 0 : value;
  });
}

/* Find the straight edges, the longest first: the normal of each, and its offset. */
function findLines(edges, shortest) {
  const shape = [edges.height, edges.width];
  const lines = [];
  for (const [offset, angle] of cv2.HoughLines(edges, round(shortest * Math.min(...shape)))) {
    const found = [[Math.cos(angle), Math.sin(angle)], offset];
    if (lines.every((line) => apart(found, line, shape))) lines.push(found);
    if (lines.length === LINES) break;
  }
  return lines;
}

/* Say whether two lines are more than the same one, found twice. */
function apart([first, firstOffset], [second, secondOffset], [height, width]) {
  const cosine = dot(first, second);
  const middle = [width / 2, height / 2];
  const [away, other] = [dot(first, middle) - firstOffset, dot(second, middle) - secondOffset];
  return (
    Math.abs(cosine) < Math.cos(radians(5)) ||
    Math.abs(away - Math.sign(cosine) * other) > 0.02 * Math.max(height, width)
  );
}

/* Return the image's own sides: left, top, right and bottom. */
const frame = ([height, width]) => [
  [[1, 0], 0],
  [[0, 1], 0],
  [[-1, 0], 1 - width],
  [[0, -1], 1 - height],
];

/* Say from where to where a line is within half-planes, in pixels along it. */
function between(normal, offset, others) {
  let [low, high] = [-1e6, 1e6];
  const along = [-normal[1], normal[0]];
  const foot = [offset * normal[0], offset * normal[1]];
  for (const [other, limit] of others) {
    const [slope, rest] = [dot(other, along), limit - dot(other, foot)];
    if (Math.abs(slope) < 1e-9) {
      if (rest > 0) return [0, -1e6];
    } else if (slope > 0) low = Math.max(low, rest / slope);
    else high = Math.min(high, rest / slope);
  }
  return [low, high];
}

/* Measure the step along a line; it may be a side of what is on either side of it, if that is light, or dark. */
function trace(light, normal, offset, step = STEP) {
  const [low, high] = between(normal, offset, frame([light.height, light.width]));
  const [first, last] = [Math.ceil(low), Math.floor(high)];
  const count = last - first + 1;
  const sides = { 1: [], [-1]: [] };
  if (count < 2) return sides;
  const [x, y, depth] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    x[i] = offset * normal[0] - normal[1] * (first + i);
    y[i] = offset * normal[1] + normal[0] * (first + i);
    depth[i] = Math.min(x[i], y[i], light.width - 1 - x[i], light.height - 1 - y[i]);
  }
  const [mapX, mapY] = [0, 1].map(() => Grid.full(AWAY.length, count, 0, Float32Array));
  AWAY.forEach((away, row) => {
    mapX.row(row).set(x.map((value) => value + normal[0] * away));
    mapY.row(row).set(y.map((value) => value + normal[1] * away));
  });
  const seenAway = cv2.remap(light, mapX, mapY);
  const rows = AWAY.map((_, row) => seenAway.row(row));
  // A shade that goes on is no step; black or white, it may end on one side.
  const drift = rows[0].map((_, i) =>
    Math.max(Math.abs(Math.fround(rows[0][i] - rows[2][i])), Math.abs(Math.fround(rows[11][i] - rows[9][i]))),
  );
  // A stroke that is left has ended there, and it is as it was before it.
  const ground = { [-1]: middle(...rows.slice(0, 3)), 1: middle(...rows.slice(9)) };
  const near = { [-1]: [rows[5], rows[4], rows[3]], 1: rows.slice(6, 9) };
  const border = PEN + 0.02 * Math.max(light.height, light.width);
  const least = Math.fround(step);
  for (const polarity of [1, -1]) {
    for (const sign of [1, -1]) {
      const [within, beyond, inner, outer] = [ground[sign], ground[-sign], near[sign], near[-sign]];
      const [gain, seen, counted] = [new Float32Array(count), new Uint8Array(count), new Uint8Array(count)];
      const heights = [];
      for (let i = 0; i < count; i++) {
        let best = -Infinity; // no sheet is quite flat
        for (let j = 0; j < 3; j++) {
          const inside = Math.min(polarity * inner[j][i], polarity * within[i]);
          const outside = Math.max(polarity * outer[2 - j][i], polarity * beyond[i]);
          best = Math.max(best, Math.fround(inside - outside));
        }
        seen[i] = best > Math.max(least, drift[i]) ? 1 : 0;
        counted[i] = seen[i] || depth[i] > border ? 1 : 0;
        if (seen[i]) heights.push(best);
        if (counted[i]) gain[i] = clip(Math.fround(best / least), -2, 6) - 1;
      }
      const height = heights.length ? Math.fround(median(heights)) : 0;
      let totals = [gain, seen, counted].map(addUp);
      if (sign < 0) totals = totals.map((part) => part.map((_, i) => part[count] - part[count - i])); // its way, too
      const own = normal.map((value) => sign * value);
      sides[polarity].push(new Side(own, sign * offset, totals, sign > 0 ? first : -last, height));
    }
  }
  return sides;
}

/* Sums from 0 to each value, by steps of float32. */
function addUp(values) {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = Math.fround(sums[i] + values[i]);
  return sums;
}

const middle = (a, b, c) => a.map((_, i) => Math.max(Math.min(a[i], b[i]), Math.min(Math.max(a[i], b[i]), c[i])));

/* Choose the left, top, right and bottom side, each of which may be missing. */
function choose(sides, turn, shape) {
  const shorter = Math.min(...shape);
  const classes = [[], [], [], []];
  for (const index of argsort(sides.map((side) => -side.steps))) {
    const [x, y] = sides[index].normal;
    const of = classes[(round((Math.atan2(y, x) - turn) / (Math.PI / 2)) + 4) % 4];
    if (of.length < CHOICES && sides[index].steps > 0.15 * shorter) of.push(index);
  }
  if (classes.every((of) => !of.length)) return [0, null];
  const [low, high] = cross(sides);
  const none = sides.length;
  const ways = product(classes.map((of) => [...of, none]));
  const scores = new Float64Array(ways.length);
  const valid = new Uint8Array(ways.length).fill(1);
  ways.forEach((way, number) => {
    for (let place = 0; place < 4; place++) {
      const own = way[place];
      if (own === none) continue;
      let [start, end, missing] = [-Infinity, Infinity, false];
      for (let other = 0; other < 4; other++) {
        if (other === place) continue;
        start = Math.max(start, low.at(own, way[other]));
        end = Math.min(end, high.at(own, way[other]));
        missing ||= way[other] === none;
      }
      const [gain, seen, counted] = sides[own].sums(start, end);
      scores[number] += gain;
      if (!(seen >= (missing ? CLEAR : SEEN) * counted && seen > (missing ? LONG : 0.1) * shorter)) valid[number] = 0;
    }
  });
  for (const number of argsort(scores.map((score, i) => (valid[i] ? -score : 0))).slice(0, 20)) {
    const chosen = ways[number].map((index) => (index === none ? null : sides[index]));
    const count = chosen.filter(Boolean).length;
    if (!valid[number] || scores[number] <= 0 || count === 0) break;
    if (share(chosen, shape) > COVERED[count] && isRectangle(chosen)) return [scores[number], chosen];
  }
  return [0, null];
}

/* All ways to take one of each list; the last list's go round fastest. */
const product = (lists) => lists.reduce((ways, list) => ways.flatMap((way) => list.map((one) => [...way, one])), [[]]);

/* Say of each line, by rows, from where to where another allows it, by columns; the last one allows all. */
function cross(sides) {
  const low = Grid.full(sides.length + 1, sides.length + 1, -Infinity, Float64Array);
  const high = Grid.full(sides.length + 1, sides.length + 1, Infinity, Float64Array);
  sides.forEach((own, y) => {
    sides.forEach((other, x) => {
      const slope = dot([-own.normal[1], own.normal[0]], other.normal);
      const place = (other.offset - dot(own.normal, other.normal) * own.offset) / slope;
      if (slope > 1e-9) low.row(y)[x] = place;
      if (slope < -1e-9) high.row(y)[x] = place;
    });
  });
  return [low, high];
}

/* Return the part of the image that the sheet is in: a polygon. */
function visiblePart(chosen, [height, width]) {
  let polygon = [
    [PEN, PEN],
    [width - PEN, PEN],
    [width - PEN, height - PEN],
    [PEN, height - PEN],
  ];
  for (const side of chosen) if (side) polygon = cut(polygon, side);
  return polygon;
}

/* Keep what is on the sheet's side of a line, a little within it, where the step is over. */
function cut(polygon, side) {
  const depth = polygon.map((point) => dot(point, side.normal) - side.offset - INSET);
  const corners = [];
  polygon.forEach((point, index) => {
    const before = (index || polygon.length) - 1;
    const [from, a, b] = [polygon[before], depth[before], depth[index]];
    if (a >= 0 !== b >= 0) corners.push(from.map((start, axis) => start + ((point[axis] - start) * a) / (a - b)));
    if (b >= 0) corners.push(point);
  });
  return corners;
}

const area = (polygon) => (polygon.length > 2 ? cv2.contourArea(polygon) : 0);

/* Cut off what is seen of the ground in the corners, where a side is too short to say how the sheet lies. */
function withoutWedges(light, edges, visible, chosen, polarity) {
  const { height, width } = light;
  let inner = cv2.fillConvexPoly(Grid.full(height, width), visible.map(rounded), 1);
  inner = cv2.erode(inner.pad(2), cv2.ones(5, 5)).crop(2, 2, height, width); // past the image, there is none
  const step = 0.5 * median(chosen.filter(Boolean).map((side) => side.height));
  const within = edges.map((value, i) => value * inner.data[i]);
  for (const [normal, offset] of findLines(within, 0.05)) {
    for (const side of trace(light, normal, offset, step)[polarity]) {
      const rest = cut(visible, side);
      if (!(0.85 * area(visible) < area(rest) && area(rest) < area(visible))) continue;
      const along = rest
        .filter((point) => Math.abs(dot(point, side.normal) - side.offset - INSET) < 0.5)
        .map((point) => dot(point, [-side.normal[1], side.normal[0]]));
      const [, seen, counted] = side.sums(smallest(along), largest(along));
      if (seen >= CLEAR * counted && seen > 0.05 * Math.min(height, width)) visible = rest;
    }
  }
  return visible;
}

const share = (chosen, shape) => area(visiblePart(chosen, shape)) / ((shape[0] - 2 * PEN) * (shape[1] - 2 * PEN));

/* Say whether the sides may be those of a rectangle that is seen at a slant. */
function isRectangle(chosen) {
  for (let place = 0; place < 4; place++) {
    const [one, next, opposite] = [0, 1, 2].map((step) => chosen[(place + step) % 4]);
    if (one && next && Math.abs(dot(one.normal, next.normal)) > Math.sin(radians(30))) return false;
    if (one && opposite && dot(one.normal, opposite.normal) > -Math.cos(radians(35))) return false;
  }
  return true;
}

/* Return the corners of the sheet; where a side is missing, the sheet goes on to where the image ends. */
function findCorners(chosen, visible) {
  const lines = chosen.map((side, place) => {
    if (side) return [side.normal, side.offset + INSET];
    const [next, opposite, before] = [1, 2, 3].map((step) => chosen[(place + step) % 4]);
    const [x, y] = (before ?? next ?? opposite).normal;
    const normal = opposite ? opposite.normal.map((value) => -value) : before ? [-y, x] : [y, -x];
    return [normal, smallest(visible.map((point) => dot(point, normal)))];
  });
  const corners = lines.map(([a, b], place) => {
    const [c, d] = lines[(place + 1) % 4];
    return [...solve(new Grid(Float64Array.of(...a, ...c), 2, 2), new Grid(Float64Array.of(b, d), 2, 1)).data];
  });
  // upright is what is least turned
  const first = argmax(corners.map(([x, y]) => -(x + y)));
  return [...corners.slice(first), ...corners.slice(0, first)];
}

/**
 * Show a sheet as it looks from above.
 *
 * @param {Grid} grey - The image: uint8, 0 = black, 255 = white.
 * @param {?Outline} outline - Of `findSheet`; without one, the image stays as it is.
 * @returns {Sheet} As large as it is in the image. Where the image does not show it, it is empty paper.
 */
export function liftSheet(grey, outline) {
  if (!outline) return { grey, back: null };
  const { corners } = outline;
  const ways = corners.map((corner, i) => distance(corner, corners[(i + 1) % 4]));
  const [width, height] = [0, 1].map((i) => Math.max(1, round(mean32(Float32Array.of(ways[i], ways[i + 2])))));
  const upright = [
    [0, 0],
    [width - 1, 0],
    [width - 1, height - 1],
    [0, height - 1],
  ];
  const back = cv2.getPerspectiveTransform(upright, corners);
  const sheet = cv2.warpPerspective(grey, back, width, height, "INTER_LINEAR", "WARP_INVERSE_MAP");
  const there = solve(back, new Grid(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), 3, 3));
  const visible = cv2.perspectiveTransform(outline.visible, there).map((point) => rounded(point.map(Math.fround)));
  const empty = cv2.fillConvexPoly(Grid.full(height, width, 255), visible, 0);
  return { grey: continuePaper(sheet, empty), back };
}

/* Give to pixels that are not known the shade of the paper that is nearest, in place. */
function continuePaper(sheet, empty) {
  if (!empty.data.includes(255)) return sheet;
  const scale = Math.min(1, SIDE / Math.max(sheet.height, sheet.width));
  let small = cv2.rescale(sheet, scale, "INTER_AREA");
  const reduced = cv2.resize(empty, small.width, small.height, "INTER_AREA");
  const unknown = cv2.dilate(reduced, cv2.ones(3, 3)).mask((value) => value > 0);
  if (!unknown.data.includes(0)) return sheet;
  small = small.map((value, i) => (unknown.data[i] ? 0 : value));
  small = cv2.morphologyEx(small, "MORPH_CLOSE", cv2.ones(PEN, PEN));
  const [, nearest] = cv2.distanceTransformWithLabels(unknown, "DIST_LABEL_PIXEL");
  const shades = new Uint8Array(largest(nearest.data) + 1);
  for (let i = 0; i < small.size; i++) if (!unknown.data[i]) shades[nearest.data[i]] = small.data[i];
  const shaded = nearest.map((label) => shades[label], Uint8Array);
  const paper = cv2.resize(shaded, sheet.width, sheet.height);
  for (let i = 0; i < sheet.size; i++) if (empty.data[i]) sheet.data[i] = paper.data[i];
  return sheet;
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1];

const radians = (degrees) => (degrees * Math.PI) / 180;

const rounded = (point) => point.map(round);

/* The distance between two points of float32. */
function distance(a, b) {
  const [x, y] = [Math.fround(b[0] - a[0]), Math.fround(b[1] - a[1])];
  return Math.fround(Math.sqrt(Math.fround(Math.fround(x * x) + Math.fround(y * y))));
}
