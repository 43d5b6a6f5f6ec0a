/**
 * Shortcuts, the one source: the element's keys, its help, and the table of the labeller guide come from here.
 * The original component's keys keep their meaning where it had one (q b v n m , . c x z w s a d Delete).
 */

/**
 * @typedef {object} Shortcut
 * @property {string} id
 * @property {string[]} keys
 * @property {string} group
 * @property {string} text
 */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { id: "place", keys: ["Enter"], group: "Placing", text: "Place the next keypoint where it is expected, then move it with the arrows" },
  { id: "skip", keys: ["u"], group: "Placing", text: "The next keypoint cannot be seen" },
  { id: "outside", keys: ["i"], group: "Placing", text: "The next keypoint is outside the image" },
  { id: "skipRest", keys: ["Shift+u"], group: "Placing", text: "None of the remaining keypoints can be seen" },
  { id: "complete", keys: ["f"], group: "Placing", text: "Place the remaining keypoints by the shape of the skeleton" },
  { id: "new", keys: ["b"], group: "Placing", text: "Start a new instance" },
  { id: "draw", keys: ["v"], group: "Placing", text: "Draw a whole skeleton: drag a box; from right to left for one seen from behind" },
  { id: "copy", keys: ["p"], group: "Placing", text: "Copy the pose of this instance to the pointer" },
  { id: "occlude", keys: ["o", "Space"], group: "Keypoint", text: "Selected keypoint: visible or occluded" },
  { id: "delete", keys: ["Delete", "Backspace"], group: "Keypoint", text: "Delete the selected keypoint" },
  { id: "swap", keys: ["r"], group: "Keypoint", text: "Swap the selected keypoint with its left or right pair" },
  { id: "swapLimb", keys: ["Shift+r"], group: "Keypoint", text: "Swap the whole limb with the other side" },
  { id: "hidePoint", keys: ["k"], group: "Keypoint", text: "Hide or show the selected keypoint" },
  { id: "previous", keys: ["w"], group: "Choosing", text: "Previous keypoint" },
  { id: "next", keys: ["s"], group: "Choosing", text: "Next keypoint" },
  { id: "previousPending", keys: ["a"], group: "Choosing", text: "Previous keypoint without a place" },
  { id: "nextPending", keys: ["d"], group: "Choosing", text: "Next keypoint without a place" },
  { id: "previousInstance", keys: ["["], group: "Choosing", text: "Previous instance" },
  { id: "nextInstance", keys: ["]"], group: "Choosing", text: "Next instance" },
  { id: "adjust", keys: ["n"], group: "Instance", text: "Move, scale and turn the whole instance" },
  { id: "box", keys: ["g"], group: "Instance", text: "Draw the box around the instance" },
  { id: "swapAll", keys: ["t"], group: "Instance", text: "Swap left and right of the whole instance" },
  { id: "mirror", keys: ["Shift+t"], group: "Instance", text: "Mirror the pose" },
  { id: "hide", keys: ["h"], group: "Instance", text: "Hide or show this instance" },
  { id: "isolate", keys: ["j"], group: "Instance", text: "Show only this instance, or all again" },
  { id: "hideAll", keys: ["m"], group: "Instance", text: "Hide or show all instances" },
  { id: "deleteInstance", keys: ["Shift+Delete", "Shift+Backspace"], group: "Instance", text: "Delete this instance" },
  { id: "zoomIn", keys: ["c", "+", "="], group: "View", text: "Zoom in" },
  { id: "zoomOut", keys: ["x", "-"], group: "View", text: "Zoom out" },
  { id: "fit", keys: ["z", "0"], group: "View", text: "Show the whole image" },
  { id: "focus", keys: ["e"], group: "View", text: "Zoom to this instance" },
  { id: "names", keys: ["y"], group: "View", text: "Show or hide all names on the image" },
  { id: "loupe", keys: ["l"], group: "View", text: "Magnifier at the pointer" },
  { id: "crosshair", keys: ["Shift+c"], group: "View", text: "Crosshair at the pointer" },
  { id: "undo", keys: ["Ctrl+z", ","], group: "Work", text: "Undo" },
  { id: "redo", keys: ["Ctrl+Shift+z", "Ctrl+y", "."], group: "Work", text: "Redo" },
  { id: "placing", keys: ["q", "Escape"], group: "Work", text: "Back to placing keypoints; cancel what is going on" },
  { id: "help", keys: ["?"], group: "Work", text: "Shortcuts and instructions" },
  { id: "submit", keys: ["Ctrl+Enter"], group: "Work", text: "Check and submit" },
];

/** What the pointer does, and keys that come in rows: part of the same table, but not changed one by one. */
export const GESTURES = [
  ["Click", "Place the next keypoint; when none waits: select the keypoint under the pointer"],
  ["Right click", "Place the next keypoint as occluded"],
  ["Drag a keypoint", "Move it"],
  ["Shift + drag", "Move it with all that hangs on it"],
  ["Ctrl + click", "Select the nearest keypoint of any instance"],
  ["Drag elsewhere, or with the middle button", "Move the image"],
  ["Wheel, or pinch", "Zoom"],
  ["Arrows, Shift + arrows", "Move the selected keypoint by one, by ten screen pixels"],
  ["Ctrl + arrows, in the frame of N", "Scale with up and down, turn with left and right"],
  ["Enter, after V or G", "Draw the skeleton in the middle, or the box around the keypoints, without a pointer"],
  ["1 … 9, Shift + 1 … 9", "Choose keypoint 1 to 9, 10 to 18"],
];

/**
 * One name per key stroke: letters lower case whatever Caps Lock says, digits by their place on the keyboard.
 * @param {{key: string, code?: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}} event
 * @returns {string} "" for strokes that are never ours
 */
export function strokeOf(event) {
  if (event.altKey || event.key === "Dead" || event.key === "Unidentified") return "";
  const digit = /^Digit(\d)$/.exec(event.code ?? "")?.[1];
  const letter = event.key.length === 1 && event.key.toLowerCase() !== event.key.toUpperCase();
  const shift = event.shiftKey && (letter || digit !== undefined || event.key.length > 1);
  const key = digit ?? (event.key === " " ? "Space" : letter ? event.key.toLowerCase() : event.key);
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/**
 * @param {Record<string, string[]>} [own] a worker's own keys by shortcut id; an empty list turns one off
 * @returns {Map<string, string>} stroke to shortcut id
 */
export function keymap(own = {}) {
  /** @type {Map<string, string>} */
  const map = new Map();
  for (const { id, keys } of SHORTCUTS) {
    if (!own[id]) for (const key of keys) map.set(key, id);
  }
  for (const [id, keys] of Object.entries(own)) {
    for (const key of keys) map.set(key, id);
  }
  return map;
}

/** @param {string} stroke as people write it */
export const strokeText = (stroke) =>
  stroke
    .replace("Escape", "Esc")
    .replace(/(^|\+)([a-z])$/, (_, before, letter) => before + letter.toUpperCase())
    .replaceAll("+", " + ")
    .replace(/^ \+ $/, "+");
