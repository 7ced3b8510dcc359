/* A trained network in LiteRT's format, as `utils/reader/exported.py`'s; and a look into it, as
`utils/widgets/inside.py` takes it. */

import { Grid, argmax, clip } from "./grids.js";
import { SIDE, scalePixels } from "./normalise.js";

const PATCH = 5; // the side of the white square that is laid on an image, in pixels

/** A network that reads one image at a time, and says what its first two blocks let through. */
export class ExportedNetwork {
  /**
   * @param {object} litert - LiteRT.js, loaded.
   * @param {object} model - The network, compiled: takes 28 × 28 pixels from 0 to 1, gives probabilities and pictures.
   */
  constructor(litert, model) {
    this.litert = litert;
    this.model = model;
  }

  /**
   * Judge prepared images.
   *
   * @param {Grid[]} images - 28 × 28 each, 0 = background, 255 = ink.
   * @returns {Promise<Float32Array[]>} The probability of each digit.
   */
  async predict(images) {
    const table = [];
    for (const image of images) table.push((await this.run(image))[0].values);
    return table;
  }

  /**
   * Say what the network sees in an image, and on which pixels its answer rests.
   *
   * @param {Uint8Array} pixels - 784 of them.
   * @returns {Promise<object>} As of `lookInside` in `page/asking.js`.
   */
  async lookInside(pixels) {
    const image = new Grid(pixels, SIDE, SIDE);
    const [{ values: table }, ...blocks] = await this.run(image);
    const digit = argmax(table);
    const odds = (share) => Math.log(clip(share, 1e-7, 1 - 1e-7) / (1 - clip(share, 1e-7, 1 - 1e-7)));
    const drop = new Float32Array(SIDE * SIDE);
    for (let index = 0; index < drop.length; index++) {
      const covered = cover(image, Math.floor(index / SIDE), index % SIDE);
      if (covered) drop[index] = odds(table[digit]) - odds((await this.run(covered))[0].values[digit]);
    }
    return { digit, drop, blocks: blocks.map(separate) };
  }

  /* What the network gives for one image, the shape and the values of each output: the probabilities, then the pictures
  of each block; they become smaller from block to block, and a file may list them in any order. */
  async run(image) {
    const pixels = new this.litert.Tensor(scalePixels([image]), [1, SIDE, SIDE, 1]);
    const outputs = await this.model.run([pixels]);
    pixels.delete();
    const given = [];
    for (const output of outputs) {
      given.push({ shape: [...output.type.layout.dimensions], values: (await output.data()).slice() });
      output.delete();
    }
    const rank = ({ shape }) => (shape.length === 2 ? Infinity : shape[1]);
    return given.sort((a, b) => rank(b) - rank(a));
  }
}

/* The image with a white square around a place; nothing, if there is no ink to cover. */
function cover(image, row, column) {
  const half = (PATCH - 1) / 2;
  const covered = image.copy();
  let ink = 0;
  for (let y = Math.max(0, row - half); y <= Math.min(SIDE - 1, row + half); y++) {
    for (let x = Math.max(0, column - half); x <= Math.min(SIDE - 1, column + half); x++) {
      ink += covered.data[y * SIDE + x];
      covered.data[y * SIDE + x] = 0;
    }
  }
  return ink ? covered : null;
}

/* One picture for each channel: (1, h, w, channels) → channels × (h, w). */
function separate({ shape: [, height, width, channels], values }) {
  const maps = Array.from({ length: channels }, () => new Float32Array(height * width));
  for (let i = 0; i < values.length; i++) maps[i % channels][Math.floor(i / channels)] = values[i];
  return { height, width, maps };
}
