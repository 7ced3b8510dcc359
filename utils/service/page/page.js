/* Draw or choose a photo; each change is read, and the newest answer is shown. */

import { ReadingError, askForReading, lookInside, prepare } from "./asking.js";
import { clear, startDrawing } from "./drawing.js";
import { $ } from "./elements.js";
import { startLooking } from "./inside.js";
import { offerContest, startContest } from "./meant.js";
import { hidePhoto, openPhoto, startChoosing } from "./photo.js";
import { complain, hideResult, say, show } from "./showing.js";

const BEGIN = "Draw something.";
const SLOW = 300; // milliseconds after which it is said that an image is being read

let turn = new AbortController(); // of the image that is being read
let ready = true; // whether the reader is, as far as it has said
let last = null; // the promise of that image, to be read when it is tried again

/* What was begun before is no longer what stands here: it is given up, and left alone when it comes late. */
function beginTurn() {
  turn.abort();
  turn = new AbortController();
  return turn.signal;
}

const offerLook = startLooking(lookInside);
const sayReading = () => say("Reading …");

async function read(coming) {
  const signal = beginTurn();
  hideResult(); // of what stood there before
  offerContest(null);
  last = coming;
  const { image, name, size, photo } = await coming;
  if (signal.aborted) return;
  const slow = setTimeout(() => signal.aborted || !ready || sayReading(), SLOW);
  const onBusy = () => say("The service is busy: waiting for a turn …");
  try {
    const answer = await askForReading(image, name, { signal, onBusy });
    if (signal.aborted) return;
    show(answer, size, offerLook);
    if (!photo) offerContest(answer); // a drawing takes part, a photo does not
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof ReadingError)) throw error;
    complain(error.message, error.again);
  } finally {
    clearTimeout(slow);
  }
}

prepare((sentence, problem, share) => {
  ready = !sentence;
  if (problem) complain(sentence, false);
  else if (sentence || !last) say(sentence || BEGIN, false, share);
  else sayReading();
});

startDrawing({
  onStroke() {
    beginTurn();
    hideResult();
    offerContest(null);
  },
  onDrawing: read,
  onClear() {
    beginTurn();
    hidePhoto();
    hideResult();
    offerContest(null);
    last = null;
    if (ready) say(BEGIN);
  },
});

startChoosing((file) => {
  clear();
  $("clear").disabled = false; // a photo can be cleared away, too
  sayReading();
  read(openPhoto(file));
});

$("again").addEventListener("click", () => read(last));
window.addEventListener("online", () => $("again").hidden || read(last));
startContest(() => last);
