/** A select that acts on confirmation. Browsers tell of each arrow key as if it were a choice (WCAG 3.2.2). */
import { h } from "../dom.js";

/**
 * Make a select. A choice by pointer or in the opened list counts at once, one by arrow keys or letters with Enter.
 * @param {Record<string, any>} props
 * @param {(value: string) => void} choose
 * @param {(text: string) => void} say
 * @param {boolean} [isField] whether it shows a value: leaving it confirms, as in any field; else it begins an action, and leaving it undoes
 * @returns {HTMLSelectElement & {isOpen?: boolean}} `isOpen` while a choice waits for its confirmation
 */
export function choiceOf(props, choose, say, isField = false) {
  let isKey = false;
  let before = "";
  const end = (/** @type {boolean} */ isConfirmed) => {
    if (!select.isOpen) return;
    select.isOpen = false;
    const { value } = select;
    select.value = before;
    if (isConfirmed && value !== before) {
      select.value = value;
      choose(value);
    }
  };
  const select = h("select", {
    ...props,
    onfocus: () => (before = select.value),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      const { key } = event;
      if (select.isOpen && (key === "Enter" || key === "Escape")) {
        event.preventDefault();
        event.stopPropagation();
        end(key === "Enter");
      }
      // What the browser changes itself comes before the timer; Alt + arrow, Space and Enter open the list.
      if (event.altKey || key === "Enter" || key === " ") return;
      if (!select.isOpen) before = select.value;
      isKey = true;
      setTimeout(() => (isKey = false));
    },
    onchange: () => {
      if (isKey) {
        select.isOpen = select.value !== before;
        if (select.isOpen)
          say(`Enter chooses “${select.selectedOptions[0].textContent}”, Escape keeps the earlier choice.`);
      } else {
        select.isOpen = false;
        choose(select.value);
      }
    },
    onblur: () => end(isField),
  });
  return select;
}
