/**
 * Shortcuts, the one source: the element's keys, its help, and the table of the labeller guide come from here.
 * The original component's keys keep their meaning where it had one (q b v n m , . c x z w s a d Delete).
 */

/** @type {Record<string, Record<string, [text: string, ...keys: string[]]>>} by group and command */
export const GROUPS = {
  Placing: {
    place: ["Place the next keypoint where it is expected", "Enter"],
    skip: ["The next keypoint is not visible", "u"],
    outside: ["The next keypoint is outside the image", "i"],
    skipRest: ["The remaining keypoints are not visible", "Shift+u"],
    complete: ["Place the remaining keypoints where they are expected", "f"],
    new: ["Start a new instance", "b"],
    draw: ["Draw a whole skeleton", "v"],
    copy: ["Copy the pose of this instance to the pointer", "p"],
  },
  Keypoint: {
    occlude: ["Selected keypoint: visible or occluded", "o", "Space"],
    delete: ["Delete the selected keypoint", "Delete", "Backspace"],
    swap: ["Swap the selected keypoint with its pair", "r"],
    swapLimb: ["Swap the whole limb with the other side", "Shift+r"],
    hidePoint: ["Hide or show the selected keypoint", "k"],
  },
  Choosing: {
    previous: ["Previous keypoint", "w"],
    next: ["Next keypoint", "s"],
    previousPending: ["Previous keypoint without a place", "a"],
    nextPending: ["Next keypoint without a place", "d"],
    previousInstance: ["Previous instance", "["],
    nextInstance: ["Next instance", "]"],
  },
  Instance: {
    adjust: ["Move, scale and turn this instance", "n"],
    box: ["Draw the box around this instance", "g"],
    swapAll: ["Swap left and right of this instance", "t"],
    mirror: ["Mirror the pose of this instance", "Shift+t"],
    hide: ["Hide or show this instance", "h"],
    isolate: ["Show only this instance, or all", "j"],
    hideAll: ["Hide or show all instances", "m"],
    deleteInstance: ["Delete this instance", "Shift+Delete", "Shift+Backspace"],
  },
  View: {
    zoomIn: ["Zoom in", "c", "+", "="],
    zoomOut: ["Zoom out", "x", "-"],
    fit: ["Show the whole image", "z", "0"],
    focus: ["Zoom to this instance", "e"],
    names: ["Hide or show all names", "y"],
    loupe: ["Magnifier at the pointer", "l"],
    crosshair: ["Crosshair at the pointer", "Shift+c"],
    light: ["Brightness and contrast", "Shift+l"],
  },
  Work: {
    undo: ["Undo", "Ctrl+z", ","],
    redo: ["Redo", "Ctrl+Shift+z", "Ctrl+y", "."],
    placing: ["Back to placing; cancel", "q", "Escape"],
    help: ["Shortcuts and instructions", "?"],
    submit: ["Check and submit", "Ctrl+Enter"],
  },
};

/** The same without groups. */
export const SHORTCUTS = Object.assign({}, ...Object.values(GROUPS));

/** What the pointer does, and keys that come in rows: part of the same table, but not changed one by one. */
export const GESTURES = [
  ["Click", "Place the next keypoint; when none is left, select one"],
  ["Right click", "Place it as occluded"],
  ["Drag a keypoint", "Move it"],
  ["Shift + drag", "Move it with all that hangs on it"],
  ["Ctrl + click", "Select a keypoint of any instance"],
  ["Drag elsewhere, or with the middle button", "Move the image"],
  ["Wheel, or pinch", "Zoom"],
  ["Two fingers on a trackpad", "Move the image"],
  ["Arrows, Shift + arrows", "Move the selected keypoint by 1, by 10 screen pixels"],
  ["Ctrl + arrows, after N", "Up and down scale, left and right turn"],
  ["Enter, after V or G", "Draw it without a pointer"],
  ["1 … 9, Shift + 1 … 9", "Choose keypoint 1 to 9, 10 to 18"],
];

/** Commands that a held key repeats. */
export const REPEATED = ["zoomIn", "zoomOut", "undo", "redo", "previous", "next", "previousPending", "nextPending", "previousInstance", "nextInstance"];

/**
 * @typedef {object} Key of a keyboard event
 * @property {string} key
 * @property {string} [code]
 * @property {boolean} ctrlKey
 * @property {boolean} metaKey
 * @property {boolean} shiftKey
 * @property {boolean} altKey
 */

/** Characters by position on a keyboard with Latin letters. @type {Record<string, string>} */
const POSITIONS = { Digit0: "0", BracketLeft: "[", BracketRight: "]", Comma: ",", Period: ".", Minus: "-", Equal: "=" };

/**
 * @param {Key} event
 * @param {string} key
 * @param {boolean} shift
 */
const named = ({ ctrlKey, metaKey }, key, shift) => `${ctrlKey || metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key === " " ? "Space" : key}`;

/**
 * Return a name for the character of a key stroke: letters in lower case whatever Caps Lock says.
 * @param {Key} event
 * @returns {string} "" for strokes that are never ours
 */
export function strokeOf(event) {
  const { key, shiftKey, altKey } = event;
  const small = key.length === 1 ? key.toLowerCase() : key;
  // AltGr, or Option, types brackets on German and French keyboards; Windows reports AltGr as Ctrl + Alt.
  if (altKey) return /^[^\p{L}\p{N}\s]$/u.test(key) ? key : "";
  if (key === "Dead" || key === "Unidentified") return "";
  // Other characters have Shift in them already: "?" is no "Shift+?".
  return named(event, small, shiftKey && (key.length > 1 || small !== key.toUpperCase()));
}

/**
 * Return a name for the position of a key, for layouts whose character there is no Latin letter (Cyrillic, Greek, Hebrew, "ü").
 * @param {Key} event
 * @returns {string} "" for none
 */
function positionOf(event) {
  const { key, code = "", shiftKey, altKey } = event;
  if (altKey || /^[a-z]$/i.test(key)) return "";
  const at = /^Key(\w)$/.exec(code)?.[1].toLowerCase() ?? POSITIONS[code];
  return at ? named(event, at, shiftKey) : "";
}

/**
 * Return the keypoint that the row of digits chooses, by position: Shift changes the characters of that row, and French
 * keyboards have digits only with Shift.
 * @param {Key} event
 * @returns {number} index; -1 for none
 */
export function digitOf({ key, code = "", ctrlKey, metaKey, shiftKey, altKey }) {
  const digit = Number(/^[1-9]$/.test(key) ? key : /^Digit([1-9])$/.exec(code)?.[1] ?? 0);
  return digit && !ctrlKey && !metaKey && !altKey ? digit - 1 + (shiftKey ? 9 : 0) : -1;
}

/** @typedef {{keys?: Record<string, string[]>}} Own a worker's own keys by command; an empty list turns one off */

/** @param {string} id @param {Own} own @returns {string[]} */
export const keysOf = (id, own) => own.keys?.[id] ?? SHORTCUTS[id].slice(1);

/**
 * @param {Own} [own]
 * @returns {Map<string, string>} stroke to command; a worker's own key wins over one that was delivered
 */
export function keymap(own = {}) {
  const isOwn = (/** @type {string} */ id) => Number(id in (own.keys ?? {}));
  const ids = Object.keys(SHORTCUTS).sort((a, b) => isOwn(a) - isOwn(b));
  return new Map(ids.flatMap((id) => keysOf(id, own).map((key) => [key, id])));
}

/**
 * Return the command of a key stroke: by character, else by position.
 * @param {Key} event
 * @param {Own} [own]
 * @returns {string | undefined}
 */
export function commandOf(event, own) {
  const map = keymap(own);
  const isDigit = digitOf(event) >= 0;
  // French keyboards have "-" on the key of keypoint 6, Swiss ones "+" on that of keypoint 10: zooming has other keys.
  if (isDigit && "+-=".includes(event.key)) return undefined;
  return map.get(strokeOf(event)) ?? (isDigit ? undefined : map.get(positionOf(event)));
}

/** @param {string} stroke as people write it */
export const strokeText = (stroke) =>
  stroke
    .split(/\+(?=.)/)
    .map((key) => (key.length === 1 ? key.toUpperCase() : key))
    .join(" + ");

/** What a command does, and its first key. @param {string} id @param {Own} own */
export function titleOf(id, own) {
  const [key] = keysOf(id, own);
  return `${SHORTCUTS[id][0]}${key ? ` (${strokeText(key)})` : ""}`;
}
