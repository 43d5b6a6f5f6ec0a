/** When a request is sent again. No clock of its own. */

/** Before the second try. Milliseconds. */
const FIRST = 1000;
/** Longest pause, unless the server asks for a longer one. Milliseconds. */
const LONGEST = 30_000;

/** @param {number} status 0 where no answer came @returns {boolean} whether the same request may succeed later */
export const isTransient = (status) => status === 0 || status === 429 || status >= 500;

/**
 * Exponential back-off with jitter, so that many pages do not come back at the same moment.
 * @param {number} attempt how many tries there were before this one
 * @param {number} [retryAfter] seconds that the server asked for
 * @param {number} [random] from 0 to 1
 * @returns {number} milliseconds
 */
export const delayOf = (attempt, retryAfter = 0, random = Math.random()) =>
  Math.max(retryAfter * 1000, Math.min(LONGEST, FIRST * 2 ** attempt) * (0.5 + random / 2));
