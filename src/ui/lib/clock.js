/** The clock: total and active time, time per keypoint and what was done how often. Time is passed in, never read. */

/** A pause longer than this is no work: quality metrics cap gaps at the same length. */
export const IDLE_CAP_SECONDS = 30;

export class Clock {
  /** @param {number} now milliseconds, any origin */
  constructor(now) {
    this.start = now;
    this.last = now;
    this.active = 0;
    /** @type {Record<string, number>} */
    this.actions = {};
    /** @type {Record<string, number>} seconds by keypoint label */
    this.perKeypoint = {};
    this.placedAt = 0;
  }

  /** The image is there: what came before was waiting. @param {number} now */
  restart(now) {
    this.start = now;
    this.last = now;
    this.active = 0;
    this.placedAt = 0;
  }

  /** Any input of the worker. @param {number} now */
  tick(now) {
    this.active += Math.min(Math.max(0, now - this.last), IDLE_CAP_SECONDS * 1000);
    this.last = now;
  }

  /** @param {string} action */
  count(action) {
    this.actions[action] = (this.actions[action] ?? 0) + 1;
  }

  /** The active time since the last placement belongs to this keypoint. @param {string} label @param {number} now */
  placed(label, now) {
    this.tick(now);
    this.perKeypoint[label] = (this.perKeypoint[label] ?? 0) + (this.active - this.placedAt) / 1000;
    this.placedAt = this.active;
  }

  /** @param {number} now */
  totalSeconds(now) {
    return (now - this.start) / 1000;
  }

  /** @returns {{active_time_in_seconds: number, actions: Record<string, number>, time_per_keypoint: Record<string, number>}} */
  details() {
    const tenths = (/** @type {number} */ seconds) => Math.round(seconds * 10) / 10;
    return {
      active_time_in_seconds: tenths(this.active / 1000),
      actions: this.actions,
      time_per_keypoint: Object.fromEntries(
        Object.entries(this.perKeypoint).map(([label, seconds]) => [label, tenths(seconds)]),
      ),
    };
  }
}
