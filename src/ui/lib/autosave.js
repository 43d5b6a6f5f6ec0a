/** Autosave: keeps a draft of this page's work up to date until the host confirms that the answer arrived. */
import { allDrafts, dropDraft, saveDraft } from "./drafts.js";

/**
 * Delay from an edit to the start of its write, in milliseconds. Including the write, work is on the disk within 1 s.
 */
const PAUSE = 300;
/**
 * Time after which the page says that a submission was not confirmed, in milliseconds. The submission stays in flight:
 * the worker decides whether to send again.
 */
const PATIENCE = 4000;

/**
 * @typedef {object} Own the state of this page's draft and submission, which an app hands over to its successor
 * @property {string} key of the draft
 * @property {number} at when the draft was written last, in milliseconds since 1970
 * @property {number} sentAt when the submission in flight began; 0 for none
 * @property {import("./types.js").Doc} [sentDoc] the document that was submitted last
 * @property {import("./types.js").Size} [size] of the image, once it was shown
 * @property {boolean} [isSafe] whether the answer has arrived. From then on no draft is kept.
 */

/**
 * @param {import("./session.js").Session} session
 * @param {import("./clock.js").Clock} clock
 * @param {string} task its key
 * @param {() => void} check runs at every pause of the work (debounced: not during a drag or a burst of clicks)
 * @param {() => void} changed runs when a submission begins, ends, or has not been confirmed in time
 * @param {AbortSignal} signal
 * @param {Own} [own] of the app before this one
 */
export function autosave(
  session,
  clock,
  task,
  check,
  changed,
  signal,
  own = { key: task + crypto.getRandomValues(new Uint32Array(2)).join(""), at: 0, sentAt: 0 },
) {
  const { key } = own;
  let saveTimer = 0;
  let checkTimer = 0;
  let sentTimer = own.sentAt ? setTimeout(changed, PATIENCE) : 0;

  /**
   * @param {boolean} [isLast] whether the page is being left
   * @returns {Promise<boolean>} whether the draft is on the disk. The draft records whether a submission is in flight.
   */
  const write = async (isLast) => {
    clearTimeout(saveTimer);
    saveTimer = 0;
    const doc = session.kept;
    const sent = own.sentAt > 0 && doc === own.sentDoc;
    const isStored =
      !own.isSafe &&
      (sent || doc !== session.original) &&
      (await saveDraft(
        {
          key,
          doc,
          size: own.size,
          // A later version has a later time, even if the device's clock is set back.
          at: (own.at = Math.max(own.at + 1, Date.now())),
          clock: clock.save(),
          ...(sent && { sent }),
        },
        // A submitted draft may be a little older. Many of them would fill localStorage.
        isLast && !sent,
      ));
    // A slow store may write a draft after the answer has arrived or everything was undone.
    if (own.at && (own.isSafe || (!own.sentAt && session.kept === session.original))) await dropDraft(key);
    return isStored;
  };

  const isUnsent = () => !own.isSafe && session.kept !== session.original;

  /** End the submission in flight, if there is one. */
  const settle = () => {
    clearTimeout(sentTimer);
    own.sentAt = 0;
    write();
    changed();
  };

  const saving = {
    own,

    /** Schedule a write after the document changed. */
    later() {
      own.isSafe = false;
      saveTimer ||= setTimeout(write, PAUSE);
      saving.checkLater();
    },

    checkLater() {
      clearTimeout(checkTimer);
      checkTimer = setTimeout(check, PAUSE);
    },

    /** Whether a submission began that was neither confirmed nor refused. */
    get isInFlight() {
      return own.sentAt > 0;
    },

    /** Whether a submission began less than PATIENCE ago and the document has not changed since. */
    get isSending() {
      return own.sentAt > 0 && performance.now() - own.sentAt < PATIENCE && session.kept === own.sentDoc;
    },

    /** Record that a submission begins. */
    send() {
      clearTimeout(sentTimer);
      own.sentAt = performance.now();
      own.sentDoc = session.kept;
      sentTimer = setTimeout(changed, PATIENCE);
      write();
      changed();
    },

    settle,

    /** Continue with a draft, which becomes this page's own draft. @param {import("./drafts.js").Draft} draft */
    async take(draft) {
      clock.restore(draft.clock);
      session.restore(draft.doc);
      // The answer that was submitted from an earlier page may still arrive.
      if (draft.sent) own.sentDoc = session.kept;
      // Another tab may have gone on with its draft since it was offered here.
      if ((await write()) && !(await allDrafts(draft.key)).some(({ at }) => at > draft.at)) dropDraft(draft.key);
    },

    destroy() {
      write();
      for (const timer of [saveTimer, checkTimer, sentTimer]) clearTimeout(timer);
    },
  };
  addEventListener(
    "beforeunload",
    (event) => {
      // The page may be left without a question while a submission is under way and the browser is online.
      if (isUnsent() && !(saving.isSending && navigator.onLine)) event.preventDefault();
    },
    { signal },
  );
  addEventListener("pagehide", () => write(true), { signal });
  document.addEventListener("visibilitychange", () => document.hidden && write(), { signal });
  // The portal's form sends these events. Ground Truth does not: there the draft stays, and the next page asks about
  // it.
  document.addEventListener(
    "answer-accepted",
    (/** @type {any} */ { detail }) => {
      // Work that was never sent, or that changed after it was sent, is not part of the answer that arrived.
      own.isSafe = detail?.isDiscarded || session.kept === own.sentDoc;
      settle();
    },
    { signal },
  );
  document.addEventListener("answer-failed", settle, { signal });
  return saving;
}
