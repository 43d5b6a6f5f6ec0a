/** The chip shows which keypoint comes next and how to place it, or the instruction of the current tool. */
import { h } from "./dom.js";
import { labelOf } from "./document.js";
import { keypointMarker } from "./icons.js";
import { t } from "./texts.js";

/** Index of the keypoint that a click would place now; -1 for none. @param {import("./session.js").Session} session */
const nextOf = (session) => (session.tool !== "place" || !session.size.width ? -1 : session.next);

/** @param {import("./session.js").Session} session */
export const nextLabel = (session) => labelOf(session.skeleton, nextOf(session));

/** @param {import("./session.js").Session} session @returns {string[]} what comes next, and how to do it */
export function wordsOf(session) {
  if (!session.size.width) return ["", ""];
  if (nextOf(session) >= 0)
    return [nextLabel(session), session.startsNew && session.doc.instances.length ? t.clickToBegin : t.clickToPlace];
  return (
    /** @type {Record<string, string[]>} */ ({ draw: t.drawTool, adjust: t.adjustTool, box: t.boxTool })[
      session.tool
    ] ?? [t.review, session.instance?.locked ? t.locked : t.correct]
  );
}

/** @param {import("./session.js").Session} session */
export function chip(session) {
  const keypoint = () => session.skeleton.keypoints[nextOf(session)];
  return h(
    "div.chip",
    {},
    h(
      "span.next",
      { hidden: () => !keypoint() },
      keypointMarker(keypoint, () => (session.startsNew ? null : session.instance)),
    ),
    h("strong", { dir: "auto", translate: false, textContent: () => wordsOf(session)[0] }),
    h("span.soft", { textContent: () => wordsOf(session)[1] }),
  );
}
