/** The form: hidden inputs in its light DOM, because that is all Ground Truth collects. */
import { h, put } from "./dom.js";

export class AnswerForm {
  /**
   * @param {HTMLElement} element
   * @param {() => Record<string, string> | null} answer null stops a submission
   */
  constructor(element, answer) {
    /** @type {any} the real crowd-form has a submit() of its own */
    this.form = element.closest("crowd-form, form");
    /** @type {Map<string, HTMLInputElement>} */
    this.inputs = new Map();
    this.abort = new AbortController();
    this.form?.addEventListener("submit", (/** @type {Event} */ event) => {
      const fields = answer();
      if (fields) this.fill(fields);
      else event.preventDefault();
    }, { signal: this.abort.signal });
  }

  /** @param {Record<string, string>} fields */
  fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      const input = this.inputs.get(name) ?? h("input", { type: "hidden", name });
      this.inputs.set(name, input);
      put(input, "value", value);
      this.form.append(input);
    }
  }

  /** @param {Record<string, string>} fields @returns {boolean} whether there was a form to submit */
  submit(fields) {
    const send = this.form?.requestSubmit ?? this.form?.submit;
    if (!send) return false;
    this.fill(fields);
    send.call(this.form);
    return true;
  }

  destroy() {
    this.abort.abort();
    for (const input of this.inputs.values()) input.remove();
  }
}
