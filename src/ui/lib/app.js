/** The app: puts session, stage, panel and toolbar together for one image. Made anew when the task changes. */
import { answerFields, imageUri } from "./answer.js";
import { chip, nextLabel } from "./chip.js";
import { Clock } from "./clock.js";
import { readUniqueColors } from "./colors.js";
import { commandsOf } from "./commands.js";
import { helpDialog, lightDialog } from "./dialogs.js";
import { isPlaced, labelOf } from "./document.js";
import { h, update } from "./dom.js";
import { draftKey, dropDraft, dropOldDrafts, loadDraft, saveDraft } from "./drafts.js";
import { findingsOf } from "./findings.js";
import { AnswerForm } from "./form.js";
import { boundsOf, boxOf } from "./geometry.js";
import { listenToPointers } from "./gestures.js";
import { onKey } from "./keyboard.js";
import { panel } from "./panel.js";
import { loadPrefs, savePrefs } from "./prefs.js";
import { readIssues, readPrelabels } from "./prelabels.js";
import { Session } from "./session.js";
import { readSkeleton } from "./skeleton.js";
import { titleOf } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { toolbar } from "./toolbar.js";

export class App {
  /** @param {HTMLElement} element @param {ShadowRoot} shadow */
  constructor(element, shadow) {
    this.element = element;
    this.abort = new AbortController();
    this.clock = new Clock();
    /** What is wrong with the image; "" for nothing. */
    this.problem = "";
    this.submitting = false;
    this.unsaved = false;
    this.saveTimer = 0;
    this.toastTimer = 0;
    const get = (/** @type {string} */ name) => element.getAttribute(name);
    this.skeleton = readSkeleton({ classes: get("keypointclasses"), rig: get("skeletonrig"), box: get("skeletonboundingbox") });
    const prelabels = readPrelabels(get("initialvalues"), this.skeleton);
    this.session = new Session(this.skeleton, prelabels.instances, readUniqueColors(get("uniqueskeletoncolors")));
    this.draft = draftKey([imageUri(get("images3uri"), get("imgsrc")), get("keypointclasses"), get("initialvalues")]);
    /** @type {ReturnType<typeof loadPrefs> & import("./stage.js").Look} */
    this.prefs = { ...loadPrefs(), brightness: 100, contrast: 100 };
    this.stage = new Stage(this.session, this.prefs);
    // The photograph is the long pole: it is asked for before anything else is built.
    this.stage.img.src = get("imgsrc") ?? "";
    this.commands = commandsOf(this);
    this.findings = findingsOf(this.session, (finding) => this.jump(finding), () => this.send());
    this.panel = panel(this, [get("taskerror") ?? "", ...readIssues(get("annotationissues")), ...this.skeleton.problems, ...prelabels.problems].filter(Boolean));
    this.help = helpDialog(this.prefs, () => this.savePrefs());
    this.light = lightDialog(this.prefs, () => this.stage.applyLook());
    this.live = h("div.live", { "aria-live": "polite" });
    this.toast = h("div.toast", { hidden: true });
    // A page has one main part: its own, else the first element on it.
    const first = document.querySelector("main, [role=main], crowd-2d-skeleton") === element;
    this.head = h("div.head", { role: "region", "aria-label": "Tools and next keypoint" }, toolbar(this), chip(this.session),
      h("button.tool.wide", { title: () => titleOf("help", this.prefs), onclick: () => this.run("help") }, "Help"));
    this.root = h("div.app", {}, this.head,
      h("section.work", { "aria-label": "Image", role: first ? "main" : null }, this.stage.root, this.toast),
      this.panel.root, this.live, this.help, this.light, this.findings.review);
    shadow.append(this.root);
    this.form = this.newForm();
    const { signal } = this.abort;
    this.gestures = listenToPointers(this.stage, signal, (action) => this.clock.act(action));
    this.listen(signal);
    this.loadImage(false);
    this.restoreDraft();
    this.refresh();
    this.stage.measure();
  }

  newForm() {
    return new AnswerForm(this.element, () => (this.submitting || !this.asks() ? this.handOver() : null));
  }

  /** The element was moved: perhaps into another form. */
  attach() {
    this.form.destroy();
    this.form = this.newForm();
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const { session, stage, root } = this;
    session.onSay = (text) => this.say(text);
    session.onPlace = (index) => this.afterPlace(index);
    session.onChange = (what) => {
      if (what === "preview") stage.touchTop();
      else this.refresh();
      if (what === "doc") this.later();
    };
    stage.onView = () => update(this.head);
    root.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => onKey(this, event), { signal });
    // A click on a button must not take the keys away from the image.
    root.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
      if (/** @type {Element} */ (event.target).closest("dialog, input, textarea, select, label, .stage-note")) return;
      event.preventDefault();
      this.focus();
    }, { signal });
    // Where nothing can be stored, leaving by accident is asked about; a page that goes to sleep saves at once.
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault(), { signal });
    addEventListener("pagehide", () => this.saveWaiting(), { signal });
  }

  focus() {
    this.stage.root.focus({ preventScroll: true });
  }

  /** @param {boolean} [again] the first time it is under way already */
  loadImage(again = true) {
    const { img, note } = this.stage;
    const src = this.element.getAttribute("imgsrc") ?? "";
    this.problem = "";
    note.hidden = true;
    img.onload = () => (img.naturalWidth ? this.imageReady() : this.imageFailed("The image has no size, so it cannot be labelled."));
    img.onerror = () => this.imageFailed("The image could not be loaded.");
    if (!src) this.imageFailed("This task has no image.");
    else if (again) img.src = src;
  }

  imageReady() {
    const { naturalWidth: width, naturalHeight: height } = this.stage.img;
    // What came before the first image was waiting.
    if (!this.session.size.width) this.clock = new Clock();
    this.session.size = { width, height };
    this.stage.ready();
    this.refresh();
    this.later();
    this.element.dispatchEvent(new CustomEvent("image-ready", { detail: { width, height } }));
  }

  /** @param {string} text */
  imageFailed(text) {
    this.problem = text;
    this.session.size = { width: 0, height: 0 };
    const { note } = this.stage;
    note.replaceChildren(
      h("h2", {}, text),
      h("p", {}, "It may have moved, or the time to open it ran out. Try again; if that does not help, submit: your answer says that the image was missing."),
      h("button.primary", { onclick: () => this.loadImage() }, "Try again"),
      h("button", { onclick: () => this.submit() }, "Submit without labels"),
    );
    note.hidden = false;
    this.refresh();
    this.say(text);
  }

  /** @param {string} id of a command */
  run = (id) => {
    this.commands[id]?.();
    this.refresh();
  };

  /** @param {number} index */
  afterPlace(index) {
    const { session, skeleton } = this;
    this.clock.placed(skeleton.keypoints[index].label);
    const next = session.target >= 0 ? `Next: ${labelOf(skeleton, session.target)}` : "All keypoints placed";
    this.live.textContent = `Placed ${labelOf(skeleton, index)}. ${next}`;
  }

  /** @param {string} id @param {number} index */
  focusPoint(id, index) {
    this.session.select(id, index);
    const { point } = this.session;
    if (isPlaced(point)) this.stage.view.focusOn(boxOf(point, point));
  }

  /** Zoom to the instance in hand, or to everything. */
  focusInstance() {
    const { view } = this.stage;
    const box = this.session.instance && boundsOf(this.session.instance, true);
    if (box) view.focusOn(box);
    else view.fit();
  }

  /** @param {import("./checks.js").Finding} finding */
  jump({ id, indexes }) {
    const { session } = this;
    const points = session.doc.instances.find((instance) => instance.id === id)?.points;
    if (!points) return;
    session.hidden.delete(id);
    this.focusPoint(id, indexes.find((index) => isPlaced(points[index])) ?? indexes[0] ?? -1);
    if (!isPlaced(session.point)) this.focusInstance();
    this.focus();
  }

  /** A short word on the image, and aloud. @param {string} text */
  say(text) {
    const { live, toast } = this;
    live.textContent = toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => (toast.hidden = true), 2600);
  }

  refresh() {
    update(this.head);
    this.panel.refresh();
    this.stage.setTag(nextLabel(this.session));
    this.stage.touchAll();
  }

  /** Light is for the image at hand; the rest stays. */
  savePrefs() {
    savePrefs({ ...this.prefs, brightness: undefined, contrast: undefined });
  }

  answer() {
    const { session, problem, clock, skeleton } = this;
    const get = (/** @type {string} */ name) => this.element.getAttribute(name);
    return answerFields({
      doc: session.doc,
      skeleton,
      initialValues: get("initialvalues"),
      imageS3Uri: get("images3uri"),
      imgSrc: get("imgsrc"),
      totalSeconds: problem ? 0 : clock.totalSeconds(),
      details: {
        image_width: session.size.width,
        image_height: session.size.height,
        ...clock.details(),
        findings: this.findings.details(),
        problem: problem || undefined,
      },
    });
  }

  /** Whether something looks wrong and was not accepted yet; then the dialog asks. */
  asks() {
    return !this.problem && this.findings.ask();
  }

  submit() {
    if (!this.asks()) this.send();
  }

  send() {
    this.clock.tick();
    this.submitting = true;
    try {
      if (!this.form.submit(this.handOver())) this.say("This page has no form to submit to.");
    } finally {
      this.submitting = false;
    }
  }

  /** The answer, as it leaves: its draft has done its duty. */
  handOver() {
    clearTimeout(this.saveTimer);
    this.saveTimer = 0;
    this.unsaved = false;
    dropDraft(this.draft);
    return this.answer();
  }

  /** Drafts and checks wait for a pause: a drag or a burst of clicks costs nothing. */
  later() {
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.saveNow(), 300);
  }

  saveNow() {
    clearTimeout(this.saveTimer);
    const { doc, original } = this.session;
    if (doc === original) dropDraft(this.draft);
    else this.unsaved = !saveDraft(this.draft, doc, Date.now());
    this.findings.refresh();
  }

  saveWaiting() {
    if (this.saveTimer && this.session.doc !== this.session.original) this.saveNow();
  }

  restoreDraft() {
    const draft = loadDraft(this.draft, this.skeleton);
    dropOldDrafts(Date.now());
    if (!draft) return;
    this.session.restore(draft.doc);
    const time = new Date(draft.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.say(`Your work of ${time} is back. Undo starts over.`);
  }

  destroy() {
    this.saveWaiting();
    this.abort.abort();
    clearTimeout(this.toastTimer);
    clearTimeout(this.saveTimer);
    this.form.destroy();
    this.stage.img.onload = this.stage.img.onerror = null;
    this.stage.destroy();
    this.root.remove();
  }
}
