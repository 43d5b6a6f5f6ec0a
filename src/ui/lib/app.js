/** The app: puts session, stage, panel and toolbar together for one image. Made anew when the task changes. */
/** @import {XY} from "./types.js" */
import { answerFields, imageUri } from "./answer.js";
import { Clock } from "./clock.js";
import { draftKey, dropDraft, dropOldDrafts, loadDraft, saveDraft } from "./drafts.js";
import { commandsOf } from "./commands.js";
import { helpDialog, lightDialog } from "./dialogs.js";
import { h, put } from "./dom.js";
import { boundsOf, findInstance, isPlaced, labelOf } from "./document.js";
import { Findings } from "./findings.js";
import { AnswerForm } from "./form.js";
import { Gestures } from "./gestures.js";
import { Keyboard } from "./keyboard.js";
import { Chip } from "./chip.js";
import { Panel } from "./panel.js";
import { readIssues, readPrelabels } from "./prelabels.js";
import { loadPrefs, savePrefs } from "./prefs.js";
import { readUniqueColors } from "./colors.js";
import { Session } from "./session.js";
import { readSkeleton } from "./skeleton.js";
import { Stage } from "./stage.js";
import { Toolbar } from "./toolbar.js";


export class App {
  /** @param {HTMLElement} element @param {ShadowRoot} shadow */
  constructor(element, shadow) {
    this.element = element;
    this.abort = new AbortController();
    this.clock = new Clock(performance.now());
    this.problem = "";
    this.submitting = false;
    this.unsaved = false;
    this.saveTimer = 0;
    this.toastTimer = 0;
    this.failed = false;
    const get = (/** @type {string} */ name) => element.getAttribute(name);
    this.skeleton = readSkeleton({ classes: get("keypointclasses"), rig: get("skeletonrig"), box: get("skeletonboundingbox") });
    const prelabels = readPrelabels(get("initialvalues"), this.skeleton);
    this.session = new Session(this.skeleton, prelabels.instances, readUniqueColors(get("uniqueskeletoncolors")));
    this.draft = draftKey([imageUri(get("images3uri"), get("imgsrc")), get("keypointclasses"), get("initialvalues")]);
    this.prefs = loadPrefs();
    this.look = { names: this.prefs.names ?? false, loupe: this.prefs.loupe ?? false, crosshair: this.prefs.crosshair ?? false, brightness: 100, contrast: 100, traces: true };
    this.stage = new Stage(this.session, this.look);
    // The photograph is the long pole: it is asked for before anything else is built.
    this.stage.img.src = get("imgsrc") ?? "";
    this.commands = commandsOf(this);
    this.keyboard = new Keyboard(this);
    const run = (/** @type {string} */ id) => this.run(id);
    this.toolbar = new Toolbar(run);
    this.findings = new Findings(this.session, (finding) => this.jump(finding), () => this.send());
    this.panel = new Panel(this.session, run, {
      checks: this.findings.root,
      submit: () => this.run("submit"),
      focusPoint: (id, index) => this.focusPoint(id, index),
      toggleHidden: (key) => this.toggleHidden(key),
    });
    this.help = helpDialog(this.prefs, () => {
      this.keyboard.renew();
      savePrefs(this.prefs);
    });
    this.light = lightDialog(this.look, () => this.stage.applyLook());
    this.chip = new Chip(this.session);
    this.live = h("div", { class: "live", "aria-live": "polite" });
    this.toast = h("div", { class: "toast", hidden: true });
    // A page has one main part: its own, else the first element on it.
    const first = document.querySelector("main, [role=main], crowd-2d-skeleton") === element;
    this.root = h("div", { class: "app" }, h("div", { class: "head", role: "region", "aria-label": "Tools and next keypoint" }, this.toolbar.root, this.chip.root, this.toolbar.helpButton),
      h("section", { class: "work", "aria-label": "Image", role: first ? "main" : null }, this.stage.root, this.toast),
      this.panel.root, this.live, this.help, this.light, this.findings.dialog);
    shadow.append(this.root);
    this.form = this.newForm();
    this.listen();
    this.panel.setNotices([get("taskerror") ?? "", ...readIssues(get("annotationissues")), ...this.skeleton.problems, ...prelabels.problems].filter(Boolean));
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

  listen() {
    const { session, stage } = this;
    const { signal } = this.abort;
    this.gestures = new Gestures(stage, signal, {
      placed: (index) => this.afterPlace(index),
      say: (text) => this.say(text),
      action: (name) => {
        this.clock.tick(performance.now());
        this.clock.count(name);
      },
    });
    session.onSay = (text) => this.say(text);
    session.onChange = (what) => {
      if (what === "preview") stage.touchTop();
      else this.refresh();
      if (what === "doc") this.later();
    };
    stage.onView = () => put(this.toolbar.zoom, "textContent", `${Math.round(stage.view.scale * 100)} %`);
    this.root.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.keyboard.key(event), { signal });
    // Where nothing can be stored, leaving by accident is asked about; a page that goes to sleep saves at once.
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault(), { signal });
    addEventListener("pagehide", () => this.session.doc !== this.session.original && this.saveTimer && this.saveNow(), { signal });
    // A click on a button must not take the keys away from the image.
    this.root.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (target.closest("dialog, input, textarea, select, label") || target.closest(".stage-note")) return;
      event.preventDefault();
      this.focus();
    }, { signal });
  }

  focus() {
    this.stage.root.focus({ preventScroll: true });
  }

  /** @param {boolean} [again] the first time it is under way already */
  loadImage(again = true) {
    const src = this.element.getAttribute("imgsrc") ?? "";
    const { img } = this.stage;
    this.failed = false;
    this.stage.note.hidden = true;
    if (!src) {
      this.imageFailed("This task has no image.");
      return;
    }
    img.onload = () => {
      if (!img.naturalWidth) this.imageFailed("The image has no size, so it cannot be labelled.");
      else this.imageReady();
    };
    img.onerror = () => this.imageFailed("The image could not be loaded.");
    if (again) img.src = src;
  }

  imageReady() {
    const { naturalWidth: width, naturalHeight: height } = this.stage.img;
    this.session.size = { width, height };
    this.clock.restart(performance.now());
    this.stage.ready();
    this.refresh();
    this.later();
    this.element.dispatchEvent(new CustomEvent("image-ready", { detail: { width, height } }));
  }

  /** @param {string} text */
  imageFailed(text) {
    this.failed = true;
    this.problem = text;
    this.session.size = { width: 0, height: 0 };
    const { note } = this.stage;
    note.replaceChildren(
      h("h2", {}, text),
      h("p", {}, "It may have moved, or the time to open it ran out. Try again; if that does not help, submit: your answer says that the image was missing."),
      h("button", { type: "button", class: "primary", onclick: () => this.loadImage() }, "Try again"),
      h("button", { type: "button", onclick: () => this.run("submit") }, "Submit without labels"),
    );
    note.hidden = false;
    this.refresh();
    this.say(text);
  }

  /** @param {string} id */
  run(id) {
    this.commands[id]?.();
    this.refresh();
  }

  /** @param {number} index */
  afterPlace(index) {
    this.clock.placed(this.skeleton.keypoints[index].label, performance.now());
    const { session } = this;
    const next = session.target >= 0 ? `Next: ${labelOf(this.skeleton, session.target)}` : "All keypoints placed";
    this.live.textContent = `Placed ${labelOf(this.skeleton, index)}. ${next}`;
  }

  /** @param {string} id @param {number} index */
  focusPoint(id, index) {
    const point = findInstance(this.session.doc, id)?.points[index];
    this.session.select(id, index);
    if (isPlaced(point)) this.stage.focusOn({ left: point.x, top: point.y, right: point.x, bottom: point.y });
  }

  /** @param {string} key */
  toggleHidden(key) {
    const { hidden } = this.session;
    if (!hidden.delete(key)) hidden.add(key);
    this.refresh();
  }

  /** A short word on the image, and aloud. @param {string} text */
  say(text) {
    this.live.textContent = text;
    this.toast.textContent = text;
    this.toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => {
      this.toast.hidden = true;
    }, 2600);
  }

  refresh() {
    const { session, toolbar, stage } = this;
    this.panel.update();
    toolbar.enable("undo", session.history.canUndo);
    toolbar.enable("redo", session.history.canRedo);
    toolbar.enable("draw", Boolean(session.skeleton.box));
    toolbar.enable("swapAll", Boolean(session.instance));
    for (const tool of ["draw", "adjust", "box"]) toolbar.press(tool, session.tool === tool);
    toolbar.press("names", this.look.names);
    toolbar.press("loupe", this.look.loupe);
    toolbar.press("hideAll", session.doc.instances.length > 0 && session.visible().length === 0);
    stage.setTag(this.chip.update(this.failed));
    stage.touchAll();
  }

  /** @returns {XY} where the pointer is, else the middle of the view; in the image */
  here() {
    const { stage } = this;
    const at = stage.pointer ?? { x: stage.size.width / 2, y: stage.size.height / 2 };
    return { x: (at.x - stage.view.tx) / stage.view.scale, y: (at.y - stage.view.ty) / stage.view.scale };
  }

  /** Zoom to the instance in hand, or to everything. */
  focusInstance() {
    const { instance } = this.session;
    const box = instance && boundsOf(instance, true);
    if (box) this.stage.focusOn(box);
    else this.stage.fit();
  }

  savePrefs() {
    const { names, loupe, crosshair } = this.look;
    Object.assign(this.prefs, { names, loupe, crosshair });
    savePrefs(this.prefs);
  }

  answer() {
    const now = performance.now();
    const { width, height } = this.session.size;
    const get = (/** @type {string} */ name) => this.element.getAttribute(name);
    return answerFields({
      doc: this.session.doc,
      skeleton: this.skeleton,
      initialValues: get("initialvalues"),
      imageS3Uri: get("images3uri"),
      imgSrc: get("imgsrc"),
      totalSeconds: this.failed ? 0 : this.clock.totalSeconds(now),
      details: {
        image_width: width,
        image_height: height,
        ...this.clock.details(),
        findings: this.findings.details(),
        ...(this.failed ? { problem: this.problem } : {}),
      },
    });
  }

  /** Whether something looks wrong and was not accepted yet; then the dialog asks. */
  asks() {
    return !this.failed && this.findings.review();
  }

  submit() {
    if (!this.asks()) this.send();
  }

  send() {
    this.clock.tick(performance.now());
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

  restoreDraft() {
    const draft = loadDraft(this.draft, this.skeleton);
    dropOldDrafts(Date.now());
    if (!draft) return;
    this.session.restore(draft.doc);
    const time = new Date(draft.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.say(`Your work of ${time} is back. Undo starts over.`);
  }

  /** @param {import("./checks.js").Finding} finding */
  jump({ id, indexes }) {
    if (!id) return;
    this.session.hidden.delete(id);
    const placed = indexes.find((index) => isPlaced(findInstance(this.session.doc, id)?.points[index]));
    if (placed !== undefined) this.focusPoint(id, placed);
    else {
      this.session.select(id, indexes[0] ?? -1);
      this.focusInstance();
    }
    this.focus();
  }

  destroy() {
    if (this.saveTimer && this.session.doc !== this.session.original) this.saveNow();
    this.abort.abort();
    clearTimeout(this.toastTimer);
    clearTimeout(this.saveTimer);
    this.form.destroy();
    this.stage.img.onload = this.stage.img.onerror = null;
    this.stage.destroy();
    this.root.remove();
  }
}
