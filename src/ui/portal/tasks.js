/**
 * The tasks that a worker holds: the shown one, the next one, and when to renew leases. Pure functions of their
 * arguments.
 */
/** @import {Mine, Task, Tasks, Why} from "./types.js" */

/** Delay of a renewal after half of the lease, in seconds. The server does not renew earlier than at half. */
const LATER = 5;
/** Shortest interval between renewals, in seconds. */
const LEAST = 30;
/** Age above which a link is replaced by a newer one, in seconds. A link is valid for one hour. */
const FRESH = 1800;

/** @typedef {Task & {signed: number}} Held a task, and when its links were signed */

/**
 * @typedef {object} Desk
 * @property {Held[]} tasks the first one is shown
 * @property {Why | null} why the reason if there is no task
 * @property {Mine} mine
 * @property {number[]} finished lines that this page answered or skipped
 * @property {boolean} isLost whether the shown task's lease ended, so that another worker may have the task
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
 * Merge the server's tasks. The shown task stays until it is finished: only the worker may discard work.
 * @param {Desk} desk
 * @param {Tasks} answer
 * @param {number} now seconds since 1970
 * @returns {Desk}
 */
export function received(desk, answer, now) {
  // A response that was sent before a task was finished may still contain it.
  const offered = answer.tasks.filter(({ line }) => !desk.finished.includes(line));
  const [shown] = desk.tasks;
  const renewed = offered.map((task) => {
    const held = desk.tasks.find(({ line }) => line === task.line);
    // Keep the old link: with another address, the image would be loaded again.
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
    // The server may omit a task that it cannot prepare at the moment. Until its lease ends, the task is this worker's.
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

/**
 * Return the interval at which to ask for tasks while there are none, in seconds; Infinity for never.
 * @param {Why | null} why
 */
export const askAgainIn = (why) =>
  why === "waiting" ? 20 : why === "paused" || why === "you are paused" ? 30 : Infinity;
