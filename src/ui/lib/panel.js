/** The panel: instances, the keypoints of the one in hand, and what is submitted. Rows are kept and only what differs is set. */
/** @import {Instance, Point} from "./types.js" */
import { changedPoints, findInstance, isChanged, isPlaced, placedCount } from "./document.js";
import { Details } from "./details.js";
import { attr, flag, h, put, reveal } from "./dom.js";
import { icon, markerIcon, setMarker } from "./icons.js";
import { markerColor, shapeOf } from "./painter.js";

/** @param {Point | null} point */
const stateOf = (point) => (isPlaced(point) ? (point.v === 2 ? "visible" : "occluded") : point ? "skipped" : "pending");

/** @param {Point | null} point */
function stateText(point) {
  if (!point) return "";
  if (point.v === 0) return point.reason === "outside_image" ? "outside the image" : "not visible";
  return point.v === 2 ? "visible" : "occluded";
}

/** @typedef {{root: HTMLElement, [part: string]: any}} Row */

export class Panel {
  /**
   * @param {import("./session.js").Session} session
   * @param {(id: string) => void} run a command by its name
   * @param {{submit: () => void, checks: HTMLElement, focusPoint: (id: string, index: number) => void}} app
   */
  constructor(session, run, app) {
    this.session = session;
    this.run = run;
    this.app = app;
    /** @type {Map<string, Row>} */
    this.instanceRows = new Map();
    /** @type {string | null} the instance that the list was last scrolled to */
    this.shown = null;
    this.shownPoint = -1;
    this.instanceList = h("ul", { class: "rows instances", role: "list", "aria-label": "Instances" });
    this.empty = h("p", { class: "quiet" }, "None yet. Click the image to place the first keypoint.");
    this.count = h("span", { class: "count" });
    this.title = h("h2", {}, "Keypoints");
    this.progress = h("span", { class: "count" });
    this.filter = h("input", { type: "search", class: "filter", placeholder: "Find a keypoint", "aria-label": "Find a keypoint", oninput: () => this.applyFilter() });
    /** @type {Row[]} */
    this.pointRows = session.skeleton.keypoints.map((keypoint, index) => this.pointRow(keypoint, index));
    this.pointList = h("ul", { class: "rows points", role: "list", "aria-label": "Keypoints", onkeydown: (/** @type {KeyboardEvent} */ event) => this.walk(event) }, ...this.pointRows.map((row) => row.root));
    this.details = new Details(session);
    this.notices = h("div", { class: "notices", role: "status", tabIndex: 0 });
    this.noChanges = h("input", { type: "checkbox", id: "no-changes", onchange: () => session.setNoChanges(this.noChanges.checked) });
    this.submit = h("button", { type: "button", class: "primary", onclick: app.submit }, "Submit");
    /** @type {HTMLElement} */
    this.root = h(
      "aside",
      { class: "panel", "aria-label": "Labels" },
      this.notices,
      h("section", { class: "instances-part" },
        h("header", {}, h("h2", {}, "Instances"), this.count,
          h("button", { type: "button", class: "small", title: "Start a new instance (B)", onclick: () => run("new") }, icon("plus"), "New")),
        this.empty, this.instanceList),
      h("section", { class: "points-part" }, h("header", {}, this.title, this.progress),
        session.skeleton.keypoints.length > 24 && this.filter, this.pointList),
      this.details.root,
      app.checks,
      h("footer", {},
        h("label", { class: "tick" }, this.noChanges,
          session.original.instances.length ? "No changes needed" : "Nothing to label here"),
        this.submit),
    );
  }

  /** @param {import("./types.js").Keypoint} keypoint @param {number} index @returns {Row} */
  pointRow(keypoint, index) {
    const marker = markerIcon(keypoint.color);
    const state = h("span", { class: "state" });
    const key = index < 18 ? h("kbd", {}, `${index > 8 ? "⇧" : ""}${(index % 9) + 1}`) : null;
    const name = h("span", { class: "name", dir: "auto" }, keypoint.label.replaceAll("_", " "));
    const pick = h("button", { type: "button", class: "pick", onclick: () => this.pickPoint(index), ondblclick: () => this.session.active && this.app.focusPoint(this.session.active, index) }, marker, name, state, key);
    pick.dataset.index = String(index);
    return { root: h("li", {}, pick), pick, marker, state };
  }

  /** @param {number} index */
  pickPoint(index) {
    const { session } = this;
    if (index >= this.pointRows.length) return;
    if (!session.instance && session.doc.instances.length === 0) session.begin();
    session.select(session.active, index);
  }

  /** Up and down walk the list; Tab leaves it. @param {KeyboardEvent} event */
  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = this.pointRows.findIndex((row) => row.pick === /** @type {ShadowRoot} */ (this.root.getRootNode()).activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.pointRows[(at + step + this.pointRows.length) % this.pointRows.length];
    next.pick.focus({ preventScroll: true });
    reveal(this.pointList, next.root);
  }

  applyFilter() {
    const wanted = this.filter.value.trim().toLowerCase();
    this.session.skeleton.keypoints.forEach((keypoint, index) => {
      const text = keypoint.label.replaceAll("_", " ").toLowerCase();
      put(this.pointRows[index].root, "hidden", wanted !== "" && !text.includes(wanted));
    });
  }

  /** @param {string[]} texts what the worker should know about this task */
  setNotices(texts) {
    this.notices.replaceChildren(...texts.map((text) => h("p", {}, icon("info"), h("span", { dir: "auto" }, text))));
  }

  update() {
    const { session } = this;
    const { instances } = session.doc;
    put(this.count, "textContent", instances.length ? String(instances.length) : "");
    put(this.empty, "hidden", instances.length > 0);
    put(this.noChanges, "checked", session.doc.noChanges);
    for (const [id, row] of this.instanceRows) {
      if (!findInstance(session.doc, id)) {
        row.root.remove();
        this.instanceRows.delete(id);
      }
    }
    instances.forEach((instance, at) => {
      let row = this.instanceRows.get(instance.id);
      if (!row) {
        row = this.instanceRow(instance.id);
        this.instanceRows.set(instance.id, row);
      }
      if (this.instanceList.children[at] !== row.root) this.instanceList.insertBefore(row.root, this.instanceList.children[at] ?? null);
      this.updateInstance(row, instance, at);
    });
    this.updatePoints();
    this.details.update();
  }

  /** @param {string} id @returns {Row} */
  instanceRow(id) {
    const dot = h("span", { class: "dot" });
    const name = h("span", { class: "name", dir: "auto" });
    const badge = h("span", { class: "badge" });
    const done = h("span", { class: "state" });
    const pick = h("button", { type: "button", class: "pick", onclick: () => this.session.select(id) }, dot, name, badge, done);
    const eye = h("button", { type: "button", class: "ghost", onclick: () => this.session.toggleHidden([id]) });
    const bin = h("button", { type: "button", class: "ghost", onclick: () => this.session.removeInstance(id) }, icon("bin"));
    return { root: h("li", {}, pick, eye, bin), pick, dot, name, badge, done, eye, bin, hidden: null };
  }

  /** @param {Row} row @param {Instance} instance @param {number} at */
  updateInstance(row, instance, at) {
    const { session } = this;
    const active = instance.id === session.active;
    const title = instance.name || `Instance ${at + 1}`;
    const hidden = session.hidden.has(instance.id);
    const before = findInstance(session.original, instance.id);
    flag(row.root, "on", active);
    flag(row.root, "off", hidden);
    put(row.name, "textContent", title);
    put(row.done, "textContent", `${placedCount(instance)}/${instance.points.length}`);
    put(row.badge, "textContent", instance.locked ? "locked" : before ? (isChanged(instance, before) ? "changed" : "") : session.original.instances.length ? "new" : "");
    const color = instance.options.marker ?? instance.color;
    put(row.dot, "hidden", !color);
    row.dot.style.setProperty("--c", color);
    attr(row.pick, "aria-current", active ? "true" : null);
    put(row.bin, "disabled", instance.locked);
    attr(row.bin, "aria-label", `Delete ${title}`);
    put(row.bin, "title", `Delete ${title}`);
    attr(row.eye, "aria-label", `${hidden ? "Show" : "Hide"} ${title}`);
    put(row.eye, "title", `${hidden ? "Show" : "Hide"} ${title}`);
    if (row.hidden !== hidden) {
      row.hidden = hidden;
      row.eye.replaceChildren(icon(hidden ? "eyeOff" : "eye"));
    }
    if (active && this.shown !== instance.id) {
      this.shown = instance.id;
      reveal(this.instanceList, row.root);
    }
  }

  updatePoints() {
    const { session } = this;
    const { instance, skeleton } = session;
    const target = instance ? session.target : session.startsNew ? 0 : -1;
    const before = instance && findInstance(session.original, instance.id);
    const changed = new Set(instance ? changedPoints(instance, before) : []);
    put(this.progress, "textContent", instance ? `${placedCount(instance)} of ${skeleton.keypoints.length}` : "");
    const shown = session.selected >= 0 ? session.selected : target;
    this.pointRows.forEach((row, index) => {
      const point = instance?.points[index] ?? null;
      const keypoint = skeleton.keypoints[index];
      setMarker(row.marker, instance?.options.shape ?? shapeOf(keypoint), stateOf(point));
      if (instance) row.marker.style.setProperty("--c", markerColor(instance, keypoint));
      put(row.state, "textContent", index === target ? "next" : stateText(point));
      flag(row.root, "next", index === target);
      flag(row.root, "on", index === session.selected);
      flag(row.root, "changed", changed.has(index));
      flag(row.root, "off", Boolean(instance && session.isHidden(instance.id, index)));
      attr(row.pick, "aria-current", index === session.selected ? "true" : null);
      attr(row.pick, "tabindex", index === Math.max(0, shown) ? "0" : "-1");
    });
    if (shown >= 0 && this.shownPoint !== shown) {
      this.shownPoint = shown;
      reveal(this.pointList, this.pointRows[shown].root);
    }
  }
}
