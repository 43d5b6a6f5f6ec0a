/**
 * The later script, loaded after the element: checks, confidence, help, brightness, and the previous image's instances.
 * None of them is needed before the image has loaded.
 */
import { confidenceOf } from "./confidence.js";
import { dropOldDrafts } from "./expiry.js";
import { findingsOf } from "./findings.js";
import { helpDialog } from "./help.js";
import { lightDialog } from "./light.js";
import { copyImage, keepPrevious, previousOf } from "./previous.js";
import { leaveOutSleep } from "./sleep.js";
import { t } from "../texts.js";

/**
 * @param {import("../app.js").App} app
 * @param {(finding: import("./checks.js").Finding) => void} jump
 * @param {() => void} submit despite the warnings
 * @param {HTMLElement} root the parent of the dialogs
 * @param {number} checkBelow keypoints of pre-labels with a lower score are to be checked
 * @param {string} task the key of its drafts
 * @param {import("../clock.js").Clock} clock
 */
export function laterOf({ session, stage, prefs, savePrefs }, jump, submit, root, checkBelow, task, clock) {
  dropOldDrafts(task);
  leaveOutSleep(clock, root);
  const confidence = confidenceOf(session, stage, checkBelow);
  const findings = findingsOf(session, confidence, jump, submit);
  const light = lightDialog(prefs, stage.applyLook);
  root.append(findings.review, light);
  /** @type {HTMLDialogElement | undefined} */
  let help;
  return {
    ...findings,
    confirmNext: confidence.confirmNext,
    take: confidence.take,
    light: () => light.show(),
    keepPrevious,
    notice: () => (stage.isPartial ? t.partial : ""),
    copyPrevious: (/** @type {string} */ series, /** @type {string} */ image) =>
      copyImage(session, previousOf(series, image)),
    // Build the dialog at its first use: its rows are half of all the element's nodes.
    help: () => (help ??= root.appendChild(helpDialog(prefs, savePrefs))).showModal(),
  };
}
