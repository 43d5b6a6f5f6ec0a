/**
 * Shortcuts: the single source for the element's keys, its help, and the table in the labeller's guide. texts.js
 * describes the commands. Keys of the original component keep their meaning (q b v n m , . c x z w s a d Delete).
 */
import { t } from "./texts.js";

/** Keys by group and command, separated by spaces. @type {Record<string, Record<string, string>>} */
export const GROUPS = {
  placing: {
    place: "Enter",
    skip: "u",
    outside: "i",
    skipRest: "Shift+u",
    complete: "f",
    new: "b",
    draw: "v",
    copy: "p",
    previousPose: "Shift+p",
  },
  keypoint: {
    move: "Shift+m",
    confirm: ";",
    occlude: "o Space",
    delete: "Delete Backspace",
    swap: "r",
    swapLimb: "Shift+r",
    hidePoint: "k",
  },
  choosing: {
    previous: "w",
    next: "s",
    previousPending: "a",
    nextPending: "d",
    previousInstance: "[",
    nextInstance: "]",
  },
  instance: {
    adjust: "n",
    box: "g",
    swapAll: "t",
    mirror: "Shift+t",
    hide: "h",
    isolate: "j",
    hideAll: "m",
    deleteInstance: "Shift+Delete Shift+Backspace",
  },
  view: {
    zoomIn: "c + =",
    zoomOut: "x -",
    fit: "z 0",
    focus: "e",
    names: "y",
    loupe: "l",
    crosshair: "Shift+c",
    light: "Shift+l",
  },
  work: {
    undo: "Ctrl+z ,",
    redo: "Ctrl+Shift+z Ctrl+y .",
    placing: "q Escape",
    help: "?",
    submit: "Ctrl+Enter",
  },
};

/** The same without groups. @type {Record<string, string>} */
export const SHORTCUTS = Object.assign({}, ...Object.values(GROUPS));

/** Commands that a held key repeats. */
export const REPEATED = [
  "zoomIn",
  "zoomOut",
  "undo",
  "redo",
  "previous",
  "next",
  "previousPending",
  "nextPending",
  "previousInstance",
  "nextInstance",
];

/**
 * @typedef {object} Key of a keyboard event
 * @property {string} key
 * @property {string} [code]
 * @property {boolean} ctrlKey
 * @property {boolean} metaKey
 * @property {boolean} shiftKey
 * @property {boolean} altKey
 * @property {(name: string) => boolean} [getModifierState]
 */

/**
 * Return whether a key is pressed with Alt, Option or AltGr, which type other characters. Linux reports AltGr only as
 * a modifier state.
 * @param {Key} event
 */
const isAlt = (event) => event.altKey || event.getModifierState?.("AltGraph");

/** Characters by position on a keyboard with Latin letters. @type {Record<string, string>} */
const POSITIONS = {
  Digit0: "0",
  BracketLeft: "[",
  BracketRight: "]",
  Semicolon: ";",
  Comma: ",",
  Period: ".",
  Minus: "-",
  Equal: "=",
};

/**
 * @param {Key} event
 * @param {string} key
 * @param {boolean} shift
 */
const named = ({ ctrlKey, metaKey }, key, shift) =>
  `${ctrlKey || metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key === " " ? "Space" : key}`;

/**
 * Return a name for the character of a keystroke. Letters are in lower case, independent of Caps Lock.
 * @param {Key} event
 * @returns {string} "" for keystrokes that are never shortcuts
 */
export function strokeOf(event) {
  const { key, shiftKey } = event;
  // The Turkish "İ" becomes two characters in lower case.
  const small = key.length === 1 ? key.toLowerCase()[0] : key;
  // AltGr, or Option, types brackets on German and French keyboards; Windows reports AltGr as Ctrl + Alt.
  if (isAlt(event)) return /^[^\p{L}\p{N}\s]$/u.test(key) ? key : "";
  if (key === "Dead" || key === "Unidentified") return "";
  // Other characters already imply Shift: "?" is not "Shift+?".
  return named(event, small, shiftKey && (key.length > 1 || small !== key.toUpperCase()));
}

/**
 * Return a name for a key's position, for layouts without a Latin letter on that key (Cyrillic, Greek, Hebrew, "ü").
 * @param {Key} event
 * @returns {string} "" for none
 */
function positionOf(event) {
  const { key, code = "", shiftKey } = event;
  if (isAlt(event) || /^[a-z]$/i.test(key)) return "";
  const at = /^Key(\w)$/.exec(code)?.[1].toLowerCase() ?? POSITIONS[code];
  return at ? named(event, at, shiftKey) : "";
}

/**
 * Return the keypoint that a key of the digit row selects. The key's position counts, because Shift changes the
 * characters of that row, and French keyboards have digits only with Shift.
 * @param {Key} event
 * @returns {number} index; -1 for none
 */
export function digitOf(event) {
  const { key, code = "", ctrlKey, metaKey, shiftKey } = event;
  const digit = Number(/^[1-9]$/.test(key) ? key : (/^Digit([1-9])$/.exec(code)?.[1] ?? 0));
  return digit && !ctrlKey && !metaKey && !isAlt(event) ? digit - 1 + (shiftKey ? 9 : 0) : -1;
}

/** @typedef {{keys?: Record<string, string[]>}} Own a worker's own keys by command; an empty list turns one off */

/** @param {string} id @param {Own} own @returns {string[]} */
export const keysOf = (id, own) => own.keys?.[id] ?? SHORTCUTS[id].split(" ");

/**
 * @param {Own} [own]
 * @returns {Map<string, string>} command by keystroke; a worker's own key has priority over a default key
 */
export function keymap(own = {}) {
  const isOwn = (/** @type {string} */ id) => Number(id in (own.keys ?? {}));
  const ids = Object.keys(SHORTCUTS).sort((a, b) => isOwn(a) - isOwn(b));
  return new Map(ids.flatMap((id) => keysOf(id, own).map((key) => [key, id])));
}

/**
 * Return the command of a keystroke: by character, otherwise by position.
 * @param {Key} event
 * @param {Own} [own]
 * @returns {string | undefined}
 */
export function commandOf(event, own) {
  const map = keymap(own);
  const isDigit = digitOf(event) >= 0;
  // French keyboards have "-" on the key of keypoint 6, Swiss ones "+" on that of keypoint 10. Those keys do not zoom.
  if (isDigit && "+-=".includes(event.key)) return undefined;
  return map.get(strokeOf(event)) ?? (isDigit ? undefined : map.get(positionOf(event)));
}

/** Return a keystroke as shown to people. @param {string} stroke */
export const strokeText = (stroke) =>
  stroke
    .split(/\+(?=.)/)
    .map((key) => (key.length === 1 ? key.toUpperCase() : (t.keys[key] ?? key)))
    .join(" + ");

/** Return a command's description and its first key. @param {string} id @param {Own} own */
export function titleOf(id, own) {
  const [key] = keysOf(id, own);
  return `${t.commands[id]}${key ? ` (${strokeText(key)})` : ""}`;
}
