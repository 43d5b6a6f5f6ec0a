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
  ["Arrows, Shift + arrows", "Move the selected keypoint by 1, by 10 screen pixels"],
  ["Ctrl + arrows, after N", "Up and down scale, left and right turn"],
  ["Enter, after V or G", "Draw it without a pointer"],
  ["1 … 9, Shift + 1 … 9", "Choose keypoint 1 to 9, 10 to 18"],
];

/**
 * One name per key stroke: letters lower case whatever Caps Lock says, digits by their place on the keyboard.
 * @param {{key: string, code?: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}} event
 * @returns {string} "" for strokes that are never ours
 */
export function strokeOf({ key, code = "", ctrlKey, metaKey, shiftKey, altKey }) {
  if (altKey || key === "Dead" || key === "Unidentified") return "";
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  const small = key.length === 1 ? key.toLowerCase() : key;
  // Other characters have Shift in them already: "?" is no "Shift+?".
  const shift = shiftKey && (digit || key.length > 1 || small !== key.toUpperCase());
  return `${ctrlKey || metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${digit ?? (key === " " ? "Space" : small)}`;
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
