/** The tasks in a worker's hands: what is shown, what comes next, and when leases are renewed. No clock, no page. */
/** @import {Mine, Task, Tasks, Why} from "./types.js" */

/** Renew a little later than at half of a lease: the server renews no earlier. Seconds. */
const LATER = 5;
/** Renew no more often than this. Seconds. */
const LEAST = 30;
/** A link that was signed this long ago is replaced when there is a new one: it works for an hour. Seconds. */
const FRESH = 1800;

/** @typedef {Task & {signed: number}} Held a task, and when its links were signed */

/**
 * @typedef {object} Desk
 * @property {Held[]} tasks the first one is shown
 * @property {Why | null} why there is none
 * @property {Mine} mine
 * @property {number[]} finished lines that this page answered or skipped
 * @property {boolean} isLost somebody else may have the task that is shown
 * @property {boolean} isStarted whether the server has answered yet
 */

/** @returns {Desk} */
export const emptyDesk = () => ({
  tasks: [],
  why: null,
  mine: { answers: 0, seconds: 0, skips: 0 },
  finished: [],
  isLost: false,
  isStarted: false,
});

/**
 * Take what the server says. The task that is shown stays until it is finished: only the worker may drop work.
 * @param {Desk} desk
 * @param {Tasks} answer
 * @param {number} now seconds since 1970
 * @returns {Desk}
 */
export function received(desk, answer, now) {
  // An answer that was under way when a task was finished may still name it.
  const offered = answer.tasks.filter(({ line }) => !desk.finished.includes(line));
  const [shown] = desk.tasks;
  const renewed = offered.map((task) => {
    const held = desk.tasks.find(({ line }) => line === task.line);
    // The same link again: the image is loaded, and another address would load it anew.
    return held && now - held.signed < FRESH
      ? { ...held, until: task.until, since: task.since }
      : { ...task, signed: now };
  });
  const current = shown && (renewed.find(({ line }) => line === shown.line) ?? shown);
  const others = renewed.filter((task) => task !== current);
  return {
    ...desk,
    tasks: current ? [current, ...others] : others,
    why: answer.why,
    mine: answer.mine,
    // The server may leave out a task that it cannot prepare just now; a lease that lasts is still this worker's.
    isLost: Boolean(current && !renewed.includes(current) && current.until <= now),
    isStarted: true,
  };
}

/** @param {Desk} desk @param {number} line that was answered, skipped or given up @returns {Desk} */
export const finish = (desk, line) => ({
  ...desk,
  tasks: desk.tasks.filter((task) => task.line !== line),
  finished: [...desk.finished, line].slice(-50),
  isLost: false,
});

/** @param {Desk} desk @param {number} now seconds since 1970 @returns {number} seconds until leases are renewed; Infinity without any */
export function renewAfter({ tasks }, now) {
  const waits = tasks.map(({ until }) => (until - now) / 2 + LATER);
  return waits.length ? Math.max(LEAST, Math.min(...waits)) : Infinity;
}

/** How often to ask again while there is nothing to do. Seconds; Infinity for never. @param {Why | null} why */
export const askAgainIn = (why) =>
  why === "waiting" ? 20 : why === "paused" || why === "you are paused" ? 30 : Infinity;
