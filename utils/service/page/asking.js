/* Asking for a reading: this module alone knows that it is the service that reads. In the page that needs no server,
`utils/browser/page/asking.js` stands in its place. */

const TRIES = 4; // how often a busy service is asked

/** Why an image was not read, in a sentence; `again` says whether another try may help. */
export class ReadingError extends Error {
  constructor(sentence, again) {
    super(sentence);
    this.again = again;
  }
}

/** Get the reader ready: the service is. */
export function prepare() {}

/** Look into the network while it reads one digit: the service does not show that. */
export const lookInside = null;

/** Take a drawing in the form that it is sent in. */
export const takeDrawing = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/png"));

/**
 * @typedef {object} Digit
 * @property {number} digit - What it was read as.
 * @property {number} probability - What the network gives it, from 0 to 1.
 * @property {boolean} confident - Whether that is enough to rely on.
 * @property {number[]} box - Left, top, width and height, in pixels of the upright image.
 * @property {number[]} probabilities - What the network gives to each of the ten digits.
 */

/**
 * Ask for a reading of an image. A busy service is asked again, as late as it says.
 *
 * @param {Blob} image - PNG, JPEG, or the file that was chosen, of whatever kind.
 * @param {string} name - The file's name, for sentences about it.
 * @param {object} options
 * @param {AbortSignal} options.signal - Gives the reading up. Whoever asks looks at it first: once it is aborted,
 *   whatever still comes, an answer or an error, means nothing.
 * @param {function(): void} options.onBusy - Called at each wait for a turn.
 * @returns {Promise<{text: string, digits: Digit[], note: ?string}>} The digits in reading order, none if none was
 *   found; the text joins lines by a line break, and the note says why there is none, that it looks like none, or how the page lay.
 * @throws {ReadingError} The image cannot be read, the service is too busy, or it cannot be reached.
 * @throws {DOMException} An AbortError: the signal was aborted.
 */
export async function askForReading(image, name, { signal, onBusy }) {
  const form = new FormData();
  form.append("file", image, name);
  let response;
  try {
    response = await sendPatiently(form, signal, onBusy);
    if (response.ok) return check(await response.json());
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ReadingError(
      "The server cannot be reached: is it still running, and is this device in its network?",
      true,
    );
  }
  const answer = await response.json().catch(() => ({ error: "The service gave no answer that can be read." }));
  throw new ReadingError(answer?.error || "The service could not read it.", response.status === 503);
}

async function sendPatiently(form, signal, onBusy) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(new URL("../predict", import.meta.url), { method: "POST", body: form, signal });
    const later = response.headers.get("Retry-After"); // not with an image that takes too long: it would again
    if (response.status !== 503 || !later || attempt === TRIES) return response;
    onBusy();
    await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(later) || 1)));
  }
}

function check(answer) {
  if (!answer.digits) throw new TypeError("Something else answered, such as a network's page for signing in.");
  return answer;
}
