/* As `utils/reader/doubt.py`: does a page hold digits at all? A network that is shown anything finds some digits in it:
   here the page is judged, by what is measured and weighed there. */

import { mean, mean32, sum } from "./grids.js";
import { isArea } from "./normalise.js";

/** A page is taken for one without digits above this probability: to be silent about digits is twice as bad as to read
 * some where there are none. */
export const NO_PAGE = 2 / 3;

/**
 * What speaks against a page of digits: 0 is a perfect one.
 *
 * @typedef {object} Evidence
 * @property {number} unknown - How little the network knows what was found: the mean of -log(probability), up to
 *   log(10).
 * @property {number} uneven - How much the pieces differ in size: the standard deviation of the logarithm of their
 *   longer sides.
 * @property {number} areas - Which share of the pieces is no strokes, but a filled area.
 * @property {number} nested - Which share of the pieces lies within another one, or around it, by more than half of the
 *   smaller box.
 * @property {number} bars - How improbable it is that so many of the pieces are 1s: Chernoff's bound (1952), as the
 *   number of digits in a row that would all have to be 1s; 1 for twenty and more.
 */

/** What is so many times as long as wide is a bar, as most 1s are; of ten digits, one is. */
export const BAR = 4;
export const ONES = 0.1;
/** The weights of the evidence, as the logarithm of the odds that there are no digits; `BIAS` is that of a perfect
 * page. That of the bars is set: up to 4, ten 1s in a row are a page. */
export const BIAS = -1.33;
export const WEIGHTS = { unknown: 5.27, uneven: 1.6, areas: 5.12, nested: 3.93, bars: 3.4 };

/**
 * Measure what speaks against digits.
 *
 * @param {Found[]} found - At least one.
 * @param {Float32Array|number[]} sure - The highest probability that the network gives to a digit, for each.
 * @returns {Evidence} None of it depends on the size of the image.
 */
export function gatherEvidence(found, sure) {
  const longer = found.map(({ ink }) => Math.max(ink.height, ink.width));
  const shorter = found.map(({ ink }) => Math.min(ink.height, ink.width));
  return {
    unknown: -mean32(Float32Array.from(sure, (probability) => Math.log(Math.max(probability, Math.fround(0.1))))),
    uneven: deviation(longer.map(Math.log)),
    areas: mean(found.map(({ ink }) => (isArea(ink) ? 1 : 0))),
    nested: mean(nested(found.map(({ box }) => box))),
    bars: bars(longer, shorter),
  };
}

/* The standard deviation. */
function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

/* Say how improbable it is that so many are bars: the logarithm of Chernoff's bound, 0 to 1. */
function bars(longer, shorter) {
  const share = mean(longer.map((side, i) => (side >= BAR * shorter[i] ? 1 : 0)));
  if (share <= ONES) return 0;
  const rest = share < 1 ? (1 - share) * Math.log((1 - share) / (1 - ONES)) : 0;
  return Math.min(1, (longer.length * (share * Math.log(share / ONES) + rest)) / (-20 * Math.log(ONES)));
}

/* Say which boxes share more than half of the smaller one with another: 1, or 0. */
function nested(boxes) {
  return boxes.map((one) => {
    const within = boxes.filter((other) => {
      const across = Math.min(other.x + other.w, one.x + one.w) - Math.max(other.x, one.x);
      const down = Math.min(other.y + other.h, one.y + one.h) - Math.max(other.y, one.y);
      return Math.max(across, 0) * Math.max(down, 0) > 0.5 * Math.min(other.w * other.h, one.w * one.h);
    });
    return within.length > 1 ? 1 : 0; // each shares all of itself with itself
  });
}

/** Weigh the evidence: the probability that a page with it holds no digits, 0 to 1. */
export function probabilityOfNone(evidence) {
  const weighed = sum(Object.keys(WEIGHTS).map((name) => WEIGHTS[name] * evidence[name]));
  return 1 / (1 + Math.exp(-(BIAS + weighed)));
}

/**
 * Say whether a page does not look like digits.
 *
 * @param {Found[]} found - As of `gatherEvidence`; none found is nothing to be judged.
 * @param {Float32Array|number[]} sure - The same.
 * @returns {boolean} Whether that is more probable than `NO_PAGE`.
 */
export function holdsNoDigits(found, sure) {
  return found.length > 0 && probabilityOfNone(gatherEvidence(found, sure)) > NO_PAGE;
}
