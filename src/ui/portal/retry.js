/** Decides whether and when a request is sent again. */

/** Longest pause before the second attempt, in milliseconds. */
const FIRST = 1000;
/** Longest pause in milliseconds, unless the server requests a longer one. */
const LONGEST = 30_000;

/** @param {number} status 0 without a response @returns {boolean} whether the same request may succeed later */
export const isTransient = (status) => status === 0 || status === 429 || status >= 500;

/**
 * Return the pause by exponential back-off with jitter, so that many pages do not send at the same moment.
 * @param {number} attempt index of the failed attempt, from 0
 * @param {number} [retryAfter] pause that the server requested, in seconds
 * @param {number} [random] from 0 to 1
 * @returns {number} milliseconds
 */
export const delayOf = (attempt, retryAfter = 0, random = Math.random()) =>
  Math.max(retryAfter * 1000, Math.min(LONGEST, FIRST * 2 ** attempt) * (0.5 + random / 2));
