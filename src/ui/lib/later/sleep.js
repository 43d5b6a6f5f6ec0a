/**
 * Leaves the time during which the computer slept out of the worker's time. The page stays visible meanwhile, and on
 * Windows `performance.now()` continues.
 */

const BEAT = 5000;
/** Delay of a timer above which the computer slept, in milliseconds. A visible page's timers are otherwise earlier. */
const ASLEEP = 60_000;

/** @param {import("../clock.js").Clock} clock @param {HTMLElement} root of the app */
export function leaveOutSleep(clock, root) {
  let before = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // The last input may be later than the last beat.
    if (now - before > ASLEEP) clock.last = Math.min(now, clock.last + now - before);
    before = now;
    if (!root.isConnected) clearInterval(timer);
  }, BEAT);
}
