/** The keypoints in their order, to be named; and what else is to be said of the selected one. */
import { h, put, update } from "../dom.js";
import { icon, marker } from "../icons.js";
import { shapesOf } from "./board.js";
import { changeKeypoint, joinedWith, missingSide, movedInOrder, toggledEdge, withOtherSide } from "./definition.js";
import { LONGEST_NAME } from "./formats.js";

/** @import {Drawing} from "./drawing.js" */
/** @import {DrawnKeypoint} from "./definition.js" */

export class KeypointList {
  /** @param {Drawing} drawing @param {(text: string) => void} say */
  constructor(drawing, say) {
    this.drawing = drawing;
    this.say = say;
    /** @type {{row: HTMLElement, name: HTMLInputElement}[]} */
    this.rows = [];
    /** @type {import("../types.js").Shape[]} */
    this.shapes = [];
    /** @type {HTMLElement} */
    this.root = h("ol", { class: "rows" });
  }

  /** Rows stay as they are, so that the focus does; only what differs is written. */
  draw() {
    const { drawing } = this;
    this.shapes = shapesOf(drawing.definition);
    while (this.rows.length > drawing.keypoints.length) this.rows.pop()?.row.remove();
    while (this.rows.length < drawing.keypoints.length) this.append(this.rows.length);
    this.rows.forEach(({ row, name }, index) => {
      const keypoint = drawing.keypoints[index];
      row.classList.toggle("on", index === drawing.selected);
      update(row);
      put(name, "value", keypoint.name);
    });
  }

  /** @param {number} index */
  append(index) {
    const { drawing } = this;
    /** @type {HTMLInputElement} */
    const name = h("input", {
      maxLength: LONGEST_NAME,
      spellcheck: false,
      autocomplete: "off",
      "aria-label": `Name of keypoint ${index + 1}`,
      onfocus: () => index !== drawing.selected && drawing.select(index),
      onchange: () => this.name(index, name),
      onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && this.focus(index + 1),
    });
    const row = h("li", { onclick: () => drawing.select(index) }, h("span", { class: "number" }, String(index + 1)), marker(() => drawing.keypoints[index].color, () => this.shapes[index]), name);
    this.rows.push({ row, name });
    this.root.append(row);
  }

  /** @param {number} index @param {HTMLInputElement} field */
  name(index, field) {
    const { drawing } = this;
    const wanted = field.value.trim();
    const next = changeKeypoint(drawing.definition, index, { name: wanted });
    const same = next === drawing.definition && wanted !== drawing.keypoints[index].name;
    if (same) this.say(wanted ? `There is a keypoint “${wanted}” already: names must differ.` : "A keypoint needs a name.");
    drawing.edit(next);
    field.value = drawing.keypoints[index].name;
  }

  /** @param {number} index the last one if there is none */
  focus(index) {
    const name = this.rows[Math.min(index, this.rows.length - 1)]?.name;
    name?.focus();
    name?.select();
  }
}

/** Colour, other side, sigma, edges and place in the order of the selected keypoint. */
export class KeypointDetails {
  /** @param {Drawing} drawing @param {(text: string) => void} say @param {(index: number) => void} remove */
  constructor(drawing, say, remove) {
    this.drawing = drawing;
    this.say = say;
    const button = (/** @type {string} */ text, /** @type {() => void} */ act) => h("button", { type: "button", onclick: act }, text);
    this.title = h("h2", { id: "selected" });
    this.color = h("input", { type: "color", onchange: () => this.change({ color: this.color.value }) });
    this.pair = h("select", { onchange: () => this.change({ pair: this.pair.value }) });
    this.sigma = h("input", { type: "number", min: "0.001", max: "1", step: "0.001", placeholder: "0.07", inputMode: "decimal", "aria-describedby": "sigma-hint", onchange: () => this.changeSigma() });
    this.edges = h("ul", { class: "chips", "aria-label": "Joined with" });
    this.join = h("select", { "aria-label": "Join with", onchange: () => this.toggle(this.join.value) });
    this.earlier = button("↑ Earlier", () => this.move(-1));
    this.later = button("↓ Later", () => this.move(1));
    this.mirror = button("", () => drawing.edit(withOtherSide(drawing.definition, drawing.selected, drawing.size.width), { select: drawing.keypoints.length }));
    this.remove = h("button", { type: "button", class: "danger", onclick: () => remove(drawing.selected) }, icon("bin"), "Remove");
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) => h("label", { class: "field" }, h("span", {}, label), input);
    /** @type {HTMLElement} */
    this.root = h("section", { class: "details", "aria-labelledby": "selected" }, this.title,
      h("div", { class: "fields" }, field("Colour", this.color), field("Other side", this.pair), field("Sigma", this.sigma)),
      h("p", { id: "sigma-hint", class: "hint" }, "Sigma: how far careful people differ. 0.025 for an eye, 0.107 for a hip; empty is 0.07."),
      h("div", { class: "joined" }, h("span", { "aria-hidden": "true" }, "Joined with"), this.edges, this.join),
      h("div", { class: "buttons" }, this.earlier, this.later, this.mirror, this.remove));
  }

  /** @param {Partial<DrawnKeypoint>} change */
  change(change) {
    this.drawing.edit(changeKeypoint(this.drawing.definition, this.drawing.selected, change));
  }

  changeSigma() {
    const sigma = Number(this.sigma.value);
    const empty = this.sigma.value.trim() === "" && this.sigma.validity.valid;
    if (empty || (sigma > 0 && sigma <= 1)) this.change({ sigma: empty ? null : sigma });
    else this.say("A sigma is a number above 0 and up to 1.");
    this.draw();
  }

  /** @param {string} name */
  toggle(name) {
    const { drawing } = this;
    if (name) drawing.edit(toggledEdge(drawing.definition, drawing.keypoints[drawing.selected].name, name));
  }

  /** @param {1 | -1} step */
  move(step) {
    const { drawing } = this;
    drawing.edit(movedInOrder(drawing.definition, drawing.selected, step), { select: drawing.selected + step });
    this.say(`${drawing.keypoints[drawing.selected].name} is keypoint ${drawing.selected + 1} now.`);
  }

  draw() {
    const { drawing } = this;
    const { definition, selected } = drawing;
    const keypoint = drawing.keypoints[selected];
    this.root.hidden = !keypoint;
    if (!keypoint) return;
    const joined = joinedWith(definition, keypoint.name);
    const others = drawing.keypoints.map(({ name }) => name).filter((name) => name !== keypoint.name);
    const option = (/** @type {string} */ name) => h("option", { value: name }, name);
    put(this.title, "textContent", keypoint.name);
    put(this.color, "value", hexadecimal(keypoint.color));
    this.pair.replaceChildren(h("option", { value: "" }, "none"), ...others.map(option));
    this.pair.value = keypoint.pair;
    this.sigma.value = keypoint.sigma ?? "";
    this.edges.replaceChildren(...joined.map((name) => h("li", {}, name, h("button", { type: "button", "aria-label": `No edge to ${name}`, onclick: () => this.toggle(name) }, icon("close")))));
    this.join.replaceChildren(h("option", { value: "" }, "add …"), ...others.filter((name) => !joined.includes(name)).map(option));
    this.earlier.disabled = selected === 0;
    this.later.disabled = selected === drawing.keypoints.length - 1;
    const side = missingSide(definition, selected);
    this.mirror.hidden = !side;
    put(this.mirror, "textContent", `Add ${side}`);
  }
}

const context = document.createElement("canvas").getContext("2d");

/** What a colour field can show: six digits. @param {string} color */
function hexadecimal(color) {
  if (!context) return "#000000";
  context.fillStyle = "#000000";
  context.fillStyle = color;
  return context.fillStyle.startsWith("#") ? context.fillStyle : "#000000";
}
