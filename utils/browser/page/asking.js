/* Asking for a reading: this module alone knows that it is this device that reads. In the service, another one stands in
its place, and asks the server. */

const LONGEST = 60_000; // milliseconds for one image: a reader that takes longer hangs
const TOO_OLD = "This browser is too old for the reader: take a newer one, such as Firefox, Chrome or Safari of this year.";
const COMING = "The reader is coming …";
const FAILED = "The reader failed at this image: try another one.";
const waiting = new Map(); // what waits for an answer, by number
let worker = null;
let ready = false; // whether it is
let begun = false; // whether one has been
let asked = 0;
let tell = () => {}; // what `prepare` was given
let failure = null; // why the reader did not start
let turn = Promise.resolve(); // one image after the other

/** Why an image was not read, in a sentence; `again` says whether another try may help. */
export class ReadingError extends Error {
  constructor(sentence, again) {
    super(sentence);
    this.again = again;
  }
}

/**
 * Get the reader ready.
 *
 * @param {function(string, boolean, ?number): void} say - Is told how it goes, whether that is a problem, and which share
 *   of the reader is there, from 0 to 1; "" when it is ready.
 */
export function prepare(say) {
  tell = say;
  if (typeof Worker !== "function" || typeof OffscreenCanvas !== "function" || !canCompute()) return fail(TOO_OLD);
  say(COMING, false);
  start();
}

/** Take a drawing in the form that it is read in: its pixels. To make a file of them, and to open that, takes time. */
export const takeDrawing = async (canvas) =>
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);

/**
 * Read an image on this device. One that is given up while another is being read is not begun.
 *
 * @param {Blob|ImageData} image - A file, PNG, JPEG, or whatever this browser can open; or a drawing.
 * @param {string} name - The file's name, for sentences about it.
 * @param {object} options
 * @param {AbortSignal} options.signal - Gives the reading up.
 * @returns {Promise<{text: string, digits: object[], note: ?string}>} As the service's, and with each digit its `image`,
 *   784 bytes: the 28 × 28 pixels that the network saw.
 * @throws {ReadingError} The image cannot be read, or the reader did not start.
 * @throws {DOMException} An AbortError: the signal was aborted.
 */
export async function askForReading(image, name, { signal }) {
  const before = turn;
  let done;
  turn = new Promise((resolve) => (done = resolve));
  try {
    await before;
    signal.throwIfAborted();
    return await ask("read", { image, name });
  } finally {
    done();
  }
}

/**
 * Look into the network while it reads one digit.
 *
 * @param {Uint8Array} image - Its 784 pixels, as of `askForReading`.
 * @returns {Promise<{blocks: {height: number, width: number, maps: Float32Array[]}[], digit: number, drop:
 *   Float32Array}>} What each block lets through; what is read; and by how much the log-odds of that fall when a white
 *   patch covers each pixel and those around it.
 */
export const lookInside = (image) => ask("look", { image });

/** Bring each digit of an image, as of `askForReading`, into the form of MNIST's: a list of 784 bytes each. */
export const prepareDigits = (image) => ask("prepare", { image, name: "drawing" });

function ask(task, given) {
  if (failure) return Promise.reject(new ReadingError(failure, false));
  return new Promise((resolve, reject) => {
    const message = { number: ++asked, task, given };
    waiting.set(asked, { resolve, reject, message });
    worker.postMessage(message);
    if (ready) watch(asked);
  });
}

function watch(number) {
  waiting.get(number).timer = setTimeout(() => drop(number, FAILED), LONGEST);
}

/* Refuse what a reader broke at, which is of no use any more, and let a new one read the rest. */
function drop(number, sentence) {
  end(number)?.reject(new ReadingError(sentence, false));
  start();
}

/* Take something off the list of what waits. */
function end(number) {
  const one = waiting.get(number);
  clearTimeout(one?.timer);
  waiting.delete(number);
  return one;
}

/* Whether it has WebAssembly, and that can compute with several numbers at once: a function that gives such numbers. */
function canCompute() {
  const code = "0061736d010000000105016000017b030201000a0a0108004100fd0ffd620b";
  const bytes = Uint8Array.from(code.match(/../g), (two) => parseInt(two, 16));
  return typeof WebAssembly === "object" && WebAssembly.validate(bytes);
}

function fail(sentence) {
  failure = sentence;
  tell(sentence, true);
  for (const number of [...waiting.keys()]) end(number).reject(new ReadingError(sentence, false));
  worker?.terminate(); // other files may still be coming
}

/* Start a reader; in the place of one that is broken, without a word. */
function start() {
  worker?.terminate();
  ready = false;
  worker = new Worker(new URL("../reader/worker.js", import.meta.url));
  worker.onmessage = ({ data }) => hear(data);
  worker.onerror = () => {
    if (ready) drop(waiting.keys().next().value, FAILED);
    else fail("The reader did not start: load the page once more, or take a newer browser.");
  };
  for (const { timer, message } of waiting.values()) {
    clearTimeout(timer);
    worker.postMessage(message);
  }
}

function hear(data) {
  if (data.failure) return fail(data.failure);
  if (data.share !== undefined) return begun || tell(COMING, false, data.share);
  if (data.ready) {
    ready = true;
    for (const number of waiting.keys()) watch(number);
    if (begun) return;
    begun = true;
    tell("", false);
    return keepForLater(data.ready);
  }
  if (data.broken) return drop(data.number, data.problem);
  const one = end(data.number);
  if (data.problem) one?.reject(new ReadingError(data.problem, false));
  else one?.resolve(data.answer);
}

/* From now on the page works without a connection: a service worker keeps its files, and those that were loaded. */
async function keepForLater(loaded) {
  if (!navigator.serviceWorker) return; // only behind https or on this machine, and not in private windows
  try {
    const registration = await navigator.serviceWorker.register(new URL("../offline.js", import.meta.url));
    const { active } = await navigator.serviceWorker.ready;
    active.postMessage({ keep: loaded });
    if (navigator.serviceWorker.controller) await registration.update(); // by itself, a browser looks later
  } catch {
    // The page works all the same, as long as there is a connection.
  }
}
