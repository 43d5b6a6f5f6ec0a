/** Findings: the list of likely errors, in the panel during labelling and in a dialog before submission. */
/** @import {Finding} from "./checks.js" */
import { checkDoc, findingsIn } from "./checks.js";
import { dialog } from "../dialogs.js";
import { findInstance, nameOf } from "../document.js";
import { h, put } from "../dom.js";
import { clampTo } from "../geometry.js";
import { icon } from "../icons.js";
import { moved } from "../pose.js";
import { t } from "../texts.js";

/** Checks whose findings are not shown in the panel while their instance is still being labelled. */
const UNFINISHED = ["missing_keypoints", "empty_instance", "untouched_prelabels"];

/** Maximum time of checking before the page may respond to input, in milliseconds. */
const SLICE = 10;

/** @typedef {import("../session.js").Session} Session */
/** @type {Record<string, (session: Session, finding: Finding) => unknown>} fixes by check, offered as a button */
const FIXES = {
  untouched_prelabels: (session) => session.setNoChanges(true),
  empty_instance: (session) => session.removeInstance(),
  duplicate_instance: (session) => session.removeInstance(),
  missing_keypoints: (session, { indexes }) => session.mark(indexes, 0, "not_visible"),
  swapped_sides: (session, { indexes }) => session.swapLimbs(indexes),
  out_of_image: (session) =>
    session.edit(t.fixes.out_of_image, ({ points }) => ({ points: moved(points, (at) => clampTo(session.size, at)) })),
};

/** @param {Finding} finding stays accepted as long as it is about the same keypoints */
const keyOf = ({ check, id, indexes }) => `${check}/${id}/${indexes}`;

/**
 * @param {Session} session
 * @param {import("./confidence.js").Confidence} confidence
 * @param {(finding: Finding) => void} jump
 * @param {() => void} submit despite the warnings
 */
export function findingsOf(session, confidence, jump, submit) {
  /** @type {Set<string>} keys of the findings that the worker accepted */
  const accepted = new Set();
  /** @type {Finding[]} */
  let all = [];
  const accept = (/** @type {Finding} */ finding) => accepted.add(keyOf(finding));
  const open = () => all.filter((finding) => !accepted.has(keyOf(finding)));
  const isWarning = (/** @type {Finding} */ { level }) => level === "warning";

  /** @param {Finding} finding */
  const row = (finding) => {
    const { check, id, level, text, names } = finding;
    const instance = findInstance(session.doc, id);
    const name = nameOf(session.doc, id);
    const fix =
      !instance?.locked &&
      (check === "offered_keypoints" ? () => confidence.confirm(id, finding.indexes) : FIXES[check]);
    const then = (/** @type {() => void} */ act) => () => {
      act();
      refresh();
      if (review.open) ask();
    };
    return h(
      "li",
      { "data-check": check },
      h(
        "button.pick",
        {
          onclick: () => {
            review.close();
            jump(finding);
          },
        },
        icon(level),
        h(
          "span",
          { dir: "auto" },
          ...[name, text, names]
            .filter(Boolean)
            .flatMap((part, at) => [at && ": ", h("span", { translate: part === text }, part)]),
        ),
      ),
      fix &&
        h(
          "button.small",
          {
            onclick: then(() => {
              if (id) session.select(id);
              fix(session, finding);
            }),
          },
          t.fixes[check],
        ),
      h(
        "button.ghost",
        {
          title: t.isRight,
          onclick: then(() => (check === "low_confidence" ? confidence.confirm(id, finding.indexes) : accept(finding))),
        },
        icon("check"),
      ),
    );
  };

  let timer = 0;
  const summary = h("summary");
  const list = h("ul.findings");
  const root = h("details.checks", { hidden: true }, summary, list);
  /**
   * @param {boolean} [whole] true runs all checks now; otherwise they continue in slices, so that the page stays
   *     responsive
   */
  const refresh = (whole) => {
    clearTimeout(timer);
    const end = performance.now() + SLICE;
    if (
      !whole &&
      !session.doc.instances.every((one) => performance.now() < end && findingsIn(session.skeleton, one, session.size))
    ) {
      timer = setTimeout(refresh);
      return;
    }
    all = [...confidence.findings(), ...checkDoc(session.skeleton, session.doc, session.size, session.original)];
    const shown = open().filter(
      (finding) =>
        !UNFINISHED.includes(finding.check) || (isWarning(finding) && finding.id && finding.id !== session.active),
    );
    const level = shown.some(isWarning) ? "warning" : "info";
    put(root, "hidden", !shown.length);
    put(root, "data-level", level);
    summary.replaceChildren(icon(level), t.toCheck(shown.length));
    list.replaceChildren(...shown.map(row));
  };

  const asked = h("ul.findings");
  const review = dialog(
    "review",
    t.beforeSubmit,
    h("p", {}, t.unusual),
    asked,
    h(
      "div.row",
      {},
      h("button", { onclick: () => review.close() }, t.keepLabelling),
      h(
        "button.primary.anyway",
        {
          onclick: () => {
            all.forEach(accept);
            review.close();
            submit();
          },
        },
        t.submitAnyway,
      ),
    ),
  );
  /** @returns {boolean} whether there are warnings, which are then shown */
  const ask = () => {
    refresh(true);
    const warnings = open().filter(isWarning);
    asked.replaceChildren(...warnings.map(row));
    if (!warnings.length) review.close();
    else if (!review.open) review.showModal();
    return warnings.length > 0;
  };

  return {
    root,
    review,
    refresh,
    ask,
    /** Return, for the answer, the findings at the time of submission. */
    details: () => ({
      findings: all.map(({ check, level, id, indexes }) => ({
        check,
        level,
        ...(id && { id }),
        ...(indexes.length && { keypoints: indexes.map((index) => session.skeleton.keypoints[index].label) }),
      })),
      prelabels: confidence.details(),
    }),
  };
}
