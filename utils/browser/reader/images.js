/* From a grey image to 28 × 28 pixels that look like MNIST's: the part of reading that needs no network.

As `prepare_page` of `utils/reader/images.py`, step by step. */

import { undoDithering } from "./halftone.js";
import { extractInk } from "./ink.js";
import { normaliseDigit } from "./normalise.js";
import { findSheet, liftSheet, locate } from "./paper.js";
import { scaled } from "./pieces.js";
import { findDigits } from "./segmentation.js";
import { findTurn, turnBack } from "./turning.js";

/**
 * An image's digits, ready for a network.
 *
 * @typedef {object} Prepared
 * @property {Found[]} digits - In reading order, their boxes in pixels of the image.
 * @property {Grid[]} images - The digits, in the form of MNIST's images: 28 × 28, uint8.
 * @property {number} turn - By how many degrees counterclockwise the page was turned to be read: 0, 90, 180 or 270.
 */

/**
 * Take all the steps from a grey image to what a network reads, and say how the page lay.
 *
 * @param {Grid} grey - uint8: 0 = black, 255 = white.
 * @param {?Judge} judge - Decides what `findDigits` cannot see from the geometry alone.
 * @param {?function(Grid[]): Promise<Float32Array[]>} read - Gives of images, 28 × 28, the probability of each digit;
 *   with it, the page may lie on its side or upside down.
 * @returns {Promise<Prepared>} The digits, their images, and the turn.
 */
export async function preparePage(grey, judge = null, read = null) {
  grey = undoDithering(grey); // before it is taken for a rough table
  const sheet = liftSheet(grey, findSheet(grey));
  const ink = extractInk(sheet.grey);
  const turn = read ? await findTurn(ink, read) : 0;
  const page = { ...(await findAndNormalise(ink.turned(turn), judge)), turn: 90 * turn };
  const scale = [sheet.grey.height / Math.max(ink.height, 1), sheet.grey.width / Math.max(ink.width, 1)];

  const toImage = (box) => locate(sheet, scaled(turnBack(box, turn, [ink.height, ink.width]), ...scale));

  return { ...page, digits: page.digits.map((digit) => ({ ...digit, box: toImage(digit.box) })) };
}

async function findAndNormalise(ink, judge) {
  const digits = await findDigits(ink, judge);
  return { digits, images: digits.map((digit) => normaliseDigit(digit.ink)) };
}
