/** Details: what can be said about the keypoint in hand, or about its instance: visibility, name, note. */
import { attr, h, put } from "./dom.js";
import { isPlaced, labelOf } from "./document.js";

/** @type {[string, 0 | 1 | 2, import("./types.js").Reason | undefined, string][]} */
const STATES = [
  ["Visible", 2, undefined, "O"],
  ["Occluded", 1, undefined, "O"],
  ["Not visible", 0, "not_visible", "U"],
  ["Outside", 0, "outside_image", "I"],
];

export class Details {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.states = STATES.map(([text, v, reason, key]) =>
      h("button", { type: "button", title: `${text} (${key})`, onclick: () => this.mark(v, reason) }, text));
    this.name = h("input", { placeholder: "Name", "aria-label": "Name of the instance", maxLength: 200, dir: "auto", onchange: () => this.write("name", this.name.value) });
    this.note = h("input", { placeholder: "Note", maxLength: 1000, dir: "auto", onchange: () => this.writeNote() });
    this.strays = h("p", { class: "quiet" });
    this.clear = h("button", { type: "button", class: "small", onclick: () => this.write("strays", []) }, "Remove them");
    this.choice = h("div", { class: "choice", role: "group", "aria-label": "Visibility" }, ...this.states);
    this.root = h("div", { class: "details" }, this.choice, this.name, this.note, this.strays, this.clear);
  }

  get index() {
    return this.session.selected >= 0 ? this.session.selected : this.session.target;
  }

  /** @param {0 | 1 | 2} v @param {import("./types.js").Reason} [reason] */
  mark(v, reason) {
    if (this.index >= 0) this.session.mark([this.index], v, reason);
  }

  /** @param {"name" | "strays"} field @param {any} value */
  write(field, value) {
    this.session.edit(`change ${field === "name" ? "name" : "entries"}`, () => ({ [field]: value }));
  }

  writeNote() {
    const { point, selected } = this.session;
    const comment = this.note.value.trim();
    this.session.edit("write note", ({ points }) =>
      point ? { points: points.with(selected, { ...point, comment: comment || undefined }) } : { comment });
  }

  update() {
    const { session } = this;
    const { instance, point } = session;
    put(this.root, "hidden", !instance);
    if (!instance) return;
    const now = instance.points[this.index];
    const locked = instance.locked;
    this.states.forEach((button, i) => {
      const [, v, reason] = STATES[i];
      attr(button, "aria-pressed", String(Boolean(now) && now?.v === v && (v > 0 || now.reason === reason)));
      put(button, "disabled", locked || this.index < 0 || (v > 0 && !isPlaced(now)));
    });
    const what = point ? labelOf(session.skeleton, session.selected) : "instance";
    put(this.name, "hidden", Boolean(point));
    put(this.name, "value", instance.name);
    put(this.note, "value", (point ? point.comment : instance.comment) ?? "");
    put(this.note, "placeholder", `Note on this ${point ? "keypoint" : "instance"}`);
    attr(this.note, "aria-label", `Note on ${what}`);
    put(this.name, "disabled", locked);
    put(this.note, "disabled", locked);
    const labels = instance.strays.map((/** @type {any} */ stray) => String(stray?.label ?? stray)).join(", ");
    put(this.strays, "textContent", labels && `Not in this skeleton: ${labels}`);
    put(this.strays, "hidden", !labels || Boolean(point));
    put(this.clear, "hidden", !labels || locked || Boolean(point));
  }
}
