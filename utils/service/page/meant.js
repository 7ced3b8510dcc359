/* Taking part in a contest: "I meant 7" sends the drawing to the board. Without a contest, none of this is seen. */

import { $ } from "./elements.js";

const address = (path) => new URL(`../${path}`, import.meta.url);
const contest = "contest" in document.body.dataset;

let offered = 0; // counts the drawings: what is answered to an older one is not said of this one

/**
 * Let drawings take part if there is a contest: the service says so in the page.
 *
 * @param {function(): Promise<{image: Blob}>} getDrawing - Gives the drawing that stands there.
 */
export function startContest(getDrawing) {
  if (!contest) return;
  for (let digit = 0; digit <= 9; digit++) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = digit;
    button.addEventListener("click", async () => send(await getDrawing(), digit));
    $("meant").append(button);
  }
}

/** Offer it for a drawing of one digit; `null` takes the offer away. */
export function offerContest(answer) {
  $("entering").hidden = !contest || answer?.digits.length !== 1;
  $("entered").textContent = "";
  offered++;
}

async function send(drawing, meant) {
  const query = new URLSearchParams({ meant, name: $("name").value });
  const mine = offered;
  const say = (sentence) => mine === offered && ($("entered").textContent = sentence);
  for (const button of $("meant").children) button.disabled = true;
  try {
    const response = await fetch(address(`contest?${query}`), { method: "POST", body: drawing.image });
    const answer = await response.json();
    if (!response.ok) say(answer.error);
    else if (answer.fooled) say(`You have fooled it! It read ${answer.text}. Look at the board.`);
    else say("Not fooled this time. Try another one.");
  } catch {
    say("The server cannot be reached: is this device in its network?");
  }
  for (const button of $("meant").children) button.disabled = false;
}
