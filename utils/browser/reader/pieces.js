/* As `utils/reader/pieces.py`: what finding digits and cutting them apart share: boxes, pieces of ink, and the judge
   that is asked about them. */

import { DigitsError } from "./errors.js";
import { round } from "./grids.js";

/**
 * Says of images, 28 × 28 with 0 to 255, how sure it is that each is a digit: 0 to 1.
 *
 * @typedef {function(Grid[]): Promise<Float32Array|number[]>} Judge
 */

/** By how much the judge must be surer of a digit joined than of its parts. */
export const SURER = 0.15;

/**
 * Where a digit is: left, top, width and height in pixels of the image.
 *
 * @typedef {{x: number, y: number, w: number, h: number}} Box
 */

/** Return the box in an image that is so many times as high and as wide. */
export function scaled(box, down, across) {
  const left = round(box.x * across);
  const top = round(box.y * down);
  return {
    x: left,
    y: top,
    w: Math.max(1, round((box.x + box.w) * across) - left),
    h: Math.max(1, round((box.y + box.h) * down) - top),
  };
}

/** There is more ink in more parts than on any page of digits, and sorting it would take minutes. */
export class TooManyMarksError extends DigitsError {}

/**
 * How much ink may still be looked at on a page.
 *
 * Whatever is cut out is counted: a piece as one, a large one as one more for every `LARGE` of its pixels, which take
 * as long, and so is a tiny one, which has to be enlarged. A page of 2,500 digits stays below the limit.
 */
export class Effort {
  /** How many pieces are looked at, at most. */
  static MOST = 15_000;
  static LARGE = 60_000;

  spent = 0;

  /**
   * Count a piece, or several of the same size.
   *
   * @throws {TooManyMarksError} It is one too many.
   */
  spend(box, times = 1) {
    this.spent += times * (1 + Math.floor((box.w * box.h) / Effort.LARGE) + Math.floor(10 / Math.max(box.w, box.h, 1)));
    if (this.spent > Effort.MOST) {
      throw new TooManyMarksError("too many marks for a page of digits: crop the image to its digits, or clean it");
    }
  }
}

/**
 * A piece of ink and where it is: 0 = paper, 255 = ink.
 *
 * @typedef {{box: Box, ink: Grid}} Piece
 */

/** Return the smallest box around all of them. */
export function union(boxes) {
  let [x, y, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of boxes) {
    x = Math.min(x, box.x);
    y = Math.min(y, box.y);
    right = Math.max(right, box.x + box.w);
    bottom = Math.max(bottom, box.y + box.h);
  }
  return { x, y, w: right - x, h: bottom - y };
}

/** Count the columns and the rows that two boxes share, `[across, down]`; negative: the gap between them. */
export function sharedExtent(a, b) {
  return [Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x), Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y)];
}
