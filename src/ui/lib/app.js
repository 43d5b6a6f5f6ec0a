/** The app: puts session, stage, panel and toolbar together for one image. Made anew when the task changes. */
import { answerFields, imageUri } from "./answer.js";
import { autosave } from "./autosave.js";
import { chip, nextLabel } from "./chip.js";
import { Clock } from "./clock.js";
import { readUniqueColors } from "./colors.js";
import { commandsOf } from "./commands.js";
import { helpDialog, lightDialog } from "./dialogs.js";
import { findInstance, isPlaced, labelOf } from "./document.js";
import { h, update } from "./dom.js";
import { draftKey } from "./drafts.js";
import { findingsOf } from "./findings.js";
import { answerForm } from "./form.js";
import { boundsOf, boxOf } from "./geometry.js";
import { listenToPointers } from "./gestures.js";
import { onKey } from "./keyboard.js";
import { panel } from "./panel.js";
import { loadPrefs, savePrefs } from "./prefs.js";
import { readIssues, readPrelabels } from "./prelabels.js";
import { Session } from "./session.js";
import { readSkeleton } from "./skeleton.js";
import { titleOf } from "./shortcuts.js";
import { stageOf } from "./stage.js";
import { toolbar } from "./toolbar.js";

/** @typedef {ReturnType<typeof loadPrefs> & import("./stage.js").Look} Prefs */

/**
 * @typedef {object} App what its parts ask of it
 * @property {Session} session
 * @property {import("./stage.js").Stage} stage
 * @property {Prefs} prefs
 * @property {ReturnType<typeof findingsOf>} findings
 * @property {(id: string) => void} run a command
 * @property {() => void} savePrefs
 * @property {(id: string, index: number) => void} focusPoint
 * @property {() => void} focusInstance
 * @property {() => void} submit
 * @property {() => boolean} abort a drag under way; whether there was one
 * @property {HTMLDialogElement} help
 * @property {HTMLDialogElement} light
 */

/** @param {HTMLElement} element @param {ShadowRoot} shadow */
export function appOf(element, shadow) {
  const get = (/** @type {string} */ name) => element.getAttribute(name);
  const skeleton = readSkeleton(get);
  const prelabels = readPrelabels(get, skeleton);
  const session = new Session(skeleton, prelabels.instances, readUniqueColors(get("uniqueSkeletonColors")));
  /** @type {Prefs} */
  const prefs = { ...loadPrefs(), brightness: 100, contrast: 100 };
  const stage = stageOf(session, prefs);
  const { view, img } = stage;
  // The photograph is the long pole: it is asked for before anything else is built.
  img.src = get("imgSrc") ?? "";
  const removed = new AbortController();
  const { signal } = removed;
  let clock = new Clock();
  /** What is wrong with the image; "" for nothing. */
  let problem = "";
  let toastTimer = 0;

  const refresh = () => {
    update(head);
    update(note);
    board.refresh();
    stage.setTag(nextLabel(session));
    stage.touchAll();
  };

  /** A short word on the image, and aloud. @param {string} text */
  const say = (text) => {
    live.textContent = toast.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => (toast.textContent = ""), 2600);
  };

  const focus = () => stage.root.focus({ preventScroll: true });

  /** @param {string} id @param {number} index */
  const focusPoint = (id, index) => {
    session.select(id, index);
    const { point } = session;
    if (isPlaced(point)) view.focusOn(boxOf(point, point));
  };

  /** Zoom to the instance in hand, or to everything. */
  const focusInstance = () => {
    const box = session.instance && boundsOf(session.instance, true);
    if (box) view.focusOn(box);
    else view.fit();
  };

  /** To what a finding is about. @param {import("./checks.js").Finding} finding */
  const jump = ({ id, indexes }) => {
    const points = findInstance(session.doc, id)?.points;
    if (!points) return;
    session.hidden.delete(id);
    focusPoint(id, indexes.find((index) => isPlaced(points[index])) ?? indexes[0] ?? -1);
    if (!isPlaced(session.point)) focusInstance();
    focus();
  };

  /** @param {string} text */
  const imageFailed = (text) => {
    problem = text;
    session.size = { width: 0, height: 0 };
    refresh();
    say(text);
  };

  /** @param {boolean} [again] the first time it is under way already */
  const loadImage = (again = true) => {
    const src = get("imgSrc");
    problem = "";
    update(note);
    if (!src) imageFailed("This task has no image.");
    else if (again) img.src = src;
  };

  img.onerror = () => imageFailed("The image could not be loaded.");
  img.onload = () => {
    const { naturalWidth: width, naturalHeight: height } = img;
    if (!width) {
      imageFailed("The image has no size, so it cannot be labelled.");
      return;
    }
    // What came before the first image was waiting.
    if (!session.size.width) clock = new Clock();
    session.size = { width, height };
    stage.ready();
    refresh();
    saving.later();
    element.dispatchEvent(new CustomEvent("image-ready", { detail: { width, height } }));
  };

  const answer = () =>
    answerFields({
      doc: session.doc,
      skeleton,
      attributes: get,
      totalSeconds: problem ? 0 : clock.totalSeconds(),
      details: {
        image_width: session.size.width,
        image_height: session.size.height,
        ...clock.details(),
        findings: findings.details(),
        problem: problem || undefined,
      },
    });

  /** The answer, as it leaves: its draft has done its duty. */
  const handOver = () => {
    saving.drop();
    return answer();
  };

  /** Whether something looks wrong and was not accepted yet; then the dialog asks. */
  const asks = () => !problem && findings.ask();

  const send = () => {
    clock.tick();
    if (!form.submit(handOver())) say("This page has no form to submit to.");
  };

  const submit = () => {
    if (!asks()) send();
  };

  const formOf = () => answerForm(element, () => (asks() ? null : handOver()));
  let form = formOf();

  const findings = findingsOf(session, jump, send);
  const saving = autosave(session, draftKey([imageUri(get), get("keypointClasses"), get("initialValues")]), findings.refresh, signal);
  const gestures = listenToPointers(stage, signal, (action) => clock.act(action));

  /** @type {App} */
  const app = {
    session,
    stage,
    prefs,
    findings,
    run(id) {
      commands[id]?.();
      refresh();
    },
    // Light is for the image at hand; the rest stays.
    savePrefs: () => savePrefs({ ...prefs, brightness: undefined, contrast: undefined }),
    focusPoint,
    focusInstance,
    submit,
    abort: gestures.abort,
    help: helpDialog(prefs, () => app.savePrefs()),
    light: lightDialog(prefs, stage.applyLook),
  };
  const commands = commandsOf(app);

  const board = panel(app, [get("taskError") ?? "", ...readIssues(get("annotationIssues")), ...skeleton.problems, ...prelabels.problems].filter(Boolean));
  const head = h("div.head", { role: "region", "aria-label": "Tools and next keypoint" }, toolbar(app), chip(session),
    h("button.tool", { title: () => titleOf("help", prefs), onclick: () => app.run("help") }, "Help"));
  const live = h("div.live", { "aria-live": "polite" });
  const toast = h("div.toast");
  const note = h("div.note", { hidden: () => !problem },
    h("h2", { textContent: () => problem }),
    h("p", {}, "Try again; if that does not help, submit: your answer says that the image was missing."),
    h("button.primary", { onclick: () => loadImage() }, "Try again"),
    h("button", { onclick: submit }, "Submit without labels"));
  // A page has one main part: its own, else the first element on it.
  const first = document.querySelector("main, [role=main], crowd-2d-skeleton") === element;
  const root = h("div.app", {}, head,
    h("section.work", { "aria-label": "Image", role: first ? "main" : null }, stage.root, note, toast),
    board.root, live, app.help, app.light, findings.review);
  shadow.append(root);

  session.onSay = say;
  session.onPlace = (index) => {
    clock.placed(skeleton.keypoints[index].label);
    live.textContent = `Placed ${labelOf(skeleton, index)}. ${session.target >= 0 ? `Next: ${labelOf(skeleton, session.target)}` : "All keypoints placed"}`;
  };
  session.onChange = (what) => {
    if (what === "preview") stage.touchTop();
    else refresh();
    if (what === "doc") saving.later();
  };
  stage.onView = () => update(head);
  root.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => onKey(app, event, clock, board.pick), { signal });
  // A click on a button must not take the keys away from the image.
  root.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest("dialog, input, textarea, select, label, .note")) return;
    event.preventDefault();
    focus();
  }, { signal });

  loadImage(false);
  const saved = saving.restore();
  if (saved) say(`Your work of ${saved} is back. Undo starts over.`);
  refresh();
  stage.measure();

  return {
    ...app,
    answer,
    focus,
    loadImage,

    /** The element was moved: perhaps into another form. */
    attach() {
      form.destroy();
      form = formOf();
    },

    destroy() {
      saving.now();
      removed.abort();
      clearTimeout(toastTimer);
      form.destroy();
      img.onload = img.onerror = null;
      stage.destroy();
      root.remove();
    },
  };
}
