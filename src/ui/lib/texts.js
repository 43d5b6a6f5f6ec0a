/**
 * Texts: everything that workers read. English is part of the element; texts that only the later script uses are part
 * of that script. The other languages are in languages/. A page requests one with `lang`, and the element loads its
 * script.
 */

/** @typedef {typeof english} Texts */

/** @param {number} n @param {string} one @param {string} [more] */
const count = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

export const english = {
  lang: "en",
  groups: /** @type {Record<string, string>} */ ({
    placing: "Placing",
    keypoint: "Keypoint",
    choosing: "Choosing",
    instance: "Instance",
    view: "View",
    work: "Work",
  }),
  commands: /** @type {Record<string, string>} */ ({
    place: "Place the next keypoint where it is expected",
    skip: "The next keypoint is not visible",
    outside: "The next keypoint is outside the image",
    skipRest: "The remaining keypoints are not visible",
    complete: "Place the remaining keypoints where they are expected",
    new: "Start a new instance",
    draw: "Draw a whole skeleton",
    copy: "Copy the pose of this instance to the pointer",
    previousPose: "Copy the instances of the previous image",
    move: "Move the selected keypoint to the next click",
    confirm: "This keypoint is right: on to the next one to check",
    occlude: "Selected keypoint: visible or occluded",
    delete: "Delete the selected keypoint",
    swap: "Swap the selected keypoint with its pair",
    swapLimb: "Swap the whole limb with the other side",
    hidePoint: "Hide or show the selected keypoint",
    previous: "Previous keypoint",
    next: "Next keypoint",
    previousPending: "Previous keypoint without a place",
    nextPending: "Next keypoint without a place",
    previousInstance: "Previous instance",
    nextInstance: "Next instance",
    adjust: "Move, scale and turn this instance",
    box: "Draw the box around this instance",
    swapAll: "Swap left and right of this instance",
    mirror: "Mirror the pose of this instance",
    hide: "Hide or show this instance",
    isolate: "Show only this instance, or all",
    hideAll: "Hide or show all instances",
    deleteInstance: "Delete this instance",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    fit: "Show the whole image",
    focus: "Zoom to this instance",
    names: "Hide or show all names",
    loupe: "Magnifier at the pointer",
    crosshair: "Crosshair at the pointer",
    light: "Brightness and contrast",
    undo: "Undo",
    redo: "Redo",
    placing: "Back to placing; cancel",
    help: "Shortcuts and instructions",
    submit: "Check and submit",
  }),
  /** Names of keys, in languages that have others. */
  keys: /** @type {Record<string, string>} */ ({}),
  /** Gestures of the pointer, and groups of keys. */
  gestures: [
    ["Click", "Place the next keypoint; if all are placed, select one"],
    ["Right click", "Place the next keypoint as occluded"],
    ["Drag a keypoint", "Move it"],
    ["Shift + drag a keypoint", "Move it with the keypoints attached to it"],
    ["Ctrl + click", "Select a keypoint of any instance"],
    ["Two clicks instead of a drag", "Draw a box, or move a square or circle of the frame"],
    ["Drag elsewhere, or with the middle button", "Move the image"],
    ["Wheel, or pinch", "Zoom"],
    ["Two fingers on a trackpad", "Move the image"],
    ["Arrows, Shift + arrows", "Move the selected keypoint by 1, by 10 screen pixels"],
    ["Ctrl + arrows, after N", "Scale with up and down, turn with left and right"],
    ["Enter, after V or G", "Draw the skeleton or the box without a pointer"],
    ["1 … 9, Shift + 1 … 9", "Choose keypoint 1 to 9, 10 to 18"],
  ],

  // the page
  imageRegion: "Image",
  toolsRegion: "Tools and next keypoint",
  tools: "Tools",
  zoom: "Zoom",
  stage: "Image. Enter places the next keypoint, arrows move it, question mark shows all keys.",
  labels: "Labels",
  instances: "Instances",
  keypoints: "Keypoints",
  help: "Help",
  new: "New",
  next: "next",
  find: "Find a keypoint",
  noInstance: "None yet. Click the image to place the first keypoint.",
  of: (/** @type {number} */ placed, /** @type {number} */ all) => `${placed} of ${all}`,
  instance: (/** @type {number} */ number) => `Instance ${number}`,
  hide: (/** @type {string} */ name) => `Hide ${name}`,
  show: (/** @type {string} */ name) => `Show ${name}`,
  delete: (/** @type {string} */ name) => `Delete ${name}`,
  news: { locked: "locked", changed: "changed", new: "new" },
  noChanges: "No changes needed",
  nothing: "Nothing to label here",
  submit: "Submit",
  sending: "Sending…",
  skip: "Skip",

  // states of keypoints
  states: {
    pending: "not placed",
    visible: "visible",
    occluded: "occluded",
    not_visible: "not visible",
    outside_image: "outside the image",
  },
  choices: ["Visible", "Occluded", "Not visible", "Outside"],
  visibility: "Visibility",
  instanceName: "Instance name",
  noteOn: (/** @type {string} */ keypoint) => `Note on ${keypoint || "instance"}`,
  imageNote: "Image note",
  strays: (/** @type {string} */ labels) => `Not in this skeleton: ${labels} `,
  removeStrays: "Remove them",

  // what comes next
  clickToPlace: "click to place · right click if occluded",
  clickToBegin: "click to start the next instance",
  clickToMove: "click where it belongs",
  review: "Review",
  locked: "this instance may not be changed",
  correct: "drag to correct · B for a new instance",
  drawTool: ["Draw a skeleton", "drag a box around the subject · right to left if seen from behind"],
  adjustTool: ["Adjust", "inside moves, squares scale, circle turns · N to finish"],
  boxTool: ["Box", "drag around the whole subject"],

  // what happened
  at: (/** @type {number} */ x, /** @type {number} */ y) => `at ${x}, ${y}`,
  noneSelected: "no keypoint selected",
  left: (/** @type {number} */ n, /** @type {string} */ next) =>
    n ? `${n} left, next: ${next}` : "All keypoints placed",
  placed: (/** @type {string} */ keypoint) => `Placed ${keypoint}`,
  hidden: (/** @type {string} */ what) => `Hidden: ${what}`,
  shown: (/** @type {string} */ what) => `Shown: ${what}`,
  toggled: {
    names: ["Names hidden", "Names shown"],
    loupe: ["Magnifier off", "Magnifier on"],
    crosshair: ["Crosshair off", "Crosshair on"],
  },
  sidesSwapped: "Left and right swapped",
  undone: (/** @type {string} */ step) => `Undone: ${step}`,
  redone: (/** @type {string} */ step) => `Done again: ${step}`,
  nothingToUndo: "Nothing to undo",
  nothingToRedo: "Nothing to redo",
  steps: {
    place: (/** @type {string} */ keypoint) => `place ${keypoint}`,
    mark: (/** @type {string} */ what, /** @type {string} */ state) => `mark ${what} ${state}`,
    move: (/** @type {string} */ keypoint) => `move ${keypoint}`,
    delete: (/** @type {string} */ keypoint) => `delete ${keypoint}`,
    note: "write note",
    confirm: (/** @type {string} */ what) => `confirm ${what}`,
  },
  many: (/** @type {number} */ n) => count(n, "keypoint"),

  // what cannot be done
  notReady: "The image has not loaded yet.",
  mayNotChange: "This instance may not be changed.",
  noTemplate: "This skeleton has no template pose to draw.",
  leavesImage: "Part of it would be outside the image.",
  noPair: "Select a keypoint that has a left or right pair.",
  needsTwo: "Place two keypoints first.",
  needsPlaced: "Select a keypoint that has a place.",
  noPrevious: "There is no previous image to copy from.",
  outside: "That is outside the image. If the keypoint is out there, press I.",
  nothingToCheck: "No keypoint is left to check.",
  noBox: "Drag from one corner to the other, or click the other corner.",

  // the image and the labels made before
  problems: {
    noImage: "This task has no image.",
    noLabels: "The labels made before could not be loaded.",
    image: "The image could not be loaded.",
    size: "The image has no size, so it cannot be labelled.",
    otherSize: "The proportions of the image differ from those in this task.",
  },
  tryOrSubmit: "Try again. If that fails, submit: your answer states the problem.",
  tryAgain: "Try again",
  submitWithout: "Submit without labels",
  loadingImage: "Loading the image…",
  loadingLabels: "Loading the labels made before…",
  answerSize: (/** @type {string} */ size, /** @type {string} */ most, /** @type {boolean} */ tooLarge) =>
    `${tooLarge ? "Too large to submit" : "Nearly too large to submit"}: your answer has ${size} of at most ${most} MB. ${tooLarge ? "Delete instances, or tell your team lead." : "Submit before you go on."}`,
  unreadable: (/** @type {string} */ attribute) => `The task's “${attribute}” could not be read. Tell your team lead.`,
  noInstanceEntry: (/** @type {number} */ number) =>
    `Entry ${number} of the labels made before was left out: it is not an instance.`,
  notShown: (/** @type {string} */ instance, /** @type {string} */ labels) =>
    `${instance}: ${labels} cannot be shown with this skeleton; it is kept unchanged.`,
  nameless: "A keypoint without a name was left out.",
  twice: (/** @type {string} */ keypoint) =>
    `The keypoint “${keypoint}” is defined twice: the second one was left out.`,
  tooMany: (/** @type {number} */ most) => `This task has more than ${most} keypoints: the rest was left out.`,
  tooManyEdges: (/** @type {number} */ most) => `This task has more than ${most} edges: the rest was left out.`,
  noKeypoints: "This task has no keypoints to label.",
  badEdge: (/** @type {string} */ from, /** @type {string} */ to) =>
    `The edge “${from}” to “${to}” was left out: it does not join two keypoints.`,

  // drafts
  draftBack: (/** @type {string} */ time) => `Your work of ${time} is back. Undo starts over.`,
  unfinished: "Unfinished work",
  yours: "Is this your work?",
  draftHere: (/** @type {string} */ state) =>
    `This browser keeps unfinished work on this image${state && `: ${state}`}.`,
  draftState: (/** @type {number} */ n, /** @type {string} */ time, /** @type {boolean} */ sent) =>
    `${count(n, "keypoint")}, ${time}${sent ? ", submitted, but maybe not received" : ""}`,
  continueWith: (/** @type {string} */ state) => `Continue: ${state}`,
  continue: "Continue",
  yesContinue: "Yes, continue",
  startWithout: "Start without it",
  noStartWithout: "No, start without it",

  // before an answer leaves
  corrected: "You changed labels, so changes were needed.",
  nothingTitle: "Nothing to label here?",
  nothingText: "There are labels in this image.",
  keepLabels: "Keep the labels",
  deleteLabels: "Delete the labels",
  emptyTitle: "Submit without labels?",
  emptyText: "Nothing is labelled in this image.",
  keepLabelling: "Keep labelling",
  submitEmpty: "Nothing to label: submit",
  againTitle: "Send again?",
  againText: "It is not known whether your answer arrived.",
  wait: "Wait",
  sendAgain: "Send again",
  onItsWay: "Your answer is on its way.",
  notSent: "Your answer could not be sent. Submit again.",
  noForm: "This page has no form to submit to.",
  pageLoading: "The page is still loading. Submit again in a moment.",
  skipTitle: "Why can this image not be labelled?",
  skipText: "Your labels of this image will not be kept.",
  cannotSkip: "This page cannot skip images.",

  // what looks unusual
  beforeSubmit: "Before you submit",
  unusual: "These labels look unusual. Choose an entry to see it.",
  submitAnyway: "Submit anyway",
  toCheck: (/** @type {number} */ n) => `${n} to check`,
  doubtful: "to check",
  offered: "offered",
  isRight: "This is correct",
  checks: /** @type {Record<string, string>} */ ({
    empty_instance: "No keypoint placed",
    low_confidence: "Predicted with little confidence",
    offered_keypoints: "Offered, not placed",
    missing_keypoints: "Neither placed nor marked",
    out_of_image: "Outside the image",
    coincident_keypoints: "At the same position",
    swapped_sides: "Left and right look swapped",
    swapped_body: "Left and right look swapped: the whole body",
    long: "Very long",
    short: "Very short",
    duplicate_instance: "Nearly the same as another instance",
    untouched_prelabels: "Nothing was changed: tick “No changes needed” if all labels are correct",
  }),
  fixes: /** @type {Record<string, string>} */ ({
    untouched_prelabels: "Tick it",
    empty_instance: "Delete",
    duplicate_instance: "Delete",
    offered_keypoints: "Place",
    missing_keypoints: "Not visible",
    swapped_sides: "Swap",
    out_of_image: "Move inside",
  }),

  partial: "The image file is not complete: parts may be missing.",
  noLater: "Checks and help could not be loaded: look over your labels before you submit.",

  // dialogs
  question: "Question",
  close: "Close",
  pointer: "Pointer",
  keyboard: "Keyboard",
  shortcutsOn: "Shortcuts on",
  changeKeys: "Choose a command and press its new key. Delete turns its key off.",
  change: (/** @type {string} */ command) => `Change: ${command}`,
  delivered: "Reset keys",
  or: "or",
  off: "off",
  brightness: "Brightness",
  contrast: "Contrast",
  onlySeen: "This changes only the display, not the image.",
  asItWas: "Reset",
};

/** By language tag in lower case. @type {Record<string, Texts>} */
export const languages = Object.assign(Object.create(null), { en: english });

/** The texts of the page's language. @type {Texts} */
export const t = { ...english };

/** The page's language, as a tag. */
export let language = "en";

/**
 * Return a language's entry in a table. If there is none for "de-at", return the one for "de".
 * @template T
 * @param {Record<string, T>} table
 * @param {string} [tag]
 * @returns {T | undefined}
 */
export function inLanguage(table, tag = language) {
  const [own, general] = [tag.toLowerCase(), tag.split("-")[0].toLowerCase()].map((name) =>
    Object.hasOwn(table, name) ? table[name] : undefined,
  );
  return own ?? general;
}

/** Choose the language of the page. @param {string} tag */
export function setLanguage(tag) {
  language = tag;
  Object.assign(t, inLanguage(languages) ?? english);
}
