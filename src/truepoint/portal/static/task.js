/** Hand keys that are pressed in this page's header over to the frame with the task: shortcuts work wherever the focus is. */
"use strict";

for (const type of ["keydown", "keyup"]) {
  addEventListener(type, (event) => {
    // A link keeps the key that opens it.
    const opens = event.key === "Enter" && !event.ctrlKey && !event.metaKey && event.target.closest("a");
    if (opens || event.key === "Tab") return;
    const { contentWindow, contentDocument } = document.querySelector("iframe");
    const { body } = contentDocument ?? {};
    if (body && !body.dispatchEvent(new contentWindow.KeyboardEvent(type, event))) event.preventDefault();
  });
}
