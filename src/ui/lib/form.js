/** The form: hidden inputs in its light DOM, because that is all Ground Truth collects. */
import { FIELDS } from "./answer.js";

export class AnswerForm {
  /**
   * @param {HTMLElement} element
   * @param {(event: Event | null) => Record<string, string> | null} answer null stops a submission
   */
  constructor(element, answer) {
    this.element = element;
    this.answer = answer;
    /** @type {any} the real crowd-form has a submit() of its own */
    this.form = element.closest("crowd-form, form");
    /** @type {Map<string, HTMLInputElement>} */
    this.inputs = new Map();
    this.abort = new AbortController();
    this.form?.addEventListener("submit", (/** @type {Event} */ event) => this.onSubmit(event), { signal: this.abort.signal });
  }

  /** @param {Event} event */
  onSubmit(event) {
    const fields = this.answer(event);
    if (fields) this.fill(fields);
    else event.preventDefault();
  }

  /** @param {Record<string, string>} fields */
  fill(fields) {
    for (const name of FIELDS) {
      let input = this.inputs.get(name);
      if (!input) {
        input = document.createElement("input");
        input.type = "hidden";
        input.name = name;
        this.inputs.set(name, input);
      }
      if (input.parentNode !== this.form) this.form.append(input);
      input.value = fields[name];
    }
  }

  /** @param {Record<string, string>} fields @returns {boolean} whether there was a form to submit */
  submit(fields) {
    if (!this.form) return false;
    this.fill(fields);
    if (this.form instanceof HTMLFormElement) this.form.requestSubmit();
    else if (typeof this.form.submit === "function") this.form.submit();
    else return false;
    return true;
  }

  destroy() {
    this.abort.abort();
    for (const input of this.inputs.values()) input.remove();
  }
}
