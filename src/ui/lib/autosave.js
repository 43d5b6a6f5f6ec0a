/** Autosave: the draft of the task at hand follows the work, after a pause. */
import { dropDraft, dropOldDrafts, loadDraft, saveDraft } from "./drafts.js";

const PAUSE = 300;

/**
 * @param {import("./session.js").Session} session
 * @param {string} key of the task's draft
 * @param {() => void} check what else waits for a pause: a drag or a burst of clicks costs nothing
 * @param {AbortSignal} signal
 */
export function autosave(session, key, check, signal) {
  let timer = 0;
  /** The work is kept nowhere but on this page. */
  let unsaved = false;

  const save = () => {
    stop();
    if (session.doc === session.original) dropDraft(key);
    else unsaved = !saveDraft(key, session.doc, Date.now());
    check();
  };

  const stop = () => {
    clearTimeout(timer);
    timer = 0;
  };

  const saving = {
    later() {
      stop();
      timer = setTimeout(save, PAUSE);
    },

    /** What waits is saved at once. */
    now() {
      if (timer && session.doc !== session.original) save();
      stop();
    },

    /** The answer is on its way. */
    drop() {
      stop();
      unsaved = false;
      dropDraft(key);
    },

    /** @returns {string} the time of the draft that came back; "" for none */
    restore() {
      const draft = loadDraft(key, session.skeleton);
      dropOldDrafts(Date.now());
      if (!draft) return "";
      session.restore(draft.doc);
      return new Date(draft.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    },
  };
  // Where nothing can be stored, leaving by accident is asked about; a page that goes to sleep saves at once.
  addEventListener("beforeunload", (event) => unsaved && event.preventDefault(), { signal });
  addEventListener("pagehide", saving.now, { signal });
  return saving;
}
