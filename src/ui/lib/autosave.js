/** Autosave: keeps a draft of this page's work up to date until the host confirms that the answer arrived. */
import { dropDraft, dropOldDrafts, loadDrafts, saveDraft } from "./drafts.js";

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
 * @param {import("./session.js").Session} session
 * @param {import("./clock.js").Clock} clock
 * @param {string} task its key
 * @param {() => void} check runs at every pause of the work (debounced: not during a drag or a burst of clicks)
 * @param {() => void} changed runs when a submission begins, ends, or has not been confirmed in time
 * @param {AbortSignal} signal
 * @param {string} [key] of this page's draft, if the page has begun one
 */
export function autosave(
  session,
  clock,
  task,
  check,
  changed,
  signal,
  key = task + crypto.getRandomValues(new Uint32Array(2)).join(""),
) {
  let saveTimer = 0;
  let checkTimer = 0;
  /** When the submission in flight began, and its document; 0 for none. */
  let sentAt = 0;
  let sentDoc = session.kept;
  let sentTimer = 0;
  /** The document that was written last, or with which the page began. */
  let saved = session.kept;
  /** Whether the answer has arrived. From then on no draft is kept. */
  let isSafe = false;

  /**
   * @returns {Promise<boolean>} whether the draft is on the disk. The draft records whether a submission is in flight.
   */
  const write = async () => {
    clearTimeout(saveTimer);
    saveTimer = 0;
    if (isSafe) return true;
    const doc = session.kept;
    const sent = sentAt > 0 && doc === sentDoc;
    saved = doc;
    if (doc !== session.original || sent)
      return saveDraft({ key, doc, at: Date.now(), clock: clock.save(), ...(sent && { sent }) });
    await dropDraft(key);
    return true;
  };

  const isUnsent = () => !isSafe && session.kept !== session.original;

  /** End the submission in flight, if there is one. */
  const settle = () => {
    clearTimeout(sentTimer);
    sentAt = 0;
    changed();
  };

  const saving = {
    key,

    /** Schedule a write after the document changed. */
    later() {
      isSafe = false;
      saveTimer ||= setTimeout(write, PAUSE);
      saving.checkLater();
    },

    checkLater() {
      clearTimeout(checkTimer);
      checkTimer = setTimeout(check, PAUSE);
    },

    /** Write pending changes at once. */
    now() {
      if (saved !== session.kept) write();
    },

    /** Whether a submission began that was neither confirmed nor refused. */
    get isInFlight() {
      return sentAt > 0;
    },

    /** Whether a submission began less than PATIENCE ago and the document has not changed since. */
    get isSending() {
      return sentAt > 0 && performance.now() - sentAt < PATIENCE && session.kept === sentDoc;
    },

    /** Record that a submission begins. */
    send() {
      clearTimeout(sentTimer);
      sentAt = performance.now();
      sentDoc = session.kept;
      sentTimer = setTimeout(changed, PATIENCE);
      write();
      changed();
    },

    settle,

    /** @returns {Promise<import("./drafts.js").Draft[]>} drafts of this task, written by this or other pages */
    find() {
      const drafts = loadDrafts(task, session.skeleton);
      // This reads the drafts of all tasks, so it must not delay the worker's own.
      drafts.then(() => dropOldDrafts(Date.now(), task));
      return drafts;
    },

    /** Continue with a draft, which becomes this page's own draft. @param {import("./drafts.js").Draft} draft */
    async take(draft) {
      clock.restore(draft.clock);
      session.restore(draft.doc);
      if (await write()) dropDraft(draft.key);
    },

    destroy() {
      saving.now();
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
  addEventListener("pagehide", saving.now, { signal });
  document.addEventListener("visibilitychange", () => document.hidden && isUnsent() && write(), { signal });
  // The portal's form sends these events. Ground Truth does not: there the draft stays, and the next page asks about
  // it.
  document.addEventListener(
    "answer-accepted",
    () => {
      // Work that changed after it was sent is not part of the answer that arrived.
      isSafe = !sentAt || session.kept === sentDoc;
      settle();
      if (isSafe) {
        clearTimeout(saveTimer);
        dropDraft(key);
      } else write();
    },
    { signal },
  );
  document.addEventListener("answer-failed", settle, { signal });
  return saving;
}
