/* As `utils/reader/normalise.py`, step by step: from one digit's ink to 28 × 28 pixels that look like MNIST's. */

import * as cv2 from "./cv2.js";
import { Grid, clip, mean32, round } from "./grids.js";

/** The side of MNIST's images, in pixels. */
export const SIDE = 28;
/** The side of the box in an MNIST image that holds the digit, in pixels. */
export const BOX = 20;
/** The widths of stroke that are left as they are, in pixels of 28 × 28; thinner ones are widened and wider ones
 * thinned. */
export const STROKE = [2.0, 4.2];
/** The stroke's width is changed on a grid so much finer than the result's. */
export const FINE = 4;
/** What is wider than this share of its longer side is no stroke, but an area: the widest brush stays below it. */
export const AREA = 0.35;

/**
 * Bring one digit into the form of MNIST's images.
 *
 * @param {Grid} ink - Bytes, 0 = paper, 255 = ink: one digit, anywhere.
 * @param {?number[]} stroke - The least and the greatest width of stroke in the result, in pixels; null leaves the
 *   stroke as it is.
 * @returns {Grid} 28 × 28 bytes: the digit with its longer side scaled to 20 pixels and its centre of mass on pixel
 *   (14, 14); 0 = background, 255 = ink. All 0 if there is no ink.
 */
export function normaliseDigit(ink, stroke = STROKE) {
  let digit = trim(ink);
  if (digit.size === 0) return Grid.full(SIDE, SIDE);
  if (stroke !== null) digit = limitStroke(digit, ...stroke);
  digit = fit(digit, BOX);
  const { height, width } = digit;
  const moments = cv2.moments(digit);
  const mass = Math.max(moments.m00, 1);
  // MNIST's images have their centre of mass on pixel (14, 14), counted from 0 (notebook 02 measures it).
  const left = clip(round(SIDE / 2 - moments.m10 / mass), 0, SIDE - width);
  const top = clip(round(SIDE / 2 - moments.m01 / mass), 0, SIDE - height);
  return Grid.full(SIDE, SIDE).paste(digit, top, left);
}

/**
 * Widen a thin stroke and thin a wide one.
 *
 * @param {Grid} ink - Bytes, 0 = paper, 255 = ink: one digit.
 * @param {number} least - The limits, in pixels of the digit when its longer side is scaled to 20.
 * @param {number} greatest
 * @returns {Grid} The digit without a margin; as it was, if its stroke is within the limits.
 */
export function limitStroke(ink, least, greatest) {
  const digit = trim(ink);
  if (digit.size === 0) return digit;
  const fine = FINE * BOX;
  const scale = fine / Math.max(digit.height, digit.width);
  let large = fit(digit.pad(1), fine);
  // smooths the steps of large pixels
  if (scale > 1.5) large = cv2.GaussianBlur(large, Math.max(0.35 * scale, 0.5));
  const mask = inkMask(large);
  const width = strokeWidth(mask);
  let target = clip(width, FINE * least, FINE * greatest);
  if (width === 0 || Math.abs(target - width) < 0.3) return digit;
  // The wider stroke makes the digit larger, and scaling that back to the box makes the stroke thinner again.
  target *= (fine - width) / (fine - target);
  const depth = shiftOutline(mask, (target - width) / 2);
  const shifted = Grid.full(depth.height, depth.width);
  for (let i = 0; i < depth.size; i++) {
    shifted.data[i] = Math.fround(255 * clip(Math.fround(depth.data[i] + 0.5), 0, 1));
  }
  return trim(shifted);
}

/**
 * Measure the typical width of a stroke.
 *
 * @param {Grid} mask - Bytes, not 0 = ink.
 * @returns {number} In pixels; 0 if there is no ink. Inside a long stroke, the distance to its edge rises from 0 to
 *   half of its width, so that the mean distance is a quarter of the width.
 */
export function strokeWidth(mask) {
  const distances = cv2.distanceTransform(mask.pad(1)).data;
  const inside = new Float32Array(distances.length);
  let count = 0;
  for (let i = 0; i < distances.length; i++) if (distances[i] > 0) inside[count++] = distances[i];
  return count ? 4 * Math.fround(mean32(inside.subarray(0, count)) - 0.5) : 0;
}

/** Say whether ink, without a margin, is a filled area, such as a square or a blot, and no strokes. */
export function isArea(ink) {
  return strokeWidth(inkMask(ink)) > AREA * Math.max(ink.height, ink.width);
}

/**
 * Say whether ink, without a margin, is struck out: an area, once the gaps in it are filled.
 *
 * The gaps are up to two widths of the stroke wide, and no wider than an eighth of the ink: a digit's loops are.
 */
export function isScribble(ink) {
  const mask = inkMask(ink);
  const size = 2 * round(Math.min(strokeWidth(mask), Math.max(ink.height, ink.width) / 16)) + 1;
  const kernel = cv2.getStructuringElement("MORPH_ELLIPSE", size, size);
  const closed = cv2.closeMask(mask.pad(size), kernel).crop(size, size, ink.height, ink.width);
  return strokeWidth(closed) > AREA * Math.max(ink.height, ink.width);
}

/**
 * Move the outline of ink outwards.
 *
 * @param {Grid} mask - Bytes, 0 = paper, 1 = ink.
 * @param {number} distance - How far, in pixels; negative: inwards.
 * @returns {Grid} How deep each pixel lies within the moved outline, in pixels, float32; negative outside. There is
 *   as much margin around the image as the ink needs.
 */
export function shiftOutline(mask, distance) {
  const padded = mask.pad(Math.max(0, Math.ceil(distance)) + 2);
  const paper = Grid.full(padded.height, padded.width);
  for (let i = 0; i < paper.size; i++) paper.data[i] = 1 - padded.data[i];
  const inside = cv2.distanceTransform(padded).data;
  const outside = cv2.distanceTransform(paper).data;
  const far = Math.fround(distance);
  const depth = Grid.full(padded.height, padded.width, 0, Float32Array);
  for (let i = 0; i < depth.size; i++) {
    depth.data[i] = Math.fround(padded.data[i] ? inside[i] - 0.5 : 0.5 - outside[i]) + far;
  }
  return depth;
}

/** Cut off the empty margin around ink, bytes; nothing is left if there is no ink. */
export function trim(ink) {
  const [x, y, w, h] = inkBounds(ink);
  return w === ink.width && h === ink.height ? ink : ink.crop(y, x, h, w);
}

/**
 * Bring images into the form that the networks take.
 *
 * @param {Grid[]} images - 28 × 28 bytes, 0 = background, 255 = ink.
 * @returns {Float32Array} The pixels of all of them, one image after the other, in [0, 1].
 */
export function scalePixels(images) {
  const pixels = new Float32Array(images.length * SIDE * SIDE);
  for (const [index, image] of images.entries()) {
    for (let i = 0; i < image.size; i++) pixels[index * SIDE * SIDE + i] = image.data[i] / 255;
  }
  return pixels;
}

/** Where ink is, 1, and where paper, 0: what is above 127 is ink. */
export function inkMask(ink) {
  const mask = Grid.full(ink.height, ink.width);
  for (let i = 0; i < mask.size; i++) mask.data[i] = ink.data[i] > 127 ? 1 : 0;
  return mask;
}

/**
 * Find the smallest box around the ink: `cv2.boundingRect(ink > 127)`, without a look at all of it.
 *
 * @param {Grid} ink - Bytes.
 * @param {ArrayLike<number>} starts - In each row, only what is from this column on counts …
 * @param {ArrayLike<number>} ends - … to before this one; without them, all does.
 * @returns {number[]} Left, top, width and height; all 0 if there is none.
 */
export function inkBounds(ink, starts = null, ends = null) {
  const { data, height, width } = ink;
  let [left, right, top, bottom] = [width, -1, -1, -1];
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const [start, end] = [starts ? starts[y] : 0, ends ? ends[y] : width];
    let first = start; // up to the leftmost ink so far
    while (first < end && data[row + first] <= 127) first++;
    if (first >= end) continue;
    if (top < 0) top = y;
    bottom = y;
    if (first < left) left = first;
    let last = end - 1; // and from the right, down to the rightmost
    while (last > right && data[row + last] <= 127) last--;
    if (last > right) right = last;
  }
  return top < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
}

/* Scale the longer side to so many pixels. */
function fit(ink, longer) {
  const scale = longer / Math.max(ink.height, ink.width);
  const [width, height] = [Math.max(1, round(ink.width * scale)), Math.max(1, round(ink.height * scale))];
  return cv2.resize(ink, width, height, scale < 1 ? "INTER_AREA" : "INTER_LINEAR");
}
