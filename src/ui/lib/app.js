/** The app: puts session, stage, panel and toolbar together for one image. Made anew when the task changes. */
import { answerFields, imageUri } from "./answer.js";
import { autosave } from "./autosave.js";
import { chip, nextLabel } from "./chip.js";
import { Clock } from "./clock.js";
import { readUniqueColors } from "./colors.js";
import { commandsOf } from "./commands.js";
import { helpDialog, lightDialog, questions } from "./dialogs.js";
import { findInstance, isPlaced, labelOf } from "./document.js";
import { h, put, update } from "./dom.js";
import { draftKey, placedIn } from "./drafts.js";
import { findingsOf } from "./findings.js";
import { answerForm } from "./form.js";
import { boundsOf, boxOf } from "./geometry.js";
import { listenToPointers } from "./gestures.js";
import { onKey } from "./keyboard.js";
import { panel } from "./panel.js";
import { loadPrefs, savePrefs } from "./prefs.js";
import { fetchPrelabels, readPrelabels, withoutSignature } from "./prelabels.js";
import { Session } from "./session.js";
import { readSkeleton } from "./skeleton.js";
import { titleOf } from "./shortcuts.js";
import { stageOf } from "./stage.js";
import { toolbar } from "./toolbar.js";

/** A second submission within this time is a double click. Milliseconds. */
const DOUBLE_CLICK = 1000;
/** Storage that does not answer within this time counts as blocked. Milliseconds. */
const STORAGE_PATIENCE = 3000;

/** The element that gets the keys while the focus is outside all of them. @type {HTMLElement | null} */
let current = null;

/** @typedef {ReturnType<typeof loadPrefs> & import("./stage.js").Look} Prefs */

/**
 * @typedef {object} Work what survives when the element leaves the page for a while
 * @property {Session} session
 * @property {Clock} clock
 * @property {import("./prelabels.js").Prelabels} prelabels
 * @property {string} draftKey
 */

/**
 * @typedef {object} App what its parts ask of it
 * @property {Session} session
 * @property {import("./stage.js").Stage} stage
 * @property {Prefs} prefs
 * @property {ReturnType<typeof findingsOf>} findings
 * @property {ReturnType<typeof listenToPointers>} gestures
 * @property {(id: string) => void} run a command
 * @property {(act: () => void, now?: boolean) => void} after the gesture in progress, or now
 * @property {() => void} savePrefs
 * @property {(id: string, index: number) => void} focusPoint
 * @property {() => void} focusInstance
 * @property {() => void} submit
 * @property {(nothing: boolean) => void} tick "no changes needed" or "nothing to label"
 * @property {() => boolean} isSending
 * @property {(isTyped: unknown) => boolean} close the field, panel or dialog on top; whether there was one
 * @property {HTMLDialogElement} help
 * @property {HTMLDialogElement} light
 */

/** @param {HTMLElement} element @param {ShadowRoot} shadow @param {Work | null} [work] of an app that was here before */
export function appOf(element, shadow, work) {
  const get = (/** @type {string} */ name) => element.getAttribute(name);
  const skeleton = readSkeleton(get);
  const labelsSrc = () => get("initialValuesSrc");
  /** Null until they were fetched. @type {import("./prelabels.js").Prelabels | null} */
  let prelabels = work?.prelabels ?? (labelsSrc() ? null : readPrelabels(get("initialValues"), get("annotationIssues"), skeleton));
  const session = work?.session ?? new Session(skeleton, prelabels?.instances, readUniqueColors(get("uniqueSkeletonColors")));
  const clock = work?.clock ?? new Clock();
  session.size = { width: 0, height: 0 };
  /** @type {Prefs} */
  const prefs = { ...loadPrefs(), brightness: 100, contrast: 100 };
  const stage = stageOf(session, prefs);
  const { view, img } = stage;
  // The photograph is the long pole: it is asked for before anything else is built.
  img.src = get("imgSrc") ?? "";
  const removed = new AbortController();
  const { signal } = removed;
  /** What is wrong with the image or the pre-labels; "" for nothing. */
  let problem = "";
  let toastTimer = 0;
  /** The document that the worker said is rightly empty. @type {import("./types.js").Doc | null} */
  let confirmed = null;
  /** The submission in progress began here, not with the form. */
  let isOurs = false;
  /** In a small window the panel lies over the image while this is true. */
  let isOpen = false;

  const refresh = () => {
    for (const node of [head, waiting, note]) update(node);
    board.refresh();
    stage.setTag(nextLabel(session));
    stage.touch();
  };

  /** A short word on the image, and aloud. @param {string} text */
  const say = (text) => {
    live.textContent = toast.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => (toast.textContent = ""), 2600);
  };

  const focus = () => stage.root.focus({ preventScroll: true });

  const openPanel = (/** @type {boolean} */ open) => {
    isOpen = open;
    put(root, ".open", isOpen);
    update(head);
  };

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
    openPanel(false);
    focus();
  };

  /** Nothing can be labelled. @param {string} text */
  const fail = (text) => {
    gestures.abort();
    problem = text;
    session.size = { width: 0, height: 0 };
    clock.pause();
    refresh();
    say(text);
  };

  let fetching = false;

  /** @param {boolean} [again] the first time it is under way already */
  const loadImage = (again = true) => {
    const src = get("imgSrc");
    gestures.finish();
    problem = "";
    update(note);
    update(waiting);
    if (!src) fail("This task has no image.");
    else if (again) {
      // WebKit requests nothing when the address stays the same.
      img.removeAttribute("src");
      img.src = src;
    }
    if (prelabels || fetching || !src) return;
    fetching = true;
    fetchPrelabels(labelsSrc() ?? "", skeleton, signal).then((fetched) => {
      prelabels = fetched;
      session.start(fetched.instances);
      begin();
    }, () => {
      fetching = false;
      if (!signal.aborted) fail("The labels made before could not be loaded.");
    });
  };

  img.onerror = () => fail("The image could not be loaded.");
  img.onload = () => {
    if (!img.naturalWidth) fail("The image has no size, so it cannot be labelled.");
    else begin();
  };

  /** Let the worker begin, once image, pre-labels and drafts are there. */
  const begin = async () => {
    const drafts = await found;
    const { naturalWidth: width, naturalHeight: height } = img;
    if (!prelabels || !img.complete || !width || problem || signal.aborted) {
      refresh();
      return;
    }
    session.size = { width, height };
    if (!document.hidden) clock.run();
    stage.ready();
    offer(drafts.splice(0));
    refresh();
    saving.checkLater();
    element.dispatchEvent(new CustomEvent("image-ready", { detail: { width, height } }));
  };

  /** @param {import("./drafts.js").Draft} draft */
  const take = (draft) => {
    saving.take(draft);
    say(`Your work of ${timeOf(draft)} is back. Undo starts over.`);
    focus();
  };

  /** Give drafts back: at once where the host knows that they are this worker's, else only if the worker says so. @param {import("./drafts.js").Draft[]} drafts */
  const offer = (drafts) => {
    const [draft, ...others] = drafts;
    const isKnown = Boolean(get("worker"));
    if (draft && isKnown && !others.length && !draft.sent) take(draft);
    else if (draft) {
      /** @type {[string, () => void][]} */
      const choices = drafts.map((one) => [others.length ? `Continue: ${stateOf(one)}` : isKnown ? "Continue" : "Yes, continue", () => take(one)]);
      ask(
        isKnown ? "Unfinished work" : "Is this your work?",
        `This browser keeps unfinished work on this image${others.length ? "." : `: ${stateOf(draft)}.`}`,
        [isKnown ? "Start without it" : "No, start without it", focus], ...choices.reverse(),
      );
    }
  };

  /** Say that nothing is to be labelled, or that no change is needed. @param {boolean} nothing */
  const tick = (nothing) => {
    if (!nothing || session.original.instances.length || !session.isLabelled) session.setNoChanges(nothing);
    else {
      ask("Nothing to label here?", "There are labels in this image.", ["Keep the labels", focus], ["Delete the labels", () => {
        session.setNothing();
        focus();
      }]);
    }
    refresh();
  };

  const answer = () =>
    answerFields({
      // Without its image nobody has checked a label.
      doc: problem ? { instances: [], noChanges: false } : session.doc,
      skeleton,
      attributes: get,
      original: prelabels?.text ?? "",
      totalSeconds: problem ? 0 : clock.totalSeconds(),
      details: {
        image_width: session.size.width,
        image_height: session.size.height,
        ...clock.details(),
        findings: findings.details(),
        problem: problem || undefined,
      },
    });

  /** The answer as it leaves. Its draft stays until somebody says that the answer arrived. */
  const handOver = () => {
    clock.tick();
    saving.send();
    return answer();
  };

  /** @returns {boolean} whether the worker must do or say something before the answer can leave */
  const asks = () => {
    gestures.finish();
    if (problem) return false;
    if (!session.size.width) say("The image is not there yet.");
    else if (!session.isLabelled && !session.doc.noChanges && confirmed !== session.doc) {
      ask("Submit without labels?", "Nothing is labelled in this image.", ["Keep labelling", focus], ["Nothing to label: submit", () => {
        if (!session.original.instances.length) session.setNothing();
        confirmed = session.doc;
        submit();
      }]);
    } else return findings.ask();
    return true;
  };

  const send = () => {
    isOurs = true;
    const reason = form.submit(handOver);
    isOurs = false;
    if (reason) say(reason);
  };

  const submit = () => {
    if (isSending()) say("Your answer is on its way.");
    else if (!asks()) send();
  };

  const isSending = () => saving.inFlight < Infinity;

  const form = answerForm(element, () => ((!isOurs && saving.inFlight < DOUBLE_CLICK) || asks() ? null : handOver()), send);

  const findings = findingsOf(session, jump, send);
  const uri = imageUri(get);
  const task = draftKey([get("labelingJob"), get("worker"), uri === "data:" ? get("imgSrc") : uri, get("keypointClasses"), get("initialValues"), withoutSignature(labelsSrc())]);
  const saving = autosave(session, clock, task, findings.refresh, () => update(board.root), signal, work?.draftKey);
  /** @type {Promise<import("./drafts.js").Draft[]>} */
  const found = work ? Promise.resolve([]) : Promise.race([
    saving.find(), new Promise((resolve) => setTimeout(resolve, STORAGE_PATIENCE, [])),
  ]);
  const gestures = listenToPointers(stage, signal, (action) => clock.act(action));
  const { root: question, ask } = questions();

  /** @type {App} */
  const app = {
    session,
    stage,
    prefs,
    findings,
    gestures,
    run(id) {
      if (id !== "placing") gestures.finish();
      commands[id]?.();
      refresh();
    },
    after: (act, now) => (now ? act() : gestures.after(act)),
    // Light is for the image at hand; the rest stays.
    savePrefs: () => savePrefs({ ...prefs, brightness: undefined, contrast: undefined }),
    focusPoint,
    focusInstance,
    submit,
    tick,
    isSending,
    close(isTyped) {
      const { light } = app;
      const checks = shadow.querySelector("details[open]");
      if (isTyped) {
        if (!element.shadowRoot?.activeElement) return false;
      } else if (light.open) light.close();
      else if (checks) checks.removeAttribute("open");
      else if (isOpen) openPanel(false);
      else return false;
      focus();
      return true;
    },
    help: helpDialog(prefs, () => app.savePrefs()),
    light: lightDialog(prefs, stage.applyLook),
  };
  const commands = commandsOf(app);

  const board = panel(app, () => [get("taskError") ?? "", ...(prelabels?.issues ?? []), ...skeleton.problems, ...(prelabels?.problems ?? [])].filter(Boolean));
  const head = h("div.head", { role: "region", "aria-label": "Tools and next keypoint" }, toolbar(app), chip(session),
    h("button.fold", { "aria-expanded": () => String(isOpen), onclick: () => openPanel(!isOpen) }, "Labels"),
    h("button.tool", { title: () => titleOf("help", prefs), onclick: () => app.run("help") }, "Help"));
  const live = h("div.live", { "aria-live": "polite" });
  const toast = h("div.toast");
  const note = h("div.note", { hidden: () => !problem },
    h("h2", { textContent: () => problem }),
    h("p", {}, "Try again. If that does not help, submit: your answer says what was missing."),
    h("button.primary", { onclick: () => loadImage() }, "Try again"),
    h("button", { onclick: submit }, "Submit without labels"));
  const waiting = h("div.waiting", { hidden: () => Boolean(problem || session.size.width) },
    h("p", { role: "status", textContent: () => (prelabels ? "Loading the image…" : "Loading the labels made before…") }));
  // A page has one main part: its own, else the first element on it.
  const first = document.querySelector("main, [role=main], crowd-2d-skeleton") === element;
  const root = h("div.app", {}, head,
    h("section.work", { "aria-label": "Image", role: first ? "main" : null }, stage.root, waiting, note, toast),
    board.root, live, app.help, app.light, findings.review, question);
  shadow.append(root);

  session.onSay = say;
  session.onPlace = (index) => {
    clock.placed(skeleton.keypoints[index].label);
    live.textContent = `Placed ${labelOf(skeleton, index)}. ${session.target >= 0 ? `Next: ${labelOf(skeleton, session.target)}` : "All keypoints placed"}`;
  };
  session.onChange = (what) => {
    if (what === "preview") stage.touch();
    else refresh();
    if (what === "doc") saving.later();
  };
  stage.onView = () => update(head);
  // Shortcuts work wherever the focus is, unless another element of this page has it.
  document.addEventListener("keydown", (event) => {
    const path = event.composedPath();
    const isElsewhere = path.some((node) => node instanceof Element && node.localName === element.localName);
    if (path.includes(element) || (!isElsewhere && current === element)) onKey(app, event, clock, board.pick);
  }, { signal });
  current ??= element;
  root.addEventListener("focusin", () => (current = element), { signal });
  // What another finger presses ends the gesture of the first. Not "change": a field that loses the focus to a press
  // on the image fires it in the middle of that press.
  for (const name of ["click", "input"]) root.addEventListener(name, gestures.finish, { signal, capture: true });
  // The browser's own "back" and "forward" buttons would leave the page.
  for (const name of ["mousedown", "mouseup", "auxclick"]) {
    root.addEventListener(name, (/** @type {any} */ event) => event.button > 2 && event.preventDefault(), { signal });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clock.pause();
    else if (session.size.width) clock.run();
  }, { signal });
  // A click on a button must not take the keys away from the image.
  root.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest("dialog, input, textarea, select, label, .note")) return;
    event.preventDefault();
    focus();
  }, { signal });

  loadImage(false);
  refresh();
  stage.measure();

  return {
    ...app,
    answer,
    focus,
    loadImage,

    /** The element was moved: perhaps into another form. */
    attach: form.attach,

    /** @returns {Work | null} for the next app of the same task */
    work: () => (prelabels ? { session, clock, prelabels, draftKey: saving.key } : null),

    destroy() {
      gestures.finish();
      clock.pause();
      saving.destroy();
      removed.abort();
      if (current === element) current = null;
      clearTimeout(toastTimer);
      form.destroy();
      img.onload = img.onerror = null;
      stage.destroy();
      root.remove();
    },
  };
}

/** @param {import("./drafts.js").Draft} draft @returns {string} when it was saved */
const timeOf = ({ at }) => new Date(at).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });

/** @param {import("./drafts.js").Draft} draft @returns {string} what is in it, and when it was saved */
const stateOf = (draft) => {
  const count = placedIn(draft);
  return `${count} keypoint${count === 1 ? "" : "s"}, ${timeOf(draft)}${draft.sent ? ", submitted, but maybe not received" : ""}`;
};
