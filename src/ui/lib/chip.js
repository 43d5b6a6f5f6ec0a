/** The chip: which keypoint comes next, and how to place it; or what the tool in hand wants. */
import { h } from "./dom.js";
import { labelOf } from "./document.js";
import { keypointMarker } from "./icons.js";

/** @type {Record<string, [string, string]>} */
const TOOLS = {
  draw: ["Draw a skeleton", "drag a box around the subject · right to left if seen from behind"],
  adjust: ["Adjust", "inside moves, squares scale, circle turns · N to finish"],
  box: ["Box", "drag around the whole subject"],
};

/** What a click would place now: -1 for nothing. @param {import("./session.js").Session} session */
const nextOf = (session) => (session.tool !== "place" || !session.size.width ? -1 : session.next);

/** @param {import("./session.js").Session} session */
export const nextLabel = (session) => labelOf(session.skeleton, nextOf(session));

/** @param {import("./session.js").Session} session */
export function chip(session) {
  const keypoint = () => session.skeleton.keypoints[nextOf(session)];
  const words = () => {
    if (!session.size.width) return ["", ""];
    if (keypoint()) return [nextLabel(session), session.startsNew && session.doc.instances.length ? "click to start the next instance" : "click to place · right click if occluded"];
    return TOOLS[session.tool] ?? ["Review", session.instance?.locked ? "this instance may not be changed" : "drag to correct · B for a new instance"];
  };
  return h(
    "div.chip", {},
    h("span.next", { hidden: () => !keypoint() }, keypointMarker(keypoint, () => (session.startsNew ? null : session.instance))),
    h("strong", { dir: "auto", textContent: () => words()[0] }),
    h("span.soft", { textContent: () => words()[1] }),
  );
}
