/* On a phone the list of headings lies over the page: it goes when one of them is chosen. (The theme leaves it there.) */
document.addEventListener("click", (event) => {
  event.target.closest("dialog[open] a[href*='#']")?.closest("dialog").close();
});
