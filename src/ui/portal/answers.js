/** The dialog with a worker's latest answers, which they can correct. */
/** @import {OwnAnswer} from "./types.js" */
import { h } from "../lib/dom.js";
import { moment, number } from "./format.js";
import { openDialog } from "./parts.js";
import { answerLink } from "./route.js";
import { reasonOf, t } from "./texts.js";

/**
 * @param {string} job
 * @param {Promise<{answers: OwnAnswer[]}>} loading
 * @param {number} now seconds since 1970
 */
export function answersDialog(job, loading, now) {
  const list = h("div", { role: "status" }, t.loading);
  const close = h("button.primary", { type: "button", onclick: () => dialog.close() }, t.close);
  const dialog = openDialog(t.yourAnswers, h("p.soft", {}, t.yourAnswersText), list, h("div.row", {}, close));
  const row = (/** @type {OwnAnswer} */ { line, time, canCorrect }) =>
    h(
      "li",
      {},
      h("span", {}, t.image(number(line + 1))),
      h("span.soft", {}, moment(time, now)),
      canCorrect
        ? h(
            "a.button",
            {
              href: answerLink(job, line),
              onclick: () => dialog.close(),
              "aria-label": `${t.correct}: ${t.image(number(line + 1))}`,
            },
            t.correct,
          )
        : h("span.soft", {}, t.final),
    );
  loading.then(
    ({ answers }) => {
      list.replaceChildren(answers.length ? h("ul.answers", {}, ...answers.map(row)) : t.noAnswers);
    },
    (error) => {
      list.textContent = reasonOf(error);
    },
  );
}
