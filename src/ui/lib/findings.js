/** Findings: the list of what looks wrong, in the panel while labelling and in a dialog before submitting. */
/** @import {Finding} from "./checks.js" */
import { attr, h, put } from "./dom.js";
import { dialog } from "./dialogs.js";
import { checkDoc } from "./checks.js";
import { findInstance } from "./document.js";
import { clampTo } from "./geometry.js";
import { icon } from "./icons.js";
import { moved } from "./pose.js";

/** Not worth a word while the instance is still being labelled. */
const UNFINISHED = new Set(["missing_keypoints", "empty_instance", "untouched_prelabels"]);

export class Findings {
  /**
   * @param {import("./session.js").Session} session
   * @param {(finding: Finding) => void} jump
   * @param {() => void} submit despite the warnings
   */
  constructor(session, jump, submit) {
    this.session = session;
    this.jump = jump;
    /** @type {Set<string>} findings that the worker looked at and accepted */
    this.accepted = new Set();
    /** @type {Finding[]} */
    this.all = [];
    this.summary = h("summary");
    this.list = h("ul", { class: "findings" });
    this.root = h("details", { class: "checks", hidden: true }, this.summary, this.list);
    this.reviewList = h("ul", { class: "findings" });
    const anyway = h("button", { type: "button", class: "primary anyway", onclick: () => {
      for (const finding of this.all) this.accepted.add(keyOf(finding));
      this.dialog.close();
      submit();
    } }, "Submit anyway");
    this.dialog = dialog("Before you submit", h("p", {}, "This looks unusual. Choose one to look at it."), this.reviewList,
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => this.dialog.close() }, "Keep labelling"), anyway));
    this.dialog.classList.add("review");
  }

  refresh() {
    const { session } = this;
    this.all = checkDoc(session.skeleton, session.doc, session.size, session.original);
    const open = this.open().filter(({ check, id, level }) => !UNFINISHED.has(check) || (level === "warning" && id !== "" && id !== session.active));
    put(this.root, "hidden", open.length === 0);
    if (!open.length) return;
    const warnings = open.filter(({ level }) => level === "warning").length;
    this.summary.replaceChildren(icon(warnings ? "warn" : "info"), `${open.length} to check`);
    attr(this.root, "data-level", warnings ? "warning" : "info");
    this.list.replaceChildren(...open.map((finding) => this.row(finding)));
  }

  open() {
    return this.all.filter((finding) => !this.accepted.has(keyOf(finding)));
  }

  /** @param {Finding} finding */
  row(finding) {
    const at = this.session.doc.instances.findIndex(({ id }) => id === finding.id);
    const name = at < 0 ? "" : this.session.doc.instances[at].name || `Instance ${at + 1}`;
    const fix = this.fixOf(finding);
    const done = () => {
      this.refresh();
      if (this.dialog.open) this.review();
    };
    return h("li", { "data-check": finding.check },
      h("button", { type: "button", class: "pick", onclick: () => {
        this.dialog.close();
        this.jump(finding);
      } }, icon(finding.level === "warning" ? "warn" : "info"), h("span", { dir: "auto" }, name ? `${name}: ${finding.text}` : finding.text)),
      fix && h("button", { type: "button", class: "small", onclick: () => {
        fix.run();
        done();
      } }, fix.text),
      h("button", { type: "button", class: "ghost", title: "It is right as it is", "aria-label": "It is right as it is", onclick: () => {
        this.accepted.add(keyOf(finding));
        done();
      } }, icon("check")));
  }

  /** What one click can do about it. @param {Finding} finding @returns {{text: string, run: () => void} | null} */
  fixOf({ check, id, indexes }) {
    const { session } = this;
    const instance = findInstance(session.doc, id);
    const on = (/** @type {() => void} */ act) => () => {
      session.select(id);
      act();
    };
    if (check === "untouched_prelabels") return { text: "Tick it", run: () => session.setNoChanges(true) };
    if (!instance || instance.locked) return null;
    if (check === "empty_instance" || check === "duplicate_instance") return { text: "Delete", run: () => session.removeInstance(id) };
    if (check === "missing_keypoints") return { text: "Not visible", run: on(() => session.mark(indexes, 0, "not_visible")) };
    if (check === "swapped_sides") return { text: "Swap", run: on(() => session.swapSides(indexes)) };
    if (check === "out_of_image") {
      return { text: "Move inside", run: on(() => session.edit("move inside", ({ points }) => ({ points: moved(points, (at) => clampTo(session.size, at)) }))) };
    }
    return null;
  }

  /** @returns {boolean} whether there is something to ask first */
  review() {
    this.refresh();
    const open = this.open().filter(({ level }) => level === "warning");
    this.reviewList.replaceChildren(...open.map((finding) => this.row(finding)));
    if (open.length && !this.dialog.open) this.dialog.showModal();
    if (!open.length && this.dialog.open) this.dialog.close();
    return open.length > 0;
  }

  /** For the answer: what was open when it was submitted. */
  details() {
    return this.all.map(({ check, level, id, indexes }) => ({
      check, level, ...(id ? { id } : {}), ...(indexes.length ? { keypoints: indexes.map((index) => this.session.skeleton.keypoints[index].label) } : {}),
    }));
  }
}

/** @param {Finding} finding accepted as long as it is about the same keypoints */
const keyOf = ({ check, id, indexes }) => `${check}/${id}/${indexes}`;
