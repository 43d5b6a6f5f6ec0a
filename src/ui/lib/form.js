/** The form: hidden inputs in the light DOM, because Ground Truth collects only those. */
import { h, put } from "./dom.js";
import { t } from "./texts.js";

const { requestSubmit } = HTMLFormElement.prototype;

/**
 * Replace a form method that would put the answer into a URL, which histories and logs keep.
 * @param {Element} node the form, or the button that submits it
 * @param {string} attribute
 */
const keepOutOfUrl = (node, attribute) => {
  if (!/^(post|dialog)$/i.test(node.getAttribute(attribute) ?? "")) node.setAttribute(attribute, "post");
};

/**
 * Connect the element with the form that surrounds it: `<crowd-form>`, or a plain `<form>` if there is no crowd-form.
 *
 * crowd-form is upgraded after the page was parsed, and then moves its children into its own inner form. Therefore the
 * inputs are children of the element and move with it, and crowd-form's methods are looked up when they are needed.
 *
 * @param {HTMLElement} element
 * @param {() => Record<string, string> | null} answer null stops a submission
 * @param {() => void} send called when the browser would submit crowd-form's inner form
 */
export function answerForm(element, answer, send) {
  /** @type {any} */
  let form = null;
  /** @type {Map<string, HTMLInputElement>} */
  const inputs = new Map();
  let removed = new AbortController();
  /** Whether the form has begun the submission. */
  let isHeard = false;

  const fill = (/** @type {Record<string, string>} */ fields) => {
    for (const [name, value] of Object.entries(fields)) {
      const input = inputs.get(name) ?? h("input", { type: "hidden", name });
      inputs.set(name, input);
      put(input, "value", value);
      element.append(input);
    }
    if (isPlain()) keepOutOfUrl(form, "method");
  };

  const isPlain = () => form instanceof HTMLFormElement;

  const connection = {
    /** Find the form, again after the element was moved. */
    attach() {
      removed.abort();
      removed = new AbortController();
      const { signal } = removed;
      form = element.closest("crowd-form") ?? element.closest("form");
      form?.addEventListener(
        "submit",
        (/** @type {Event} */ event) => {
          isHeard = true;
          const { submitter } = /** @type {SubmitEvent} */ (event);
          const fields = answer();
          if (submitter?.hasAttribute("formmethod")) keepOutOfUrl(submitter, "formmethod");
          if (fields) fill(fields);
          else event.preventDefault();
          // The listener uses capture, so that the fields are filled before crowd-form or its inner form reads them.
        },
        { signal, capture: true },
      );
      addEventListener(
        "submit",
        (event) => {
          const { target } = event;
          // No listener handled the inner form's submission: the browser would navigate to a URL that contains the
          // answer.
          if (
            !isPlain() &&
            event.isTrusted &&
            !event.defaultPrevented &&
            target instanceof Element &&
            target.contains(element)
          ) {
            event.preventDefault();
            send();
          }
        },
        { signal },
      );
    },

    /**
     * @param {() => Record<string, string>} fields
     * @returns {string} why nothing was submitted; "" if it was
     */
    submit(fields) {
      if (!form) return t.noForm;
      if (!isPlain() && !form.submit) return t.pageLoading;
      // A control named "submit" hides the form's method. requestSubmit submits nothing while a field is invalid.
      // Otherwise the "submit" listener above fills in the fields.
      isHeard = !isPlain();
      if (isPlain()) requestSubmit.call(form);
      else {
        fill(fields());
        form.submit();
      }
      return isHeard ? "" : t.notSent;
    },

    destroy() {
      removed.abort();
      for (const input of inputs.values()) input.remove();
    },
  };
  connection.attach();
  return connection;
}
