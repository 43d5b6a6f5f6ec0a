/** The clock: total and active time, time per keypoint and what was done how often. All times are milliseconds of any origin. */

/** A pause longer than this is no work: quality metrics cap gaps at the same length. */
export const IDLE_CAP_SECONDS = 30;

const tenths = (/** @type {number} */ milliseconds) => Math.round(milliseconds / 100) / 10;

export class Clock {
  active = 0;
  placedAt = 0;
  /** @type {Record<string, number>} */
  actions = {};
  /** @type {Record<string, number>} by keypoint label */
  perKeypoint = {};

  constructor(now = performance.now()) {
    this.start = this.last = now;
  }

  /** Any input of the worker. */
  tick(now = performance.now()) {
    this.active += Math.min(now - this.last, IDLE_CAP_SECONDS * 1000);
    this.last = now;
  }

  /** @param {string} action */
  act(action, now = performance.now()) {
    this.tick(now);
    this.actions[action] = (this.actions[action] ?? 0) + 1;
  }

  /** The active time since the last placement belongs to this keypoint. @param {string} label */
  placed(label, now = performance.now()) {
    this.tick(now);
    this.perKeypoint[label] = (this.perKeypoint[label] ?? 0) + this.active - this.placedAt;
    this.placedAt = this.active;
  }

  totalSeconds(now = performance.now()) {
    return (now - this.start) / 1000;
  }

  details() {
    return {
      active_time_in_seconds: tenths(this.active),
      actions: this.actions,
      time_per_keypoint: Object.fromEntries(Object.entries(this.perKeypoint).map(([label, time]) => [label, tenths(time)])),
    };
  }
}
