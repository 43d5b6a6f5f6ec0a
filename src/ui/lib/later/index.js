/** What nobody needs before the image is there: checks, help, and light. It is a script of its own, loaded after the element. */
import { findingsOf } from "./findings.js";
import { helpDialog } from "./help.js";
import { lightDialog } from "./light.js";

/**
 * @param {import("../app.js").App} app
 * @param {(finding: import("./checks.js").Finding) => void} jump
 * @param {() => void} submit despite the warnings
 * @param {HTMLElement} root where dialogs are put
 */
export function laterOf({ session, stage, prefs, savePrefs }, jump, submit, root) {
  const findings = findingsOf(session, jump, submit);
  const light = lightDialog(prefs, stage.applyLook);
  root.append(findings.review, light);
  /** @type {HTMLDialogElement | undefined} */
  let help;
  return {
    ...findings,
    light: () => light.show(),
    // Built when it is first wanted: its rows are half of all the element's nodes.
    help: () => (help ??= root.appendChild(helpDialog(prefs, savePrefs))).showModal(),
  };
}
