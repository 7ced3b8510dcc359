/* The projector's page of a contest: the board, asked for anew every two seconds. */

import { $ } from "./elements.js";

const PAUSE = 2000; // milliseconds between two looks at the board
const key = location.hash.slice(1); // who has it may take drawings off the board

let shown = ""; // the entries that stand there, as text

async function look() {
  try {
    const response = await fetch("contest/board");
    if (response.ok) show(await response.json());
    else complain("There is no contest now: start the service with --contest.");
  } catch {
    complain("The server cannot be reached: is it still running?");
  }
  setTimeout(look, PAUSE);
}

/* Say what is wrong, until there is a board to be shown again. */
function complain(sentence) {
  write("counts", sentence);
}

function show(board) {
  write("address", board.address);
  const tried = board.tried === 1 ? "1 drawing was tried" : `${board.tried} drawings were tried`;
  write("counts", board.tried ? `${tried}, ${board.fooled} of them fooled the reader.` : "Nobody has tried yet.");
  const entries = JSON.stringify(board.entries);
  if (entries === shown) return; // a button that is about to be pressed stays where it is
  shown = entries;
  $("board").replaceChildren(...board.entries.map(makeEntry));
}

function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function makeEntry(entry) {
  const item = document.createElement("li");
  const drawing = document.createElement("img");
  const line = document.createElement("p");
  drawing.src = `contest/drawings/${entry.number}.png`;
  drawing.alt = `A drawing that was meant as ${entry.meant}`;
  const sure = `${(100 * entry.probability).toFixed(0)}% sure`;
  line.textContent = `${entry.name ? `${entry.name}: ` : ""}meant ${entry.meant}, read as ${entry.read}, ${sure}`;
  item.classList.toggle("sure", entry.sure);
  item.append(drawing, line);
  if (key) item.append(makeRemover(entry.number));
  return item;
}

function makeRemover(number) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Take it off";
  button.addEventListener("click", async () => {
    try {
      const response = await fetch(`contest/drawings/${number}?key=${encodeURIComponent(key)}`, { method: "DELETE" });
      const answer = await response.json();
      if (response.ok) show(answer);
      else complain(answer.error);
    } catch {
      complain("The server cannot be reached: is it still running?");
    }
  });
  return button;
}

look();
