/** One window of a browser labels a job at a time: two windows would hold the same tasks. */

/**
 * @param {string} job
 * @param {() => void} begin this window labels
 * @param {(takeOver: () => void) => void} stop another window does
 * @returns {() => void} ends it
 */
export function takeDesk(job, begin, stop) {
  const { locks } = navigator;
  let hasEnded = false;
  /** Lets the lock go. @type {() => void} */
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
        // Another window has taken it.
        if (!hasEnded) stop(takeOver);
      });
  const takeOver = () => void request({ steal: true });
  void request({ ifAvailable: true });
  return () => {
    hasEnded = true;
    release();
  };
}
