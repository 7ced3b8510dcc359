/* The training, beside the page, so that the page stays alive. */

import { PIXELS, forward, learn, makeNetwork, measure, random, shuffle } from "./network.js";

const TRAINING = 4000; // of the 5,000 digits; the others are never learned from
const ALL = 5000;

let digits = null; // a promise of the images and the labels
let network = null;
let running = 0; // the number of the training that runs; another one, or none, ends it

async function getDigits() {
  const response = await fetch(new URL("digits.bin", import.meta.url));
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const unpacked = new Response(response.body.pipeThrough(new DecompressionStream("gzip")));
  const bytes = new Uint8Array(await unpacked.arrayBuffer());
  const images = Array.from({ length: ALL }, (_, n) =>
    Float32Array.from(bytes.subarray(ALL + n * PIXELS, ALL + (n + 1) * PIXELS), (value) => value / 255),
  );
  return { images, labels: bytes.subarray(0, ALL) };
}

async function train(number, { hidden, rate, batch, epochs }) {
  const { images, labels } = await (digits ??= getDigits()).catch((error) => {
    digits = null; // the next training asks again
    throw new Error(`the digits did not come (${error.message}). Is there a connection?`);
  });
  if (number !== running) return postMessage({ stopped: true });
  network = makeNetwork(hidden, random(0));
  const draw = random(1); // for the order of the images alone: it is the same for whatever network
  const order = Array.from({ length: TRAINING }, (_, n) => n);
  const unseen = [images.slice(TRAINING), labels.subarray(TRAINING)];
  const began = performance.now();
  postMessage({ epoch: 0, ...report(unseen) });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    shuffle(order, draw);
    let [loss, right] = [0, 0];
    for (let start = 0; start < TRAINING; start += batch) {
      const chosen = order.slice(start, start + batch);
      const done = learn(network, chosen.map((n) => images[n]), Uint8Array.from(chosen, (n) => labels[n]), rate);
      loss += done.loss;
      right += done.right;
      if (start % 512 < batch) await breathe();
      if (number !== running) return postMessage({ stopped: true });
    }
    const training = { loss: loss / TRAINING, accuracy: right / TRAINING };
    postMessage({ epoch, training, seconds: (performance.now() - began) / 1000, ...report(unseen) });
  }
  postMessage({ finished: true });
}

/* What the page shows after an epoch: how well new digits are read; the weights of the first layer, and of how many
neurons. */
function report(unseen) {
  const { w, outputs } = network[0];
  return { unseen: measure(network, ...unseen), weights: w.slice(), pictures: outputs };
}

/* Let messages in: a training that is asked to stop stops here. */
const breathe = () => new Promise((resolve) => setTimeout(resolve));

self.onmessage = ({ data }) => {
  if (data.train) train(++running, data.train).catch((error) => postMessage({ failure: error.message }));
  else if (data.stop) running++;
  else if (data.read) {
    const pixels = Float32Array.from(data.read, (value) => value / 255);
    postMessage({ probabilities: [...forward(network, pixels).pop()] });
  }
};
