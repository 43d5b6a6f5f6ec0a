/** Numbers, times and durations in the language of the page. */
import { t } from "./texts.js";

/** @param {number} value */
export const number = (value) => value.toLocaleString(t.lang);

/**
 * @param {number} value 0 to 1, in steps of 10⁻⁶ or more
 * @returns {string} the percentage, with decimals only where it would look like 0 % or 100 % without being it
 */
export function percent(value) {
  const looksRight = (/** @type {number} */ decimals) =>
    value <= 0 || value >= 1 || ![0, 100].includes(Number((100 * value).toFixed(decimals)));
  const maximumFractionDigits = [0, 1, 2, 3].find(looksRight) ?? 4;
  return value.toLocaleString(t.lang, { style: "percent", maximumFractionDigits });
}

/** @param {number} value @param {string} unit */
const inUnit = (value, unit) =>
  value.toLocaleString(t.lang, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 });

/** @param {number} seconds @returns {string} "40 sec", "12 min", "3 hr 5 min" */
export function duration(seconds) {
  if (seconds < 59.5) return inUnit(Math.round(seconds), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return inUnit(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return minutes % 60 && hours < 24
    ? `${inUnit(hours, "hour")} ${inUnit(minutes % 60, "minute")}`
    : inUnit(hours, "hour");
}

/** @param {number} time seconds since 1970 @returns {string} */
export const dayAndTime = (time) =>
  new Date(time * 1000).toLocaleString(t.lang, {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });

/** @param {number} time seconds since 1970 @returns {string} */
export const clockTime = (time) =>
  new Date(time * 1000).toLocaleTimeString(t.lang, { hour: "2-digit", minute: "2-digit" });

/** @param {number} time seconds since 1970 @param {number} now @returns {string} the time of day if it is today */
export const moment = (time, now) => (Math.abs(now - time) < 43_200 ? clockTime(time) : dayAndTime(time));

/** @param {number} bytes */
export const size = (bytes) =>
  bytes < 1e6 ? inUnit(Math.max(1, Math.round(bytes / 1e3)), "kilobyte") : inUnit(bytes / 1e6, "megabyte");
