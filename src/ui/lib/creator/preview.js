/** The preview: the labelling element itself, with this skeleton, over the same image. */
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { toAttributes } from "./formats.js";

/** @param {import("./definition.js").Size} size @returns {string} the address of a plain picture */
function blank({ width, height }) {
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#b9c2cc"/></svg>`;
  return URL.createObjectURL(new Blob([picture], { type: "image/svg+xml" }));
}

/** Loads the element's script, for the first preview only. @returns {Promise<void>} */
const loaded = () =>
  new Promise((resolve, reject) => {
    if (customElements.get("crowd-2d-skeleton")) resolve();
    else document.head.append(h("script", { ...ELEMENT, onload: () => resolve(), onerror: reject }));
  });

/**
 * Opens it. Nothing that is labelled there is kept.
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
  // Escape means something to the element: it does not end the preview.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  parent.append(dialog);
  dialog.showModal();
  // Only now has it a place, and the element fills the room below that.
  form.append(element);
  element.app.focus();
}
