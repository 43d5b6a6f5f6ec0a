/** The list of keypoints with their names and order, the details of the selected one, and actions on all keypoints. */
import { h, put, reveal, update } from "../dom.js";
import { icon, marker } from "../icons.js";
import { LEAST_SIGMA } from "../skeleton.js";
import { shapesOf } from "./board.js";
import { choiceOf } from "./choice.js";
import {
  changeKeypoint,
  fitted,
  joinedWith,
  mirroredFrom,
  missingSide,
  movedInOrder,
  nameProblem,
  pairedByName,
  sidesInDoubt,
  tenth,
  toggledEdge,
  withOtherSide,
} from "./definition.js";
import { LONGEST_NAME } from "./formats.js";

/** @import {Drawing} from "./drawing.js" */
/** @import {Definition, DrawnKeypoint} from "./definition.js" */

export class KeypointList {
  /** @param {Drawing} drawing @param {(text: string) => void} say */
  constructor(drawing, say) {
    this.drawing = drawing;
    this.say = say;
    /** @type {{row: HTMLElement, name: HTMLInputElement}[]} */
    this.rows = [];
    /** @type {import("../types.js").Shape[]} */
    this.shapes = [];
    /** The row that is being dragged to another position in the order. @type {{from: number, to: number} | null} */
    this.drag = null;
    /** @type {HTMLElement} */
    this.root = h("ol", { class: "rows" });
    // Another change, such as an undo, would move other keypoints to the positions of the drag.
    drawing.interrupts.push(() => (this.drag = null));
  }

  /** Update the rows. Existing rows are reused, so that the focus stays, and only differences are written. */
  draw() {
    const { drawing } = this;
    this.shapes = shapesOf(drawing.definition);
    while (this.rows.length > drawing.keypoints.length) this.rows.pop()?.row.remove();
    while (this.rows.length < drawing.keypoints.length) this.append(this.rows.length);
    this.rows.forEach(({ row, name }, index) => {
      const keypoint = drawing.keypoints[index];
      row.classList.toggle("on", index === drawing.selected);
      row.classList.toggle("above", this.drag !== null && index === this.drag.to && this.drag.to < this.drag.from);
      row.classList.toggle("below", this.drag !== null && index === this.drag.to && this.drag.to > this.drag.from);
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
      dir: "auto",
      "aria-label": `Name of keypoint ${index + 1}`,
      onfocus: () => index !== drawing.selected && drawing.select(index),
      onchange: () => this.name(index, name),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(index, event),
    });
    const grip = h(
      "span",
      {
        class: "grip",
        title: "Drag to change the order (Alt + ↑ or ↓ in the name)",
        onpointerdown: (/** @type {PointerEvent} */ event) => this.grab(index, event),
        onpointermove: (/** @type {PointerEvent} */ event) => this.pull(event),
        // The click after a drag would select the keypoint that is now in the old position.
        onclick: (/** @type {Event} */ event) => event.stopPropagation(),
        onpointerup: () => this.drop(true),
        onpointercancel: () => this.drop(false),
        onlostpointercapture: () => this.drop(false),
      },
      "⠿",
    );
    grip.setAttribute("aria-hidden", "true");
    const row = h(
      "li",
      { onclick: () => drawing.select(index) },
      h("span", { class: "number" }, String(index + 1)),
      marker(
        () => drawing.keypoints[index].color,
        () => this.shapes[index],
      ),
      name,
      grip,
    );
    this.rows.push({ row, name });
    this.root.append(row);
  }

  /** @param {number} index @param {KeyboardEvent} event */
  key(index, event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && step) {
      event.preventDefault();
      this.name(index, this.rows[index].name);
      this.order(index, index + step);
      this.focus(index + step);
    } else if (event.key === "Enter" && !event.repeat && !event.isComposing) this.focus(index + 1);
    else if (event.key === "Escape") this.rows[index].name.value = this.drawing.keypoints[index].name;
  }

  /** @param {number} index @param {number} to */
  order(index, to) {
    const { drawing } = this;
    const next = movedInOrder(drawing.definition, index, to);
    if (next === drawing.definition) return;
    drawing.edit(next, { select: to });
    this.say(`${drawing.keypoints[to].name} is keypoint ${to + 1} now.`);
  }

  /** @param {number} from @param {PointerEvent} event */
  grab(from, event) {
    if (event.button) return;
    event.preventDefault();
    /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
    this.drawing.select(from);
    this.drag = { from, to: from };
  }

  /** @param {PointerEvent} event */
  pull({ clientY }) {
    if (!this.drag) return;
    const at = this.rows.findIndex(({ row }) => clientY < row.getBoundingClientRect().bottom);
    this.drag.to = at < 0 ? this.rows.length - 1 : at;
    const scrolled = this.root.closest("aside");
    if (scrolled) reveal(scrolled, this.rows[this.drag.to].row);
    this.draw();
  }

  /** @param {boolean} isMeant @returns {boolean} whether a row was being dragged */
  drop(isMeant) {
    const { drag } = this;
    this.drag = null;
    if (!drag) return false;
    if (isMeant) this.order(drag.from, drag.to);
    this.draw();
    return true;
  }

  /** @param {number} index @param {HTMLInputElement} field */
  name(index, field) {
    const { drawing } = this;
    const wanted = field.value.trim();
    const problem = nameProblem(drawing.definition, index, wanted);
    if (problem) this.say(problem);
    else if (wanted !== drawing.keypoints[index].name)
      drawing.edit(changeKeypoint(drawing.definition, index, { name: wanted }));
    field.value = drawing.keypoints[index].name;
  }

  /** @param {number} index beyond the end, the last row is focused */
  focus(index) {
    const name = this.rows[Math.min(index, this.rows.length - 1)]?.name;
    name?.focus();
    name?.select();
  }
}

/** Fields for the selected keypoint: colour, other side, sigma, coordinates, edges, and position in the order. */
export class KeypointDetails {
  /**
   * @param {Drawing} drawing
   * @param {(text: string) => void} say
   * @param {(index: number) => void} remove
   * @param {(index: number, to: number) => void} order
   */
  constructor(drawing, say, remove, order) {
    this.drawing = drawing;
    this.say = say;
    const button = (/** @type {string} */ text, /** @type {() => void} */ act) =>
      h("button", { type: "button", onclick: act }, text);
    /** What `drawOthers` showed last. */
    this.others = "";
    this.title = h("h2", { id: "selected", dir: "auto" });
    this.color = h("input", { type: "color", onchange: () => this.change({ color: this.color.value }) });
    this.pair = choiceOf({}, (pair) => this.change({ pair }), say, true);
    this.sigma = h("input", {
      type: "number",
      min: "0.001",
      max: "1",
      step: "0.001",
      placeholder: "0.07",
      inputMode: "decimal",
      "aria-describedby": "sigma-hint",
      onchange: () => this.changeSigma(),
    });
    this.edges = h("ul", { class: "chips", "aria-label": "Joined with" });
    this.places = ["x", "y"].map(() =>
      h("input", { type: "number", step: "0.1", inputMode: "decimal", onchange: () => this.changePlace() }),
    );
    this.join = choiceOf({ "aria-label": "Join with" }, (name) => this.toggle(name), say);
    this.earlier = button("↑ Earlier", () => order(drawing.selected, drawing.selected - 1));
    this.later = button("↓ Later", () => order(drawing.selected, drawing.selected + 1));
    this.mirror = button("", () =>
      drawing.edit(withOtherSide(drawing.definition, drawing.selected, drawing.size.width), {
        select: drawing.keypoints.length,
      }),
    );
    this.remove = h(
      "button",
      { type: "button", class: "danger", onclick: () => remove(drawing.selected) },
      icon("bin"),
      "Remove",
    );
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) =>
      h("label", { class: "field" }, h("span", {}, label), input);
    /** @type {HTMLElement} */
    this.root = h(
      "section",
      { class: "details", "aria-labelledby": "selected" },
      this.title,
      h(
        "div",
        { class: "fields" },
        field("Colour", this.color),
        field("Other side", this.pair),
        field("Sigma", this.sigma),
      ),
      h("div", { class: "fields two" }, field("X", this.places[0]), field("Y", this.places[1])),
      h(
        "p",
        { id: "sigma-hint", class: "hint" },
        "Sigma: how far the labels of careful people differ. 0.025 for an eye, 0.107 for a hip; if empty, 0.07.",
      ),
      h("div", { class: "joined" }, h("span", { "aria-hidden": "true" }, "Joined with"), this.edges, this.join),
      h("div", { class: "buttons" }, this.earlier, this.later, this.mirror, this.remove),
    );
  }

  /** @param {Partial<DrawnKeypoint>} change */
  change(change) {
    this.drawing.edit(changeKeypoint(this.drawing.definition, this.drawing.selected, change));
  }

  changeSigma() {
    const sigma = Number(this.sigma.value);
    const empty = this.sigma.value.trim() === "" && this.sigma.validity.valid;
    if (empty || (sigma >= LEAST_SIGMA && sigma <= 1)) this.change({ sigma: empty ? null : sigma });
    else this.say(`A sigma is a number from ${LEAST_SIGMA} up to 1.`);
    this.draw();
  }

  /** @param {string} name */
  toggle(name) {
    const { drawing } = this;
    if (name) drawing.edit(toggledEdge(drawing.definition, drawing.keypoints[drawing.selected].name, name));
  }

  changePlace() {
    const [x, y] = this.places.map((field) => field.valueAsNumber);
    const { width, height } = this.drawing.size;
    if (x >= 0 && x <= width && y >= 0 && y <= height) this.change({ x: tenth(x), y: tenth(y) });
    else this.say(`Expected X from 0 to ${width} and Y from 0 to ${height}, the size of the image.`);
    this.draw();
  }

  draw() {
    const { drawing } = this;
    const { definition, selected } = drawing;
    const keypoint = drawing.keypoints[selected];
    this.root.hidden = !keypoint;
    if (!keypoint) return;
    this.color.value = hexadecimal(keypoint.color);
    this.sigma.value = keypoint.sigma ?? "";
    put(this.places[0], "value", String(keypoint.x));
    put(this.places[1], "value", String(keypoint.y));
    put(this.title, "textContent", keypoint.name);
    this.drawOthers(keypoint);
    this.earlier.disabled = selected === 0;
    this.later.disabled = selected === drawing.keypoints.length - 1;
    const side = missingSide(definition, selected);
    this.mirror.hidden = !side;
    put(this.mirror, "textContent", `Add ${side}`);
  }

  /** Update what names other keypoints, unless nothing has changed in it. @param {DrawnKeypoint} keypoint */
  drawOthers(keypoint) {
    const { drawing } = this;
    const joined = joinedWith(drawing.definition, keypoint.name);
    const names = drawing.keypoints.map(({ name }) => name);
    const shown = JSON.stringify([keypoint.name, keypoint.pair, joined, names]);
    if (shown === this.others && this.pair.value === keypoint.pair) return;
    this.others = shown;
    const others = names.filter((name) => name !== keypoint.name);
    const option = (/** @type {string} */ name) => h("option", { value: name }, name);
    if (!this.pair.isOpen) {
      this.pair.replaceChildren(h("option", { value: "" }, "none"), ...others.map(option));
      this.pair.value = keypoint.pair;
    }
    this.edges.replaceChildren(
      ...joined.map((name) =>
        h(
          "li",
          {},
          name,
          h(
            "button",
            { type: "button", "aria-label": `No edge to ${name}`, onclick: () => this.toggle(name) },
            icon("close"),
          ),
        ),
      ),
    );
    if (!this.join.isOpen)
      this.join.replaceChildren(
        h("option", { value: "" }, "add …"),
        ...others.filter((name) => !joined.includes(name)).map(option),
      );
  }
}

/** Return a warning about sides without a counterpart; empty if there are none. @param {Definition} definition */
export function doubtAbout(definition) {
  const doubted = sidesInDoubt(definition);
  const names =
    doubted.length > 4 ? `${doubted.slice(0, 3).join(", ")} and ${doubted.length - 3} more` : doubted.join(", ");
  return (
    names &&
    `Check left and right: ${names} ${doubted.length > 1 ? "name sides" : "names a side"} without a matching other side. Training that mirrors images (flip_idx) would mix them up.`
  );
}

/** Actions on all keypoints: mirror, fit, pair. Also warns about keypoints whose sides are in doubt. */
export class Arrangement {
  /** @param {Drawing} drawing @param {(text: string) => void} say */
  constructor(drawing, say) {
    this.drawing = drawing;
    const button = (
      /** @type {string} */ text,
      /** @type {(definition: import("./definition.js").Definition) => import("./definition.js").Definition} */ change,
      /** @type {string} */ done,
    ) =>
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            const next = change(drawing.definition);
            say(next === drawing.definition ? "There is nothing to change." : done);
            drawing.edit(next);
          },
        },
        text,
      );
    this.doubt = h("p", { id: "doubt" });
    this.warning = h(
      "div",
      { class: "warning", hidden: true },
      this.doubt,
      button("Pair by name", pairedByName, "Paired by name."),
    );
    this.buttons = h(
      "div",
      { class: "buttons" },
      button(
        "Mirror left to right",
        (definition) => mirroredFrom(definition, "left", drawing.size.width),
        "The right side mirrors the left one.",
      ),
      button(
        "Mirror right to left",
        (definition) => mirroredFrom(definition, "right", drawing.size.width),
        "The left side mirrors the right one.",
      ),
      button("Fit to image", (definition) => fitted(definition, drawing.size), "Fitted to the image."),
    );
    /** @type {HTMLElement} */
    this.root = h("section", { class: "arrange", "aria-label": "All keypoints" }, this.warning, this.buttons);
  }

  draw() {
    const { definition } = this.drawing;
    const doubt = doubtAbout(definition);
    put(this.warning, "hidden", !doubt);
    put(this.doubt, "textContent", doubt);
    put(this.buttons, "hidden", !definition.keypoints.length);
    const canPair = pairedByName(definition) !== definition;
    put(this.warning.lastElementChild, "hidden", !canPair);
  }
}

const context = document.createElement("canvas").getContext("2d");

/** Convert a colour to six hexadecimal digits, the only form that a colour input accepts. @param {string} color */
function hexadecimal(color) {
  if (!context) return "#000000";
  context.fillStyle = "#000000";
  context.fillStyle = color;
  return context.fillStyle.startsWith("#") ? context.fillStyle : "#000000";
}
