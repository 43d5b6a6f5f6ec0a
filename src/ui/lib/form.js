/** The form: hidden inputs in its light DOM, because that is all Ground Truth collects. */
import { h, put } from "./dom.js";

/**
 * @param {HTMLElement} element
 * @param {() => Record<string, string> | null} answer null stops a submission
 */
export function answerForm(element, answer) {
  /** @type {any} the real crowd-form has a submit() of its own */
  const form = element.closest("crowd-form, form");
  /** @type {Map<string, HTMLInputElement>} */
  const inputs = new Map();
  const removed = new AbortController();

  const fill = (/** @type {Record<string, string>} */ fields) => {
    for (const [name, value] of Object.entries(fields)) {
      const input = inputs.get(name) ?? h("input", { type: "hidden", name });
      inputs.set(name, input);
      put(input, "value", value);
      form.append(input);
    }
  };

  form?.addEventListener("submit", (/** @type {Event} */ event) => {
    const fields = answer();
    if (fields) fill(fields);
    else event.preventDefault();
  }, { signal: removed.signal });

  return {
    /** @param {Record<string, string>} fields @returns {boolean} whether there was a form to submit */
    submit(fields) {
      const send = form?.requestSubmit ?? form?.submit;
      if (!send) return false;
      fill(fields);
      send.call(form);
      return true;
    },

    destroy() {
      removed.abort();
      for (const input of inputs.values()) input.remove();
    },
  };
}
