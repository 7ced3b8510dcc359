/* Getting the reader ready: its libraries and its network come, and then it reads. */

import * as cv2 from "./cv2.js";
import { DigitsError } from "./errors.js";
import { ExportedNetwork } from "./exported.js";
import { preparePage } from "./images.js";
import { openImage } from "./opening.js";
import { readDigits } from "./reading.js";

const TRIES = 3; // how often a file is asked for
const PAUSE = 1000; // milliseconds before it is asked for again

/** What a server may not know. */
const TYPES = { js: "text/javascript", wasm: "application/wasm", tflite: "application/octet-stream" };

const place = (name) => new URL(`../${name}`, import.meta.url).href;

/**
 * Load what the reader needs.
 *
 * @param {function(number): void} tell - Is told which share of it is there.
 * @returns {Promise<{tasks: object, version: string, files: {address: string, blob: Blob}[]}>} The tasks `read`, `prepare`
 *   and `look`, the page's version, and what was loaded.
 */
export async function load(tell) {
  const { version, sizes } = JSON.parse(await (await fetchPatiently("files.json")).text());
  const { supportsFeature } = await import(place("libraries/litert/index.js"));
  const kind = (await supportsFeature("relaxedSimd")) ? "litert_wasm_internal" : "litert_wasm_compat_internal";
  const files = ["libraries/opencv.js", `libraries/litert/${kind}.js`, `libraries/litert/${kind}.wasm`, "cnn.tflite"];
  const blobs = await download(files, sizes, tell);
  // Run from what has come: asked for by their addresses, a browser that keeps no files of this size loads them again.
  const addresses = blobs.map((blob) => URL.createObjectURL(blob));
  const [{ default: startOpenCV }, litert] = await Promise.all([
    import(addresses[0]),
    import(place("libraries/litert/index.js")),
  ]);
  const quiet = { print() {}, printErr() {} }; // notes about processors, which look like errors
  self.Module = { ...quiet, locateFile: () => addresses[2] }; // LiteRT.js looks here for its one other file
  const start = litert.loadLiteRt(`${addresses[1]}#.js`); // it takes what does not end like this for a folder
  const [opencv] = await Promise.all([startOpenCV(quiet), start]);
  cv2.use(opencv);
  const weights = new Uint8Array(await blobs[3].arrayBuffer());
  const network = new ExportedNetwork(litert, await litert.loadAndCompile(weights, { accelerator: "wasm" }));
  addresses.forEach((address) => URL.revokeObjectURL(address));

  const tasks = {
    async read({ image, name }) {
      const { images, ...reading } = await read(network, image, name);
      return { ...reading, digits: reading.digits.map((digit, i) => ({ ...digit, image: images[i].data })) };
    },
    async prepare({ image, name }) {
      return (await preparePage(await openImage(image, name))).images.map((one) => one.data);
    },
    look: ({ image }) => network.lookInside(image),
  };
  return { tasks, version, files: files.map((name, i) => ({ address: place(name), blob: blobs[i] })) };
}

async function read(network, image, name) {
  const reading = await readDigits(network, name, openImage(image, name));
  if (reading.error) throw new DigitsError(reading.error);
  return { ...reading.record(), images: reading.images ?? [] };
}

/* Fetch files side by side, and say how much of them is there, at each further hundredth. */
async function download(names, sizes, tell) {
  const total = names.reduce((sum, name) => sum + sizes[name], 0);
  const have = names.map(() => 0);
  let told = 0;
  const count = (index, bytes) => {
    have[index] = bytes;
    const share = Math.floor((100 * have.reduce((sum, one) => sum + one)) / total) / 100;
    if (share !== told) tell((told = share));
  };
  return Promise.all(names.map((name, i) => fetchPatiently(name, sizes[name], (bytes) => count(i, bytes))));
}

/* Fetch a file, once more if the connection breaks. A server may break off without a browser noticing: what is shorter or
longer than it should be is asked for again; if it stays like that, it is another version, and whole. */
async function fetchPatiently(name, size = null, count = () => {}) {
  let before = -1;
  for (let attempt = 1; ; attempt++) {
    try {
      const blob = await fetchOnce(name, attempt > 1, count);
      if (size === null || blob.size === size || blob.size === before) return blob;
      before = blob.size;
      throw new Error(`${name} came in part`);
    } catch (error) {
      if (attempt === TRIES || error.final) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function fetchOnce(name, anew, count) {
  // A browser that has kept a file asks whether it is still that: of two versions, no mixture is to come.
  const response = await fetch(place(name), { cache: anew ? "reload" : "no-cache" });
  if (!response.ok) {
    const error = new Error(`${name}: ${response.status} ${response.statusText}`);
    throw Object.assign(error, { final: response.status === 404 }); // it will not be there a second later
  }
  const stream = response.body.getReader();
  const chunks = [];
  for (let bytes = 0; ; ) {
    const { done, value } = await stream.read();
    if (done) return new Blob(chunks, { type: TYPES[name.split(".").pop()] });
    chunks.push(value);
    count((bytes += value.length));
  }
}
