/** Measures total and active time, time per keypoint, and how often each action was done. Times are in milliseconds. */
import { isNumber, isRecord } from "./json.js";

/**
 * Longest pause between inputs that counts fully as active time, in seconds. Quality metrics cap gaps at the same
 * value.
 */
const IDLE_CAP_SECONDS = 30;

const tenths = (/** @type {number} */ milliseconds) => Math.round(milliseconds / 100) / 10;
/** @param {any} value @returns {value is Record<string, number>} */
const isTable = (value) => isRecord(value) && Object.values(value).every(isNumber);

/** A clock that runs while the image is shown on a visible page. The app calls `run` and `pause`. */
export class Clock {
  total = 0;
  active = 0;
  placedAt = 0;
  /** The record has no prototype, because a keypoint may be called "constructor". @type {Record<string, number>} */
  actions = Object.create(null);
  /** @type {Record<string, number>} by keypoint label */
  perKeypoint = Object.create(null);
  running = false;
  last = 0;

  run(now = performance.now()) {
    if (!this.running) this.last = now;
    this.running = true;
  }

  /** Stop counting while the page is hidden or the image is unavailable. */
  pause(now = performance.now()) {
    this.tick(now);
    this.running = false;
  }

  /** Add the time since the worker's last input. */
  tick(now = performance.now()) {
    if (!this.running) return;
    this.total += now - this.last;
    this.active += Math.min(now - this.last, IDLE_CAP_SECONDS * 1000);
    this.last = now;
  }

  /** @param {string} action */
  act(action, now = performance.now()) {
    this.tick(now);
    this.actions[action] = (this.actions[action] ?? 0) + 1;
  }

  /** Add the active time since the last placement to this keypoint. @param {string} label */
  placed(label, now = performance.now()) {
    this.tick(now);
    this.perKeypoint[label] = (this.perKeypoint[label] ?? 0) + this.active - this.placedAt;
    this.placedAt = this.active;
  }

  totalSeconds(now = performance.now()) {
    return (this.total + (this.running ? now - this.last : 0)) / 1000;
  }

  details() {
    return {
      active_time_in_seconds: tenths(this.active),
      actions: { ...this.actions },
      time_per_keypoint: Object.fromEntries(
        Object.entries(this.perKeypoint).map(([label, time]) => [label, tenths(time)]),
      ),
    };
  }

  /** Return the times and counts for a draft. */
  save(now = performance.now()) {
    const { active, placedAt, actions, perKeypoint } = this;
    return structuredClone({ total: this.totalSeconds(now) * 1000, active, placedAt, actions, perKeypoint });
  }

  /** Add the times of a draft to those of this page. @param {any} saved */
  restore(saved) {
    if (
      ![saved?.total, saved?.active, saved?.placedAt].every(isNumber) ||
      !isTable(saved.actions) ||
      !isTable(saved.perKeypoint)
    )
      return;
    this.total += saved.total;
    this.active += saved.active;
    this.placedAt += saved.placedAt;
    for (const name of /** @type {const} */ (["actions", "perKeypoint"])) {
      for (const [key, value] of Object.entries(saved[name]))
        this[name][key] = (this[name][key] ?? 0) + /** @type {number} */ (value);
    }
  }
}
