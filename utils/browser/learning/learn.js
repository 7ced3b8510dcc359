/* The page on which a network is trained: settings, curves, pictures of the weights, and a paper to try it on. */

import { ReadingError, prepare, prepareDigits } from "../page/asking.js";
import { startDrawing } from "../page/drawing.js";
import { $ } from "../page/elements.js";
import { showBars } from "../page/showing.js";
import { largest } from "./network.js";
import { showCurve, showWeights } from "./plots.js";

const UNSEEN = 1000; // digits that are never learned from
const SHOWN = 24; // the weights of no more neurons are shown

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
let settings = null; // of the training that stands here, and the guess; what is chosen meanwhile is for the next one
let epochs = []; // what came of each
let former = null; // the last epoch of the training before
let drawn = 0; // counts the drawings: what is found out about an older one comes too late
let drawing = null; // the pixels of the digit that stands on the paper

/* While a training runs, screen readers do not read out every epoch: they could not keep up. */
function say(text, { problem = false, aloud = true } = {}) {
  $("status").setAttribute("aria-live", aloud ? "polite" : "off");
  $("status").textContent = text;
  $("status").classList.toggle("problem", problem);
}

$("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  former = epochs.at(-1);
  epochs = [];
  const numbers = ["hidden", "rate", "batch", "epochs"].map((name) => [name, Number($(name).value)]);
  settings = { ...Object.fromEntries(numbers), guess: $("guess").value };
  worker.postMessage({ train: settings });
  $("train").disabled = true;
  $("stop").disabled = false;
  say("The digits are coming …");
});

$("stop").addEventListener("click", () => worker.postMessage({ stop: true }));

worker.onmessage = ({ data }) => {
  if (data.probabilities) showAnswer(data.probabilities);
  else if (data.epoch !== undefined) showEpoch(data);
  else {
    if (data.failure) say(`The training failed: ${data.failure}`, { problem: true });
    else say(`${$("status").textContent} ${data.stopped ? "Stopped" : "Finished"}.`);
    $("train").disabled = false;
    $("stop").disabled = true;
  }
};

const giveUp = (sentence) => {
  say(sentence, { problem: true });
  $("train").disabled = $("stop").disabled = true;
};
worker.onerror = () => giveUp("A part of this page did not start: load it once more, or take a newer browser.");
if (typeof DecompressionStream !== "function") giveUp("This browser is too old to train here: take a newer one.");

const count = ({ unseen }) => Math.round(unseen.accuracy * UNSEEN);

function showEpoch(epoch) {
  epochs.push(epoch);
  say(describe(epoch), { aloud: false });
  $("curves").hidden = $("trying").hidden = false;
  showCurve($("loss"), pick("loss"), settings.epochs, "Loss");
  showCurve($("accuracy"), pick("accuracy"), settings.epochs, "Accuracy", 1);
  const pictures = Math.min(epoch.pictures, SHOWN);
  showWeights($("weights"), epoch.weights, epoch.pictures, pictures);
  const whose = settings.hidden ? `${pictures} of the hidden neurons` : "the ten digits, from 0 to 9";
  $("weights").setAttribute("aria-label", `The weights of ${whose}, as pictures`);
  const meaning = settings.hidden
    ? "ink on red raises the neuron's sum, ink on blue lowers it. The speckle is what is left of the random start."
    : "ink on red speaks for the digit, ink on blue against it.";
  $("shown").lastElementChild.textContent = `The weights of ${whose}: ${meaning}`;
  if (drawing) worker.postMessage({ read: drawing });
}

/* How it stands after an epoch, in words. */
function describe(epoch) {
  const read = `it reads ${count(epoch)} of ${UNSEEN.toLocaleString("en")} new digits`;
  if (!epoch.epoch) return `Before the first step, ${read}.`;
  const { dead } = epoch.unseen;
  let text = `Epoch ${epoch.epoch}: ${read} (${epoch.seconds.toFixed(1)} s).`;
  if (dead) {
    const give = dead === 1 ? "is dead: it gives" : "are dead: they give";
    text += ` ${dead} of the ${settings.hidden} hidden neurons ${give} 0 for every new digit.`;
  }
  if (settings.guess !== "") text += ` You guessed ${settings.guess} after one epoch; it was ${count(epochs[1])}.`;
  if (former?.epoch) text += ` The training before ended at ${count(former)}.`;
  return text;
}

/* The lines of a diagram: one of the numbers, over the epochs. */
function pick(name) {
  return ["training", "unseen"].map((kind) => ({
    kind,
    points: epochs.filter((one) => one[kind]).map((one) => [one.epoch, one[kind][name]]),
  }));
}

/* ---- the paper ---- */

let coming = ""; // what the reader says until it is ready to prepare drawings
let waiting = false; // whether a drawing waits for it

prepare((sentence, problem) => {
  coming = sentence;
  if (problem || waiting) $("answer").textContent = sentence;
});

function forget() {
  drawn++;
  drawing = null;
  waiting = false;
  $("answer").textContent = "";
  $("bars").hidden = true;
}

startDrawing({
  onStroke: forget,
  onClear: forget,
  async onDrawing(taken) {
    forget();
    const mine = drawn;
    waiting = true;
    $("answer").textContent = coming;
    try {
      const { image } = await taken;
      const digits = await prepareDigits(image);
      if (mine !== drawn) return;
      waiting = false;
      if (digits.length === 1) worker.postMessage({ read: (drawing = digits[0]) });
      else $("answer").textContent = digits.length ? "One digit at a time, please." : "Draw a little larger.";
    } catch (error) {
      if (!(error instanceof ReadingError)) throw error;
      if (mine === drawn) $("answer").textContent = error.message;
    }
  },
});

function showAnswer(probabilities) {
  if (!drawing) return; // it was taken away meanwhile
  const digit = largest(probabilities);
  const sentence = `Read as ${digit}.`;
  if ($("answer").textContent !== sentence) $("answer").textContent = sentence; // screen readers hear it once
  $("bars").hidden = false;
  showBars(probabilities, digit, "How probable this network finds each digit");
}
