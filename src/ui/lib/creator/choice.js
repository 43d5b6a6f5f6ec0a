/**
 * A select that acts on confirmation: browsers fire "change" for every arrow key, as if it were a choice (WCAG
 * 3.2.2).
 */
import { h } from "../dom.js";

/**
 * Make a select. A choice by pointer or in the open list acts at once. A choice by arrow keys or letters acts on Enter.
 * @param {Record<string, any>} props
 * @param {(value: string) => void} choose
 * @param {(text: string) => void} say
 * @param {boolean} [isField] true if it shows a value: leaving it confirms the choice. False if it starts an action:
 *     leaving it discards the choice.
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
      // The "change" event of this key comes before the timer. Alt + arrow, Space and Enter only open the list.
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
