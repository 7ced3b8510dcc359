/* Undoing dithering: black and white dots → shades of grey. As `utils/reader/halftone.py`, step by step. */

import * as cv2 from "./cv2.js";
import { Grid, largest, smallest, sum } from "./grids.js";

/** A smaller image has no room for dots beside its strokes. */
const SMALLEST = 100;
/** Of the pixels of the rarer value, dots are more than this share; a drawing has hardly any. */
const DOTS = 0.02;
/** The low pass's standard deviation, in pixels. */
const BLUR = 2.0;

/**
 * Turn an image of black and white dots into shades of grey.
 *
 * @param {Grid} grey - 8 bits, 0 = black, 255 = white.
 * @returns {Grid} Smoothed, if it is dithered; itself, if it has shades or clean strokes of one shade.
 */
export function undoDithering(grey) {
  return Math.max(grey.height, grey.width) >= SMALLEST && isDithered(grey) ? cv2.GaussianBlur(grey, BLUR) : grey;
}

/**
 * Say whether an image has two shades and many pixels that no neighbour shares theirs with.
 *
 * @param {Grid} grey - 8 bits.
 * @returns {boolean}
 */
export function isDithered(grey) {
  const few = every16th(grey);
  if (hasShades(few, smallest(few), largest(few))) return false; // tells most photos
  const { data } = grey;
  let [low, high] = [255, 0];
  for (let i = 0; i < data.length; i++) {
    if (data[i] < low) low = data[i];
    if (data[i] > high) high = data[i];
  }
  if (low === high || hasShades(data, low, high)) return false;
  // Numbers, not branches: in dots, a processor cannot guess which way the next one goes.
  const light = Grid.full(grey.height, grey.width);
  for (let i = 0; i < data.length; i++) light.data[i] = (data[i] === high) | 0;
  const same = cv2.filter2D(light, new Grid(Float32Array.of(0, 1, 0, 1, 0, 1, 0, 1, 0), 3, 3)).data;
  let dots = 0;
  for (let i = 0; i < data.length; i++) dots += (same[i] === 4 - 4 * light.data[i]) | 0;
  const lights = sum(light.data);
  return dots > DOTS * Math.min(lights, data.length - lights);
}

/* Whether there is anything between the lowest value and the highest. */
function hasShades(values, low, high) {
  for (let i = 0; i < values.length; i++) if (values[i] > low && values[i] < high) return true;
  return false;
}

/* `grey[::16, ::16]`, as a list. */
function every16th(grey) {
  const values = [];
  for (let y = 0; y < grey.height; y += 16) for (let x = 0; x < grey.width; x += 16) values.push(grey.at(y, x));
  return values;
}
