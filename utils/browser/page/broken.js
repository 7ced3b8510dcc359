/* Says so if a part of the page has not come, or a browser is too old for it: without its modules, the page would stand
there and do nothing. A classic script, in words that old browsers know. */

(function () {
  var OLD = "This browser is too old for this page: take a newer one, such as Firefox, Chrome or Safari of this year.";
  var MISSING = "A part of this page did not come: load the page once more.";

  function complain(sentence) {
    var status = document.getElementById("status");
    if (!status) return document.addEventListener("DOMContentLoaded", function () { complain(sentence); });
    status.textContent = sentence;
    status.className = "problem";
  }

  if (!("noModule" in document.createElement("script"))) complain(OLD);
  window.addEventListener("error", function (event) {
    if (event.target.tagName === "SCRIPT") complain(MISSING);
    else if (event.error instanceof SyntaxError) complain(OLD);
  }, true); // an error of an element does not bubble
})();
