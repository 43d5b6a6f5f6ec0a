/** The preview shows the labelling element with the drawn skeleton and the same image. */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { toAttributes } from "./formats.js";

/** @param {import("./definition.js").Size} size @returns {string} the address of a plain picture */
function blank({ width, height }) {
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#b9c2cc"/></svg>`;
  return URL.createObjectURL(new Blob([picture], { type: "image/svg+xml" }));
}

/** Load the element's script once, at the first preview. @returns {Promise<void>} */
const loaded = () =>
  new Promise((resolve, reject) => {
    if (customElements.get("crowd-2d-skeleton")) resolve();
    else document.head.append(h("script", { ...ELEMENT, onload: () => resolve(), onerror: reject }));
  });

/**
 * Open the preview. Labels placed in it are discarded.
 * @param {ShadowRoot} parent
 * @param {import("./drawing.js").Drawing} drawing
 * @param {string} photo address of the reference image, or empty
 * @returns {Promise<void>} rejects if the element could not be loaded
 */
export async function openPreview(parent, drawing, photo) {
  await loaded();
  const source = photo || blank(drawing.size);
  const attributes = Object.entries(toAttributes(drawing.definition)).map(([name, value]) => [
    name,
    JSON.stringify(value),
  ]);
  const element = h("crowd-2d-skeleton", Object.fromEntries([...attributes, ["imgSrc", source]]));
  const close = h("button", { type: "button", onclick: () => dialog.close() }, icon("close"), "Close");
  const form = h("form", { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), dialog.close()) });
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    { class: "preview", "aria-labelledby": "preview" },
    h("div", { class: "bar" }, h("h2", { id: "preview" }, "As a worker sees it"), close),
    form,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (!photo) URL.revokeObjectURL(source);
  });
  // The element uses Escape itself, so Escape does not close the preview.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  parent.append(dialog);
  dialog.showModal();
  // The form has a position only from here on. The element measures it and fills the room below.
  form.append(element);
  element.app.focus();
}
