/** The chip: which keypoint comes next, and how to place it; or what the tool in hand wants. */
import { attr, h, put } from "./dom.js";
import { labelOf } from "./document.js";
import { markerIcon, setMarker } from "./icons.js";
import { markerColor, shapeOf } from "./painter.js";

export class Chip {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.nextMarker = markerIcon("#fff");
    this.nextName = h("strong", { dir: "auto" });
    this.nextHint = h("span", {});
    this.root = h("div", { class: "chip" }, this.nextMarker, h("span", { class: "words" }, this.nextName, this.nextHint));
  }

  /** @param {boolean} failed without an image there is nothing to place @returns {string} the name beside the pointer */
  update(failed) {
    const { session } = this;
    const { skeleton } = session;
    const fresh = session.target < 0 && session.startsNew;
    const index = fresh ? 0 : session.target;
    const keypoint = skeleton.keypoints[index];
    const [name, hint] = this.text(index, fresh);
    put(this.nextName, "textContent", name);
    put(this.nextHint, "textContent", hint);
    const placing = session.tool === "place" && Boolean(keypoint);
    attr(this.nextMarker, "hidden", !placing);
    if (placing) {
      setMarker(this.nextMarker, session.instance?.options.shape ?? shapeOf(keypoint), "visible");
      this.nextMarker.style.setProperty("--c", session.instance && !fresh ? markerColor(session.instance, keypoint) : keypoint.color);
    }
    this.root.style.visibility = failed || !session.size.width ? "hidden" : "";
    return placing ? labelOf(skeleton, index) : "";
  }

  /** @param {number} index @param {boolean} fresh @returns {[string, string]} */
  text(index, fresh) {
    const { session } = this;
    const { skeleton } = session;
    if (session.tool === "draw") return ["Draw a skeleton", "drag a box around the subject; right to left if seen from behind"];
    if (session.tool === "adjust") return ["Adjust", "drag inside to move, squares to scale, circle to turn · N to finish"];
    if (session.tool === "box") return ["Box", "drag around the whole subject"];
    if (index < 0 || !skeleton.keypoints[index]) return ["Review", session.instance?.locked ? "this instance may not be changed" : "drag keypoints to correct them · B for a new instance"];
    return [labelOf(skeleton, index), fresh && session.doc.instances.length ? "click to start the next instance" : "click to place · right click if occluded"];
  }
}
