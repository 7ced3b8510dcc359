/* As `utils/reader/reading.py`, step by step: 28 × 28 pixels → probabilities → text, and a whole page from end to
   end. */

import { holdsNoDigits } from "./doubt.js";
import { DigitsError } from "./errors.js";
import { argmax, largest, median, round } from "./grids.js";
import { preparePage } from "./images.js";
import { isScribble } from "./normalise.js";
import { TooManyMarksError } from "./pieces.js";

/**
 * A trained network: of images, 28 × 28 with 0 = background and 255 = ink, the probability of each digit.
 *
 * @typedef {{predict: function(Grid[]): Promise<Float32Array[]>}} Network
 */

/** A digit is marked unsure below this probability; notebook 09 shows how it was chosen. */
export const SURE = 0.8;
/** On a page with digits that are read for sure, what is below this, and stands outside their lines or has another
 * height, is left out: a crumb, the grain of a table; and so is a scribble. */
export const NO_DIGIT = 0.3;

/** One digit that was read. */
export class Digit {
  /**
   * @param {object} of
   * @param {number} of.digit - 0 to 9.
   * @param {number} of.probability - What the network gives it, 0 to 1.
   * @param {Box} of.box - Where it is in the image.
   * @param {number} of.line - The line that it stands in, counted from 0.
   * @param {number[]} of.probabilities - What the network gives to each of the ten digits; they add up to 1.
   * @param {number} of.turn - By how many degrees counterclockwise the image was turned to read it, since it lay on its
   *   side or upside down.
   * @param {boolean} of.doubted - Whether the page that it is from does not look like digits.
   */
  constructor({ digit, probability, box, line = 0, probabilities = [], turn = 0, doubted = false }) {
    Object.assign(this, { digit, probability, box, line, probabilities, turn, doubted });
  }

  /** Whether the probability reaches `SURE`, on a page that looks like digits. */
  get confident() {
    return this.probability >= SURE && !this.doubted;
  }

  toString() {
    return `${this.digit}${this.confident ? "" : "?"}`;
  }
}

/** What was read in one file. */
export class Reading {
  /**
   * @param {string} file - The file, as it was named.
   * @param {Digit[]} digits - In reading order; empty if there is none.
   * @param {object} more
   * @param {?string} more.error - Why the file could not be read, or null.
   * @param {?Grid[]} more.images - What the network saw: 28 × 28 bytes, one for each digit.
   * @param {?string} more.crowded - Why no digit was looked for in an image that has too much on it, or null.
   */
  constructor(file, digits = [], { error = null, images = null, crowded = null } = {}) {
    Object.assign(this, { file, digits, error, images, crowded });
  }

  /** The digits as a string: each line from left to right, the lines joined by a line break. */
  get text() {
    return this.#join((digit) => digit.digit);
  }

  /** The text, with a `?` behind each digit that is not sure. */
  get marked() {
    return this.#join((digit) => digit);
  }

  /** Whether there is a digit, and all of them are sure. */
  get confident() {
    return this.digits.length > 0 && this.digits.every((digit) => digit.confident);
  }

  /** What there is to say of an image: nothing in it, no digits by the looks of it, or not read upright; or null. */
  get note() {
    if (this.digits.some((digit) => digit.doubted)) return "this does not look like digits";
    const turn = this.digits.length && this.digits[0].turn;
    if (turn) return turn === 180 ? "read upside down" : "read on its side";
    return this.crowded || (this.error === null && !this.digits.length ? "no digit found" : null);
  }

  #join(form) {
    const lines = [];
    for (const digit of this.digits) lines[digit.line] = `${lines[digit.line] ?? ""}${form(digit)}`;
    return lines.filter((line) => line !== undefined).join("\n");
  }

  /** Return what `--json` prints of it, and the service sends. */
  record() {
    const digits = this.digits.map(({ digit, probability, confident, box: { x, y, w, h }, line, probabilities }) => ({
      digit,
      probability,
      confident,
      box: [x, y, w, h],
      line,
      probabilities,
    }));
    return { file: this.file, text: this.text, digits, note: this.note, error: this.error };
  }
}

/**
 * Let a network judge prepared images.
 *
 * @param {Network} network
 * @param {Grid[]} images - 28 × 28 bytes, 0 = background, 255 = ink.
 * @returns {Promise<Float32Array[]>} The probability of each digit, for each image; they add up to 1.
 */
export async function predictProbabilities(network, images) {
  return images.length ? network.predict(images) : [];
}

/**
 * Read the digits in a grey image.
 *
 * @param {Network} network - It is asked where the geometry leaves open what is one digit, too.
 * @param {Grid} grey - Bytes, 0 = black, 255 = white.
 * @returns {Promise<{digits: Digit[], images: Grid[]}>} In reading order; and what the network saw of each, 28 × 28.
 * @throws {DigitsError} There are more marks in it than on any page of digits.
 */
export async function readPage(network, grey) {
  const read = (images) => predictProbabilities(network, images);
  const judge = async (pieces) => (await read(pieces)).map((row) => largest(row));
  const { digits: found, images, turn } = await preparePage(grey, judge, read);
  const table = await read(images);
  const sure = table.map((row) => largest(row, 0));
  const kept = keepReadable(found, sure);
  const doubted = holdsNoDigits(
    kept.map((index) => found[index]),
    kept.map((index) => sure[index]),
  );
  const lines = [...new Set(kept.map((index) => found[index].line))].sort((a, b) => a - b);
  const digits = kept.map(
    (index) =>
      new Digit({
        digit: argmax(table[index]),
        probability: toFourPlaces(sure[index]),
        box: found[index].box,
        line: lines.indexOf(found[index].line),
        probabilities: Array.from(table[index], toFourPlaces),
        turn,
        doubted,
      }),
  );
  return { digits, images: kept.map((index) => images[index]) };
}

/* Python's round(value, 4) of a float32, of which the product is exact. */
function toFourPlaces(value) {
  return round(value * 1e4) / 1e4;
}

/**
 * Leave out crumbs and grain beside digits, and what was struck out.
 *
 * @param {Found[]} found - What was found on a page.
 * @param {number[]} sure - The highest probability that the network gives to a digit, for each.
 * @returns {number[]} The indices of the others: all, if none is read for sure.
 */
export function keepReadable(found, sure) {
  const heights = new Map();
  found.forEach(({ line, box }, index) => {
    if (sure[index] >= SURE) heights.set(line, [...(heights.get(line) ?? []), box.h]);
  });
  const isKept = ({ line, box, ink }, index) =>
    sure[index] >= NO_DIGIT || !heights.size || (fits(box.h, heights.get(line) ?? []) && !isScribble(ink));
  return [...found.keys()].filter((index) => isKept(found[index], index));
}

function fits(height, others) {
  const ratio = height / median(others); // not a number if there are none
  return 0.6 < ratio && ratio < 1.6;
}

/**
 * Read the digits in one image.
 *
 * @param {Network} network
 * @param {string} file - The image's name.
 * @param {Grid|Promise<Grid>} grey - The image, in grey: bytes, 0 = black, 255 = white.
 * @returns {Promise<Reading>} What it says. An image that cannot be read is no exception here: the reason is in
 *   `error`. Nor is one with too much on it: the reason is in `note`.
 */
export async function readDigits(network, file, grey) {
  try {
    const { digits, images } = await readPage(network, await grey);
    return new Reading(file, digits, { images });
  } catch (error) {
    if (error instanceof TooManyMarksError) return new Reading(file, [], { crowded: error.message });
    if (error instanceof DigitsError) return new Reading(file, [], { error: error.message });
    throw error;
  }
}
