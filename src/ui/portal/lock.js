/** A lock that lets only one window of a browser label a job at a time: two windows would hold the same tasks. */

/**
 * @param {string} job
 * @param {() => void} begin runs when this window gets the lock
 * @param {(takeOver: () => void) => void} stop runs when another window has or takes the lock
 * @returns {() => void} releases the lock
 */
export function takeDesk(job, begin, stop) {
  const { locks } = navigator;
  let hasEnded = false;
  /** Releases the lock. @type {() => void} */
  let release = () => {};
  if (!locks) {
    begin();
    return release;
  }
  /** @param {LockOptions} options */
  const request = (options) =>
    locks
      .request(`truepoint-desk:${job.toLowerCase()}`, options, (lock) => {
        if (hasEnded) return undefined;
        if (!lock) {
          stop(takeOver);
          return undefined;
        }
        begin();
        return new Promise((resolve) => (release = () => resolve(undefined)));
      })
      .catch(() => {
        // Another window has taken the lock.
        if (!hasEnded) stop(takeOver);
      });
  const takeOver = () => void request({ steal: true });
  void request({ ifAvailable: true });
  return () => {
    hasEnded = true;
    release();
  };
}
