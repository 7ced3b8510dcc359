/* Telling ink from paper: a grey image → ink, for drawings and for photos. As `utils/reader/ink.py`, step by step. */

import * as cv2 from "./cv2.js";
import {
  Grid,
  above,
  argmax,
  bincount,
  both,
  choose,
  clip,
  countNonzero,
  cumulate,
  largest,
  logarithm,
  lstsq,
  mean,
  mean32,
  median,
  median32,
  not,
  percentile32,
  pick,
  round,
  searchsorted,
  smallest,
  sum,
} from "./grids.js";
import { undoDithering } from "./halftone.js";
import { withoutLines } from "./lines.js";

/** A larger image is reduced to so many pixels at its longer side: enough for a page full of digits. */
const MAX_SIDE = 1600;
/** A long one, such as a receipt, may stay as long as that: its digits have the size that goes with its shorter
 * side. */
const MAX_LENGTH = 10_000;
/** A smaller image is enlarged to about this many, so that a stroke of one pixel has an inside and an outline. */
const MIN_SIDE = 112;
/** The widest stroke in a photo, as a share of its shorter side: what is dark and wider is a shadow or a table. */
const WIDEST = 0.25;
/** So many sheets may lie on each other, such as a scanned page in a screenshot. */
const MOST_SHEETS = 4;
/** A stroke must differ from the paper by this share of what is possible: less is the grain of the paper. */
const FAINTEST = 0.06;
/** In a photo, what is above this share of the level still belongs to a stroke that is above it elsewhere. */
const WEAK = 0.5;
/** A paler pen's digits are within this factor as high as those of the darker one. */
const ALIKE = 1.5;

const { fround } = Math;

/**
 * Tell the ink from the paper, whichever of them is the darker.
 *
 * @param {Grid} grey - 8 bits, 0 = black, 255 = white.
 * @param {number} sheets - How many sheets it lies on, as far as that was found out before.
 * @returns {Grid} 0 = paper, 255 = ink, and the shades of the strokes' edges between them; all 0 if there is no ink.
 *   The size is that of the image, unless its longer side is above 1600 pixels or below 112: it is reduced to 1600, or
 *   enlarged by a whole number. If it is more than three times as long as wide, it is not reduced below a half, unless
 *   it is longer than 10,000 then, or has more pixels than 1600 × 1600.
 */
export function extractInk(grey, sheets = 0) {
  if (grey.size === 0) return grey;
  let paper;
  [grey, paper] = lookAt(grey, sheets > 0);
  const contrast = paper.plain ? againstPlain(grey) : againstUneven(grey);
  const floor = paper.tiny ? FAINTEST : Math.max(FAINTEST, 5 * noise(contrast));
  const level = findLevel(contrast, floor);
  const nothing = Grid.full(grey.height, grey.width);
  if (level === null) return nothing;
  const clean = paper.plain && isClean(contrast.data, level);
  withoutNegative(contrast.data);
  const sheet = paper.plain && sheets < MOST_SHEETS ? findSheet(above(contrast, level)) : null;
  if (sheet) {
    const { x, y, w, h } = sheet;
    return nothing.paste(extractInk(grey.crop(y, x, h, w), sheets + 1), y, x);
  }
  const lowest = clean ? floor : Math.max(floor, WEAK * level);
  const { least, keep } = keepStrokes(contrast, lowest, level, paper);
  return keep.data.includes(1) ? shade(contrast, least, level, keep, paper) : nothing;
}

/* `numpy.maximum(values, 0)`, in place. */
function withoutNegative(values) {
  for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
}

/* Say whether most of what is no ink has the paper's shade. */
function isClean(contrast, level) {
  const [low, most] = [fround(1.5 / 255), fround(level)];
  let [same, all] = [0, 0];
  for (let i = 0; i < contrast.length; i++) {
    if (contrast[i] > most) continue;
    all++;
    if (Math.abs(contrast[i]) < low) same++;
  }
  return same / all > 0.75;
}

/* Bring an image to a size that can be worked with, unless it was, smooth its grain, and say what kind it is:

- tiny: no photo, and no room for lines
- plain: of one shade
- byCamera: with the grain of a photo, a scan or a JPEG file */
function lookAt(grey, resized) {
  const tiny = Math.max(grey.height, grey.width) < 100;
  grey = withoutFrame(grey);
  if (!resized) grey = resize(undoDithering(grey));
  if (tiny) grey = withoutSlope(grey);
  const plain = tiny || isPlain(grey);
  const byCamera = !plain || (!tiny && noise(grey) > 0.5);
  if (byCamera) grey = cv2.medianBlur(grey, 3); // not in a clean drawing, where it would only break thin lines
  return [grey, { tiny, plain, byCamera }];
}

/* Choose the pixels that are somebody's strokes, and the level that they all lie above. */
function keepStrokes(contrast, lowest, level, paper) {
  const { least, keep } = withoutLines(contrast, lowest, level);
  if (!paper.byCamera) return { least, keep };
  const { labels, stats } = cv2.connectedComponentsWithStats(keep, 8);
  let wanted = areStrong(labels, stats, both(keep, above(contrast, level)));
  if (!paper.plain) {
    const faint = areFaint(labels, stats, wanted, contrast);
    wanted = wanted.map((is, i) => (is && !faint[i] ? 1 : 0));
  }
  const edges = areEdges(labels, stats, paper.plain ? 0.8 : 0.1);
  const inner = wanted.map((is, i) => (is && !edges[i] ? 1 : 0));
  // a digit that fills the image is all there is
  return { least, keep: choose(labels, inner.includes(1) ? inner : wanted) };
}

/* Choose the parts with a strong pixel in them, as Canny's second threshold does (1986), and those as high.

What is as high as what is written strongly is written, too, with a paler pen. */
function areStrong(labels, stats, strong) {
  const wanted = new Uint8Array(stats.length);
  for (let i = 0; i < labels.size; i++) if (strong.data[i]) wanted[labels.data[i]] = 1;
  if (wanted.includes(1)) {
    const typical = average(stats.map((part) => part.h), stats.map((part) => part.area), wanted);
    stats.forEach(({ h }, i) => {
      if (h > typical / ALIKE && h < typical * ALIKE) wanted[i] = 1;
    });
  }
  wanted[0] = 0;
  return wanted;
}

/* The weighted mean of those that are wanted: numpy.average. */
function average(values, weights, wanted) {
  let [total, weight] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (!wanted[i]) continue;
    total += values[i] * weights[i];
    weight += weights[i];
  }
  return total / weight;
}

/* Turn contrast into shades of ink, of which the level is half; beside the strokes there is none.

Where a stroke is faint, its level is half of what it has at its darkest nearby, but not below the least. */
function shade(contrast, least, level, keep, paper) {
  const side = 2 * (paper.tiny ? 5 : 3) + 1;
  const darkest = cv2.dilate(contrast, cv2.ones(side, side)).data;
  const [lowest, highest] = [fround(least), fround(Math.max(level, least))];
  const strong = pick(contrast.data, both(keep, above(contrast, level)).data);
  const typical = strong.length ? median32(strong) : 1;
  const near = paper.tiny ? null : cv2.dilate(keep, cv2.ones(3, 3)).data;
  const [ink, thinnest] = [Grid.full(contrast.height, contrast.width), fround(1e-6)];
  for (let i = 0; i < ink.size; i++) {
    if (near && !near[i]) continue;
    const half = clip(fround(darkest[i] / 2), lowest, highest);
    const high = Math.min(typical, darkest[i]);
    const low = Math.max(fround(2 * half - high), 0);
    const factor = fround(255 / Math.max(fround(high - low), thinnest));
    ink.data[i] = clip(fround(fround(contrast.data[i] - low) * factor), 0, 255);
  }
  return ink;
}

function resize(grey) {
  const [longer, shorter] = [Math.max(grey.height, grey.width), Math.min(grey.height, grey.width)];
  if (longer < MIN_SIDE) return cv2.rescale(grey, Math.ceil(MIN_SIDE / longer), "INTER_CUBIC");
  const ratio = longer / shorter;
  const longest = Math.min(longer / 2, (MAX_SIDE * ratio) / 3, MAX_SIDE * Math.sqrt(ratio), MAX_LENGTH);
  return shrink(grey, Math.max(MAX_SIDE, longest));
}

/* Reduce an image, if its longer side has more pixels than that. */
function shrink(image, longer) {
  const scale = longer / Math.max(image.height, image.width);
  if (scale >= 1) return image;
  const size = [Math.max(1, round(image.width * scale)), Math.max(1, round(image.height * scale))];
  return cv2.resize(image, ...size, "INTER_AREA");
}

/* Paint over a thin, even frame, such as a screenshot of a drawing program has. */
function withoutFrame(grey) {
  const { height, width } = grey;
  const shorter = Math.min(height, width);
  const deepest = Math.max(1, round(0.04 * shorter));
  let inner = frame(grey);
  for (let depth = 0; depth < Math.min(deepest, Math.floor((shorter - 3) / 2)); depth++) {
    const ring = inner;
    inner = frame(grey, depth + 1);
    const [low, high] = [smallest(ring), largest(ring)];
    if (low === high && low === smallest(inner) && low === largest(inner)) continue;
    if (deviation(ring) > 8) break;
    const paper = medianOf(inner);
    if (Math.abs(paper - medianOf(ring)) > 255 * FAINTEST) {
      const edge = depth + 1;
      const inside = grey.crop(edge, edge, height - 2 * edge, width - 2 * edge);
      return Grid.full(height, width, Math.trunc(paper)).paste(inside, edge, edge);
    }
  }
  return grey;
}

/* The pixels along the border, or along that of the window that lies so deep inside. */
function frame(grey, depth = 0) {
  const [height, width] = [grey.height - 2 * depth, grey.width - 2 * depth];
  const values = new grey.data.constructor(2 * (height + width));
  const [top, bottom] = [depth * grey.width + depth, (depth + height - 1) * grey.width + depth];
  values.set(grey.data.subarray(top, top + width));
  values.set(grey.data.subarray(bottom, bottom + width), width);
  for (let y = 0, place = top; y < height; y++, place += grey.width) {
    values[2 * width + y] = grey.data[place];
    values[2 * width + height + y] = grey.data[place + width - 1];
  }
  return values;
}

/* The standard deviation: numpy.std. */
function deviation(values) {
  const middle = mean(values);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += (values[i] - middle) ** 2;
  return Math.sqrt(total / values.length);
}

/* Even out the light in a small cut-out of a photo, which is a slope: a plane through the shades of the frame.

Ink that reaches the frame is left out of the fit, as what is furthest from it: trimmed least squares. */
function withoutSlope(grey) {
  const shades = Float64Array.from(frame(grey));
  if (smallest(shades) === largest(shades)) return grey;
  const { height, width } = grey;
  const longer = Math.max(height, width);
  const [down, across] = [Grid.full(height, width, 0, Float64Array), Grid.full(height, width, 0, Float64Array)];
  for (let i = 0; i < grey.size; i++) {
    down.data[i] = Math.floor(i / width) / longer - 0.5;
    across.data[i] = (i % width) / longer - 0.5;
  }
  const [downs, acrosses] = [frame(down), frame(across)];
  let plane = [0, 0, median(shades)];
  for (let times = 0; times < 5; times++) {
    const away = shades.map((one, i) => Math.abs(one - (downs[i] * plane[0] + acrosses[i] * plane[1] + plane[2])));
    const most = 2 * median(away) + 1;
    const near = Array.from(away.keys()).filter((i) => away[i] <= most);
    plane = lstsq(near.map((i) => [downs[i], acrosses[i], 1]), near.map((i) => shades[i]));
  }
  const slope = (i) => down.data[i] * plane[0] + across.data[i] * plane[1];
  return grey.map((one, i) => clip(round(one - slope(i)), 0, 255));
}

/* Say whether the paper has one shade, but for a little noise. */
function isPlain(grey) {
  const border = frame(grey);
  const shade = argmax(bincount(border));
  if (mean(border.map((one) => (Math.abs(one - shade) <= 1 ? 1 : 0))) > 0.6) return true;
  // After a camera or a JPEG file, the shades of an even paper spread around one; under a shadow they drift.
  const [paper, spread] = [median(border), 3 * noise(grey) + 1];
  const share = (values) => {
    let same = 0;
    for (let i = 0; i < values.length; i++) if (Math.abs(values[i] - paper) <= spread) same++;
    return same / values.length;
  };
  return share(border) > 0.6 && share(grey.data) > 0.4;
}

function againstPlain(grey) {
  const paper = median(frame(grey));
  const darker = paper * grey.size >= sum(grey.data);
  const most = fround(Math.max(darker ? paper : 255 - paper, 1));
  const contrasts = Float32Array.from({ length: 256 }, (_, one) => (darker ? paper - one : one - paper) / most);
  const contrast = Grid.full(grey.height, grey.width, 0, Float32Array);
  for (let i = 0; i < grey.size; i++) contrast.data[i] = contrasts[grey.data[i]];
  return contrast;
}

function againstUneven(grey) {
  if (isLightOnDark(grey)) grey = grey.map((one) => 255 - one);
  const size = Math.max(3, round(WIDEST * Math.min(grey.height, grey.width)) | 1);
  // Past its border the image goes on as it is there: a strip of table at the edge is no stroke.
  const wide = cv2.closing(cv2.copyMakeBorder(grey, size, "BORDER_REPLICATE"), size);
  const paper = wide.crop(size, size, grey.height, grey.width);
  const contrast = Grid.full(grey.height, grey.width, 0, Float32Array);
  for (let i = 0; i < grey.size; i++) {
    contrast.data[i] = (paper.data[i] - grey.data[i]) / Math.max(paper.data[i], 32);
  }
  const typical = around(contrast).data;
  for (let i = 0; i < grey.size; i++) contrast.data[i] -= typical[i];
  // Where much differs a little, as in the grain of a table, a stroke must differ more.
  const grain = around(contrast.map(Math.abs)).data;
  for (let i = 0; i < grey.size; i++) if (!(contrast.data[i] > fround(3 * grain[i]))) contrast.data[i] = 0;
  const table = isTable(paper, contrast).data;
  for (let i = 0; i < grey.size; i++) if (table[i]) contrast.data[i] = 0;
  return contrast;
}

/* Say where the image shows what the sheet lies on: darker than the sheet, and with a grain.

A shadow is darker too. But what is written in it are a few large marks; a grain has many small ones. */
function isTable(paper, contrast) {
  const [, dark] = cv2.threshold(paper, 0, 1, "THRESH_BINARY_INV", "THRESH_OTSU");
  const table = cv2.dilate(dark, cv2.ones(9, 9));
  const marked = above(contrast, Math.max(FAINTEST, otsu(contrast)));
  const [onSheet, onTable] = [not(table), table].map((where) => areas(both(marked, where)));
  if (onSheet.length && onTable.length) {
    const many = onTable.length > 30 + 3 * onSheet.length;
    const small = onTable.length > 10 && typicalArea(onTable) < 0.4 * typicalArea(onSheet);
    const shade = (where) => mean32(Float32Array.from(pick(paper.data, where.data)));
    if ((many || small) && shade(table) < fround(0.75 * shade(not(table)))) return table;
  }
  return Grid.full(paper.height, paper.width);
}

/* Measure the parts, except the smallest ones, in pixels. */
function areas(mask) {
  const { stats } = cv2.connectedComponentsWithStats(mask, 8);
  return stats.slice(1).flatMap(({ area }) => (area >= 8 ? [area] : []));
}

/* Take the mean area, weighted by area: of the part that a pixel of ink lies in. */
function typicalArea(sizes) {
  return sum(sizes.map((area) => area ** 2)) / sum(sizes);
}

/* Take the median of a wide surrounding, to which strokes, being few, do not count. */
function around(contrast) {
  const few = shrink(contrast, 160);
  const small = Grid.full(few.height, few.width);
  for (let i = 0; i < few.size; i++) small.data[i] = clip(fround(few.data[i] * 1020), 0, 255);
  const typical = cv2.medianBlur(small, 31).map((one) => Math.min(fround(one / 1020), 0.12), Float32Array);
  return cv2.resize(typical, contrast.width, contrast.height);
}

function isLightOnDark(grey) {
  // Strokes are the few pixels that differ from their surroundings: the distribution leans to their side.
  const small = shrink(grey, 400);
  const values = logarithm(small);
  const smooth = cv2.GaussianBlur(values, 0.06 * Math.min(values.height, values.width)).data;
  let lean = 0;
  for (let i = 0; i < values.size; i++) lean += fround(values.data[i] - smooth[i]) ** 3;
  return lean > 0;
}

function noise({ data, height, width }) {
  const next = width >= height ? 1 : width;
  const [rows, columns] = width >= height ? [height, width - 1] : [height - 1, width];
  let changes = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0, place = y * width; x < columns; x++, place++) changes += data[place + next] !== data[place] ? 1 : 0;
  }
  if (2 * changes < rows * columns - 1) return 0; // more than half are 0, as in most drawings: so is their median
  const steps = new data.constructor(rows * columns);
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0, place = y * width; x < columns; x++, place++) {
      steps[i++] = Math.abs(data[place + next] - data[place]);
    }
  }
  return medianOf(steps) / 0.954; // the median step between neighbours, in standard deviations
}

/* Take the median; of shades, from their histogram. */
function medianOf(values) {
  if (!(values instanceof Uint8Array)) return median32(values);
  const total = cumulate(bincount(values, 256));
  const middles = [Math.floor((values.length - 1) / 2), Math.floor(values.length / 2)];
  return mean(middles.map((middle) => searchsorted(total, middle, "right")));
}

function findLevel(contrast, floor) {
  const strong = pick(contrast.data, above(contrast, floor).data);
  if (strong.length === 0) return null;
  return Math.max(floor, Math.min(otsu(contrast), fround(0.5 * percentile32(strong, 90))));
}

function otsu(contrast) {
  const scaled = Grid.full(contrast.height, contrast.width);
  for (let i = 0; i < scaled.size; i++) scaled.data[i] = clip(fround(contrast.data[i] * 255), 0, 255);
  const [level] = cv2.threshold(scaled, 0, 255, "THRESH_BINARY", "THRESH_OTSU");
  return level / 255;
}

/* Find what is too large and too square for a digit: a sheet on an even ground, as a scanner's lid shows it. */
function findSheet(mask) {
  if (countNonzero(mask.data) <= 0.125 * mask.size) return null; // half of a quarter, as below
  const { labels, stats } = cv2.connectedComponentsWithStats(mask, 8);
  for (let index = 1; index < stats.length; index++) {
    const { x, y, w, h, area } = stats[index];
    if (!(Math.min(w, h) >= MIN_SIDE + 8 && w * h > 0.25 * mask.size && area > 0.5 * w * h)) continue;
    const own = choose(labels, stats.map((_, i) => i === index));
    const [outline] = cv2.findContours(own);
    const { width, height } = cv2.minAreaRect(outline).size;
    if (cv2.contourArea(outline) > 0.9 * width * height) return { x: x + 4, y: y + 4, w: w - 8, h: h - 8 };
  }
  return null;
}

/* Say which parts run along the border, over such a share of a side: the table around a sheet. */
function areEdges(labels, stats, share) {
  const counts = bincount(frame(labels), stats.length);
  return Uint8Array.from(counts, (count) => (count > share * Math.min(labels.height, labels.width) ? 1 : 0));
}

/* Say which parts are much fainter than those wanted: remains of lines, what shines through from the back. */
function areFaint(labels, stats, wanted, contrast) {
  if (!wanted.includes(1)) return wanted.map((is) => 1 - is);
  const sums = bincount(labels.data, stats.length, contrast.data);
  const strength = sums.map((total, i) => total / stats[i].area);
  const typical = average(strength, stats.map((part) => part.area ** 2), wanted);
  return Uint8Array.from(strength, (one) => (one < 0.45 * typical ? 1 : 0));
}
