/** Signing in again beside open work: in a new window, while this page waits. */
/** @import {Me} from "./types.js" */
import { h } from "../lib/dom.js";
import { ApiError } from "./api.js";
import { signInLink } from "./route.js";
import { openDialog } from "./parts.js";
import { t } from "./texts.js";

/** How often to look whether somebody has signed in, where the other window could not say so. Milliseconds. */
const LOOK_AGAIN = 4000;
/** The pages of this browser tell each other that somebody has signed in. */
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("truepoint-portal");

/** Tell the other pages. */
export const tellSignedIn = () => channel?.postMessage("signed-in");

/** @param {(event: MessageEvent) => void} listener @param {AbortSignal} signal */
export const onSignedIn = (listener, signal) => channel?.addEventListener("message", listener, { signal });

/** @param {string} text */
export const signInWindow = (text) =>
  h("a.button.primary", { href: signInLink("#/signed-in"), target: "_blank", rel: "noopener" }, text);

/** Time for a draft to be written. Milliseconds. */
const TO_WRITE = 300;

/** Show this page to whoever is signed in now. The work that leaves it is kept as a draft. */
function startAnew() {
  document.body.replaceChildren();
  setTimeout(() => location.reload(), TO_WRITE);
}

/** @type {Promise<Me> | null} */
let asking = null;

/**
 * Wait until the same person is signed in again. All requests that need it share one dialog.
 * @param {() => Promise<Me>} ask who is signed in
 * @param {string} person who must be: the pseudonym; empty for anybody
 * @returns {Promise<Me>}
 * @throws {ApiError} 401: the person chose to go on with the work first
 */
export const signedInAgain = (ask, person) => (asking ??= waitForSignIn(ask, person).finally(() => (asking = null)));

/** @type {typeof signedInAgain} */
function waitForSignIn(ask, person) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const { signal } = over;
    const text = h("p", {}, t.sessionOverText);
    const row = h(
      "div.row",
      {},
      h("button", { type: "button", onclick: () => dialog.close() }, t.keepEditing),
      signInWindow(t.signIn),
    );
    const dialog = openDialog(t.sessionOver, text, row);
    dialog.addEventListener("close", () => {
      over.abort();
      reject(new ApiError(401, "signed-out", t.sessionOver));
    });
    const look = async () => {
      const me = await ask().catch(() => null);
      if (!me || signal.aborted) return;
      if (!person || me.person.id === person) {
        resolve(me);
        dialog.close();
        return;
      }
      // Somebody else: their page must not show this person's work, and cannot submit it.
      dialog.replaceChildren(
        h("h2", {}, t.somebodyElse(me.person.name)),
        h("p", {}, t.somebodyElseText),
        h("div.row", {}, h("button.primary", { type: "button", onclick: startAnew }, t.goOnAs(me.person.name))),
      );
    };
    onSignedIn(look, signal);
    addEventListener("focus", look, { signal });
    addEventListener("hashchange", () => dialog.close(), { signal });
    const timer = setInterval(() => document.hidden || look(), LOOK_AGAIN);
    signal.addEventListener("abort", () => clearInterval(timer));
    void look();
  });
}
