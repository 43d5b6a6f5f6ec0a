/** Autosave: the draft of this page follows the work, and stays until the answer is known to be safe. */
import { dropDraft, dropOldDrafts, loadDrafts, saveDraft } from "./drafts.js";

/** Milliseconds from an edit to its being written. With the write itself, work is on the disk within a second. */
const PAUSE = 300;
/** Milliseconds after which the page says that nobody confirmed a submission. It stays in flight: sending again is for the worker to decide. */
const PATIENCE = 4000;

/**
 * @param {import("./session.js").Session} session
 * @param {import("./clock.js").Clock} clock
 * @param {string} task its key
 * @param {() => void} check runs at every pause of the work: a drag or a burst of clicks costs nothing
 * @param {() => void} changed a submission began or ended
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
  /** What was written last, or what the page began with. */
  let saved = session.kept;
  /** The answer arrived: nothing is kept any more. */
  let isSafe = false;

  /** @returns {Promise<boolean>} whether it is on the disk; a submission in flight is part of the draft */
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

  /** The submission in flight, if any, is over. */
  const settle = () => {
    clearTimeout(sentTimer);
    sentAt = 0;
    changed();
  };

  const saving = {
    key,

    /** The document changed. */
    later() {
      isSafe = false;
      saveTimer ||= setTimeout(write, PAUSE);
      saving.checkLater();
    },

    checkLater() {
      clearTimeout(checkTimer);
      checkTimer = setTimeout(check, PAUSE);
    },

    /** Write at once what waits. */
    now() {
      if (saved !== session.kept) write();
    },

    /** Whether a submission began that nobody has confirmed or refused. */
    get isInFlight() {
      return sentAt > 0;
    },

    /** Whether it began just now, and what is shown is what was sent. */
    get isSending() {
      return sentAt > 0 && performance.now() - sentAt < PATIENCE && session.kept === sentDoc;
    },

    /** A submission begins. */
    send() {
      clearTimeout(sentTimer);
      sentAt = performance.now();
      sentDoc = session.kept;
      sentTimer = setTimeout(changed, PATIENCE);
      write();
      changed();
    },

    settle,

    /** @returns {Promise<import("./drafts.js").Draft[]>} of this task, by this or other pages */
    find() {
      dropOldDrafts(Date.now());
      return loadDrafts(task, session.skeleton);
    },

    /** Go on with a draft: it becomes this page's own. @param {import("./drafts.js").Draft} draft */
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
      // A host that accepted the answer leaves the page; one that could not, stays.
      if (isUnsent() && !(saving.isSending && navigator.onLine)) event.preventDefault();
    },
    { signal },
  );
  addEventListener("pagehide", saving.now, { signal });
  document.addEventListener("visibilitychange", () => document.hidden && isUnsent() && write(), { signal });
  // Events of the portal's form. Ground Truth has none: there the draft stays, and the next page asks about it.
  document.addEventListener(
    "answer-accepted",
    () => {
      isSafe = true;
      clearTimeout(saveTimer);
      settle();
      dropDraft(key);
    },
    { signal },
  );
  document.addEventListener("answer-failed", settle, { signal });
  return saving;
}
