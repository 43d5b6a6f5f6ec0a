/** Renewed sign-in during open work: in a new window, while this page waits. */
/** @import {Me} from "./types.js" */
import { h } from "../lib/dom.js";
import { ApiError } from "./api.js";
import { signInLink } from "./route.js";
import { openDialog } from "./parts.js";
import { t } from "./texts.js";

/** Interval at which to check for a sign-in, in milliseconds, in case the other window's message does not arrive. */
const LOOK_AGAIN = 4000;
/** The channel over which pages of this browser announce a sign-in. */
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("truepoint-portal");

/** Announce a sign-in to the other pages. */
export const tellSignedIn = () => channel?.postMessage("signed-in");

/** @param {(event: MessageEvent) => void} listener @param {AbortSignal} signal */
export const onSignedIn = (listener, signal) => channel?.addEventListener("message", listener, { signal });

/** @param {string} text */
export const signInWindow = (text) =>
  h("a.button.primary", { href: signInLink("#/signed-in"), target: "_blank", rel: "noopener" }, text);

/** Time for a draft to be written, in milliseconds. */
const TO_WRITE = 300;

/** Load the page anew for the person who is signed in now. The open work is kept as a draft. */
function startAnew() {
  document.body.replaceChildren();
  setTimeout(() => location.reload(), TO_WRITE);
}

/** @type {Promise<Me> | null} */
let asking = null;

/**
 * Wait until the same person is signed in again. All requests that need it share one dialog.
 * @param {() => Promise<Me>} ask returns who is signed in
 * @param {string} person pseudonym of the expected person; empty for anybody
 * @returns {Promise<Me>}
 * @throws {ApiError} 401 if the person chose to continue working first
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
      // Another person signed in: they must not see or submit this person's work.
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
