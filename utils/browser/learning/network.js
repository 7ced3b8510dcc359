/* A small network, and how it learns: notebooks 03 and 04 in plain JavaScript.

Everything is spelled out with loops over plain arrays, because here one is meant to see it. Matrices are stored row by
row: `w[i * outputs + j]` is the weight from input i to output j. */

export const PIXELS = 784;
export const DIGITS = 10;

/** Random numbers from 0 to 1, the same for the same seed (mulberry32, by Tommy Ettinger). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The place of the largest of some numbers: of ten probabilities, the digit that is read. */
export const largest = (numbers) => numbers.indexOf(Math.max(...numbers));

/**
 * Make a network of dense layers. Without a hidden layer, the weights start at 0, as in notebook 03. With one, they must
 * not: the hidden neurons would stay alike, and give 0. They are drawn at random by Glorot's rule, as by Keras.
 *
 * @param {number} hidden - How many hidden neurons; 0 for softmax regression.
 * @param {function(): number} draw - Gives random numbers from 0 to 1.
 * @returns {{inputs: number, outputs: number, w: Float32Array, b: Float32Array}[]} Its layers.
 */
export function makeNetwork(hidden, draw) {
  const sizes = hidden ? [PIXELS, hidden, DIGITS] : [PIXELS, DIGITS];
  return sizes.slice(1).map((outputs, layer) => {
    const inputs = sizes[layer];
    const most = hidden ? Math.sqrt(6 / (inputs + outputs)) : 0;
    const w = Float32Array.from({ length: inputs * outputs }, () => most * (2 * draw() - 1));
    return { inputs, outputs, w, b: new Float32Array(outputs) };
  });
}

/** The probabilities that belong to logits: positive, and together 1. In place. */
export function softmax(logits) {
  const most = Math.max(...logits); // taken away first, so that no power is too large
  let total = 0;
  for (let j = 0; j < logits.length; j++) total += logits[j] = Math.exp(logits[j] - most);
  for (let j = 0; j < logits.length; j++) logits[j] /= total;
  return logits;
}

/**
 * Go forward through the network with one image.
 *
 * @param {object[]} network - As of `makeNetwork`.
 * @param {Float32Array} x - Its pixels, 0 to 1.
 * @returns {Float32Array[]} What comes out of each layer: hidden neurons after ReLU, and last the ten probabilities.
 */
export function forward(network, x) {
  const outs = [];
  for (const [index, { inputs, outputs, w, b }] of network.entries()) {
    const out = b.slice();
    for (let i = 0; i < inputs; i++) {
      if (x[i] === 0) continue; // most pixels are paper
      for (let j = 0, at = i * outputs; j < outputs; j++, at++) out[j] += x[i] * w[at];
    }
    if (index === network.length - 1) softmax(out);
    else for (let j = 0; j < outputs; j++) out[j] = Math.max(0, out[j]);
    outs.push(out);
    x = out;
  }
  return outs;
}

/** The loss of one image: −log of what the right digit was given. */
export const crossEntropy = (p, digit) => -Math.log(Math.max(p[digit], 1e-12));

/**
 * Learn from one batch: add up the slopes of its images, and take one step against their mean.
 *
 * @param {object[]} network - Changed in place.
 * @param {Float32Array[]} images - Pixels, 0 to 1.
 * @param {Uint8Array} labels - The digit on each.
 * @param {number} rate - The learning rate.
 * @returns {{loss: number, right: number}} The sum of the losses before the step, and how many were read correctly.
 */
export function learn(network, images, labels, rate) {
  const slopes = network.map(({ w, b }) => ({ w: new Float32Array(w.length), b: new Float32Array(b.length) }));
  let [loss, right] = [0, 0];
  for (let n = 0; n < images.length; n++) {
    const outs = forward(network, images[n]);
    const p = outs[outs.length - 1];
    loss += crossEntropy(p, labels[n]);
    if (largest(p) === labels[n]) right++;
    let error = p.slice(); // softmax with cross-entropy: the slope of each logit is p − one-hot
    error[labels[n]] -= 1;
    for (let index = network.length - 1; index >= 0; index--) {
      const x = index ? outs[index - 1] : images[n];
      const { inputs, outputs, w } = network[index];
      const slope = slopes[index];
      for (let j = 0; j < outputs; j++) slope.b[j] += error[j];
      const before = index ? new Float32Array(inputs) : null; // the error that goes back to the layer below
      for (let i = 0; i < inputs; i++) {
        if (x[i] === 0) continue; // no slope: for a pixel of paper, and for a neuron that ReLU has shut
        let back = 0;
        for (let j = 0, at = i * outputs; j < outputs; j++, at++) {
          slope.w[at] += x[i] * error[j]; // what came in, times the error that came out
          back += w[at] * error[j];
        }
        if (before) before[i] = back;
      }
      error = before;
    }
  }
  for (const [index, { w, b }] of network.entries()) {
    const step = rate / images.length;
    for (let at = 0; at < w.length; at++) w[at] -= step * slopes[index].w[at];
    for (let j = 0; j < b.length; j++) b[j] -= step * slopes[index].b[j];
  }
  return { loss, right };
}

/**
 * Measure a network on images that are not learned from.
 *
 * @returns {{loss: number, accuracy: number, dead: number}} The mean loss; the share that is read correctly; and how many
 *   hidden neurons are 0 for each of the images.
 */
export function measure(network, images, labels) {
  let [loss, right] = [0, 0];
  const awake = new Set();
  for (let n = 0; n < images.length; n++) {
    const outs = forward(network, images[n]);
    const p = outs.pop();
    loss += crossEntropy(p, labels[n]);
    if (largest(p) === labels[n]) right++;
    for (const hidden of outs) hidden.forEach((value, j) => value > 0 && awake.add(j));
  }
  const neurons = network.length > 1 ? network[0].outputs : 0;
  return { loss: loss / images.length, accuracy: right / images.length, dead: neurons - awake.size };
}

/** Put numbers in a random order, in place: Fisher and Yates. */
export function shuffle(numbers, draw) {
  for (let last = numbers.length - 1; last > 0; last--) {
    const other = Math.floor(draw() * (last + 1));
    [numbers[last], numbers[other]] = [numbers[other], numbers[last]];
  }
  return numbers;
}
