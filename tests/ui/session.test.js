import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceToJson } from "../../src/ui/lib/answer.js";
import { draftKey } from "../../src/ui/lib/drafts.js";
import { copyImage } from "../../src/ui/lib/later/previous.js";
import { Session } from "../../src/ui/lib/session.js";
import {
  commandOf,
  digitOf,
  GROUPS,
  keymap,
  REPEATED,
  SHORTCUTS,
  strokeOf,
  strokeText,
} from "../../src/ui/lib/shortcuts.js";
import { commandsOf } from "../../src/ui/lib/commands.js";
import { mapping } from "../../src/ui/lib/geometry.js";
import { nearestKeypoint, stretched } from "../../src/ui/lib/hits.js";
import { english } from "../../src/ui/lib/texts.js";
import { View } from "../../src/ui/lib/view.js";
import { index, person, standing } from "./people.js";

const size = { width: 640, height: 480 };
const session = (instances = [], palette = null) => Object.assign(new Session(person, instances, palette), { size });

test("next without a place wraps around: what was passed over is offered again", () => {
  const s = session();
  s.place({ x: 1, y: 1 });
  s.select(s.active, index("right_ankle"));
  s.place({ x: 5, y: 5 });
  assert.equal(s.target, index("left_eye"));
});

test("an instance just begun is the one that a drawn skeleton fills", () => {
  const s = session();
  s.begin();
  s.drawTemplate({ left: 100, top: 100, right: 200, bottom: 300 }, false);
  assert.equal(s.doc.instances.length, 1);
  s.drawTemplate({ left: 300, top: 100, right: 400, bottom: 300 }, true);
  assert.equal(s.doc.instances.length, 2);
  const [a, b] = s.doc.instances;
  assert.ok(a.points[index("left_shoulder")].x > a.points[index("right_shoulder")].x);
  assert.ok(b.points[index("left_shoulder")].x < b.points[index("right_shoulder")].x);
});

test("a locked instance takes no edit of any kind", () => {
  const s = session([{ ...standing("p0"), prelabel: true, locked: true }]);
  const before = s.doc;
  s.select("p0", 0);
  for (const act of [
    () => s.removePoint(),
    () => s.removeInstance(),
    () => s.nudge(1, 1),
    () => s.swap([]),
    () => s.swap([s.selected]),
    () => s.mirror(),
    () => s.mark([0], 1),
    () => s.skip("not_visible", true),
    () => s.complete(),
    () => s.setBox({ left: 0, top: 0, right: 1, bottom: 1 }),
    () => s.place({ x: 3, y: 3 }),
    () => s.edit("x", () => ({ name: "x" })),
    () => s.turn(1, 1),
  ])
    act();
  assert.equal(s.doc, before);
});

test("ten nudges are one step of undo", () => {
  const s = session();
  s.place({ x: 100, y: 100 });
  for (let n = 0; n < 10; n++) s.nudge(1, 0);
  assert.equal(s.doc.instances[0].points[0].x, 110);
  s.travel(-1);
  assert.equal(s.doc.instances[0].points[0].x, 100);
});

test("nothing is changed before the image is there, nor after it failed", () => {
  const s = new Session(person, [{ ...standing("p0"), prelabel: true }]);
  const box = { left: 1, top: 1, right: 9, bottom: 9 };
  const acts = [
    () => s.place({ x: 1, y: 1 }),
    () => s.placeExpected({ x: 1, y: 1 }),
    () => s.begin(),
    () => s.drawTemplate(box),
    () => s.finish(box),
    () => s.copyPose({ x: 1, y: 1 }),
    () => s.complete(),
    () => s.skip("not_visible", true),
    () => s.removePoint(),
    () => s.removeInstance(),
    () => s.nudge(1, 1),
    () => s.mirror(),
    () => s.swap([]),
    () => s.turn(1, 1),
    () => s.setBox(box),
    () => s.setNoChanges(true),
    () => s.setNothing(),
    () => s.toggleOccluded(),
    () => s.take("draw"),
    () => s.restore(s.original),
    () => s.edit("x", () => ({ name: "x" })),
  ];
  s.select("p0", 0);
  for (const act of acts) act();
  assert.equal(s.doc, s.original);
  assert.equal(s.tool, "place");
  s.size = size;
  s.nudge(1, 0);
  const moved = s.doc;
  s.size = { width: 0, height: 0 };
  for (const act of [...acts, () => s.travel(-1)]) act();
  assert.equal(s.doc, moved);
});

test("a preview belongs to its instance, whatever is selected meanwhile", () => {
  const s = session([standing("p0"), standing("p1")]);
  s.select("p1");
  s.preview({ name: "dragged" }, "p0");
  assert.deepEqual(
    s.doc.instances.map(({ name }) => name),
    ["dragged", ""],
  );
});

test("the selected keypoint is the one under the pointer, wherever markers overlap", () => {
  const s = session([standing("p0")]);
  const [at] = s.doc.instances[0].points;
  s.edit("together", ({ points }) => ({
    points: points.map((point, i) => (i < 3 ? { ...at, x: at.x + 2 * i } : point)),
  }));
  const view = viewOf(size, { width: 664, height: 504 });
  for (const chosen of [0, 1, 2]) {
    s.select("p0", chosen);
    for (const dx of [-1, 2, 4])
      assert.equal(nearestKeypoint(s, view, view.toScreen({ x: at.x + dx, y: at.y }), 9).index, chosen);
  }
});

test("a change takes back 'no changes needed'", () => {
  const s = session([{ ...standing("p0"), prelabel: true }]);
  s.setNoChanges(true);
  s.select("p0", 0);
  s.nudge(1, 0);
  assert.equal(s.doc.noChanges, false);
});

test("ids of new instances never repeat within a document, colours come free", () => {
  const s = session([], ["red", "blue"]);
  s.begin();
  s.begin();
  assert.deepEqual(
    s.doc.instances.map(({ id, color }) => [id, color]),
    [
      ["n1", "red"],
      ["n2", "blue"],
    ],
  );
  s.removeInstance("n1");
  s.begin();
  assert.deepEqual(
    s.doc.instances.map(({ id, color }) => [id, color]),
    [
      ["n2", "blue"],
      ["n3", "red"],
    ],
  );
});

test("a group keeps its shape at the edge of the image", () => {
  const s = session([standing("p0")]);
  const before = s.doc.instances[0].points;
  s.select("p0");
  s.tool = "adjust";
  s.nudge(-9999, 9999);
  const { points } = s.doc.instances[0];
  const shift = before[0].x - points[0].x;
  points.forEach((point, i) => {
    assert.ok(point.x >= 0 && point.y <= size.height);
    assert.ok(Math.abs(before[i].x - point.x - shift) < 0.011);
  });
});

test("stretching never leaves the image nor turns inside out", () => {
  const box = { left: 100, top: 100, right: 200, bottom: 200 };
  assert.deepEqual(stretched(box, "se", 9999, -9999, size), { left: 100, top: 100, right: 640, bottom: 101 });
  assert.deepEqual(mapping(box, { left: 0, top: 100, right: 200, bottom: 200 })({ x: 150, y: 150 }), {
    x: 100,
    y: 150,
  });
});

/** The same dice every time. */
function dice(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test("fuzz: thousands of random edits; undo to the start gives the start, redo the end, all inside the image", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const roll = dice(seed);
    const s = session([
      { ...standing("p0"), prelabel: true },
      { ...standing("p1"), prelabel: true, locked: true },
    ]);
    const start = JSON.stringify(s.doc);
    const at = () => ({ x: roll(900) - 100, y: roll(700) - 100 });
    const box = () => {
      const [x, y] = [roll(500), roll(400)];
      return { left: x, top: y, right: x + 1 + roll(140), bottom: y + 1 + roll(80) };
    };
    const pick = () => s.select(s.doc.instances[roll(s.doc.instances.length)]?.id ?? null, roll(18) - 1);
    const acts = [
      () => s.place(at()),
      () => s.place(at(), 1),
      () => s.place(at()),
      pick,
      pick,
      () => s.removePoint(),
      () => s.nudge(roll(40) - 20, roll(40) - 20),
      () => s.swap([s.selected]),
      () => s.swapLimbs([s.selected]),
      () => s.swap([]),
      () => s.mirror(),
      () => s.complete(),
      () => s.copyPose(at()),
      () => s.begin(),
      () => s.drawTemplate(box(), roll(2) === 1),
      () => s.setBox(box()),
      () => s.toggleOccluded(),
      () => s.skip("outside_image"),
      () => s.skip("not_visible", roll(9) === 0),
      () => s.doc.instances.length > 6 && s.removeInstance(),
      () => s.travel(-1),
      () => s.travel(1),
      () => s.turn((roll(7) - 3) / 9, 0.8 + roll(5) / 10),
      () => s.step(1, roll(2) === 1),
      () => s.stepInstance(-1),
      () => s.setNoChanges(roll(2) === 1),
      () => (s.tool = ["place", "adjust"][roll(2)]),
    ];
    for (let n = 0; n < 1500; n++) acts[roll(acts.length)]();
    for (const instance of s.doc.instances) {
      for (const point of instance.points) {
        if (point?.v > 0) assert.ok(point.x >= 0 && point.y >= 0 && point.x <= size.width && point.y <= size.height);
      }
    }
    const end = JSON.stringify(s.doc);
    const shown = JSON.stringify(s.doc.instances.map((instance) => instanceToJson(instance, person)));
    while (s.canTravel(-1)) s.travel(-1);
    assert.equal(JSON.stringify(s.doc), start);
    while (s.canTravel(1)) s.travel(1);
    if (JSON.stringify(s.doc) === end)
      assert.equal(JSON.stringify(s.doc.instances.map((instance) => instanceToJson(instance, person))), shown);
    assert.equal(new Set(s.doc.instances.map(({ id }) => id)).size, s.doc.instances.length);
  }
});

const viewOf = (image, stage) => {
  const view = Object.assign(new View(), { image });
  view.resize(stage);
  return view;
};

test("zoom keeps the place under the pointer; the image cannot leave the stage", () => {
  const view = viewOf({ width: 4000, height: 3000 }, { width: 1000, height: 800 });
  const fitting = view.scale;
  const at = { x: 900, y: 700 };
  const place = view.toImage(at);
  view.zoom(3, at);
  assert.ok(Math.abs(view.toScreen(place).x - at.x) < 1e-6);
  view.pan(1e6, -1e6);
  assert.equal(view.tx, 500);
  assert.equal(view.ty + 3000 * view.scale, 400);
  for (let n = 0; n < 50; n++) view.zoom(0.5, at);
  assert.ok(view.scale >= fitting * 0.5 - 1e-9);
});

test("a fitted view stays fitted when the window changes, another keeps its centre", () => {
  const image = { width: 640, height: 480 };
  const [a, b] = [
    { width: 1000, height: 800 },
    { width: 400, height: 500 },
  ];
  const { scale, tx, ty } = viewOf(image, b);
  const fitted = viewOf(image, a);
  fitted.resize(b);
  assert.deepEqual([fitted.scale, fitted.tx, fitted.ty], [scale, tx, ty]);
  const view = viewOf(image, a);
  view.zoom(4, { x: 300, y: 300 });
  const centre = view.toImage({ x: 500, y: 400 });
  view.resize(b);
  assert.ok(Math.abs(view.toImage({ x: 200, y: 250 }).x - centre.x) < 1e-6);
});

const pressed = (key, code = "", more = {}) => ({
  key,
  code,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...more,
});
const stroke = (key, more = {}) => strokeOf(pressed(key, "", more));

test("strokes: Caps Lock, Shift, Ctrl and Cmd, digits, symbols", () => {
  assert.equal(stroke("Z"), "z");
  assert.equal(stroke("z", { ctrlKey: true }), "Ctrl+z");
  assert.equal(stroke("Z", { metaKey: true, shiftKey: true }), "Ctrl+Shift+z");
  assert.equal(stroke("?", { shiftKey: true }), "?");
  assert.equal(stroke("a", { altKey: true }), "");
  assert.equal(stroke(" "), "Space");
  assert.equal(strokeText("Ctrl+Shift+z"), "Ctrl + Shift + Z");
  assert.equal(strokeText("+"), "+");
});

test("layouts: a command is found by character, else by position", () => {
  const ctrl = { ctrlKey: true };
  const shift = { shiftKey: true };
  const found = (...event) => commandOf(pressed(...event));
  const cases = [
    // Cyrillic, Greek, Hebrew
    [["и", "KeyB"], "new"],
    [["я", "KeyZ", ctrl], "undo"],
    [["Я", "KeyZ", { ...ctrl, ...shift }], "redo"],
    [["Г", "KeyU", shift], "skipRest"],
    [["х", "BracketLeft"], "previousInstance"],
    [["β", "KeyB"], "new"],
    [["ζ", "KeyZ", ctrl], "undo"],
    [["נ", "KeyB"], "new"],
    [["ז", "KeyZ", ctrl], "undo"],
    [["ы", "KeyS", { metaKey: true }], undefined],
    // QWERTZ and AZERTY: the letter counts, not its place
    [["z", "KeyY", ctrl], "undo"],
    [["y", "KeyZ", ctrl], "redo"],
    [["w", "KeyZ", ctrl], undefined],
    [["a", "KeyQ"], "previousPending"],
    [["z", "KeyW"], "fit"],
    // brackets: AltGr on Linux and Windows, Option on a Mac, and their place
    [["[", "Digit8"], "previousInstance"],
    [["]", "Digit9", { ...ctrl, altKey: true }], "nextInstance"],
    [["[", "Digit5", { altKey: true }], "previousInstance"],
    [["ü", "BracketLeft"], "previousInstance"],
    [["Dead", "BracketLeft"], "previousInstance"],
    [["$", "BracketRight"], "nextInstance"],
    // zooming by character where the character is not a keypoint's key
    [["+", "BracketRight"], "zoomIn"],
    [["-", "Digit6"], undefined],
    [["à", "Digit0"], "fit"],
    [["?", "Minus", shift], "help"],
  ];
  for (const [event, command] of cases) assert.equal(found(...event), command, JSON.stringify(event));
});

test("digits choose keypoints by position, with Shift the second nine", () => {
  assert.equal(digitOf(pressed("1", "Digit1")), 0);
  assert.equal(digitOf(pressed("!", "Digit1", { shiftKey: true })), 9);
  assert.equal(digitOf(pressed("&", "Digit1")), 0);
  assert.equal(digitOf(pressed("-", "Digit6")), 5);
  assert.equal(digitOf(pressed("9", "")), 8);
  assert.equal(digitOf(pressed("End", "Numpad1")), -1);
  assert.equal(digitOf(pressed("1", "Digit1", { ctrlKey: true })), -1);
});

test("no key is given twice, and every shortcut does something", () => {
  const keys = Object.values(SHORTCUTS).flatMap((own) => own.split(" "));
  assert.equal(new Set(keys).size, keys.length);
  const commands = commandsOf({ session: {}, stage: {} });
  assert.deepEqual(
    Object.keys(SHORTCUTS).filter((id) => !commands[id]),
    [],
  );
  assert.deepEqual(Object.keys(english.commands).sort(), Object.keys(SHORTCUTS).sort());
  assert.deepEqual(Object.keys(english.groups), Object.keys(GROUPS));
  assert.deepEqual(
    REPEATED.filter((id) => !commands[id]),
    [],
  );
});

test("own keys replace, move and turn off", () => {
  const map = keymap({ keys: { undo: ["b"], occlude: [] } });
  assert.equal(map.get("b"), "undo");
  assert.equal(map.get("Ctrl+z"), undefined);
  assert.equal(map.get("o"), undefined);
});

test("drafts of different tasks have different names", () => {
  const keys = new Set(Array.from({ length: 2000 }, (_, n) => draftKey([`s3://b/${n}.jpg`, "[]", null])));
  assert.equal(keys.size, 2000);
});

test("another image's instances come in one step, with places of their own, and none before the image", () => {
  const points = standing("x").points;
  const previous = {
    task: "",
    image: "",
    size: { width: 1280, height: 960 },
    instances: [
      { name: "Ada", points, box: { left: 2, top: 4, right: 60, bottom: 80 } },
      { name: "", points, box: null },
    ],
  };
  const s = session();
  s.begin();
  copyImage(s, previous);
  assert.deepEqual(
    s.doc.instances.map(({ id, name }) => [id, name]),
    [
      ["n1", ""],
      ["n2", "Ada"],
      ["n3", ""],
    ],
  );
  assert.deepEqual(s.doc.instances[1].box, { left: 1, top: 2, right: 30, bottom: 40 });
  assert.equal(s.doc.instances[1].points[0].x, points[0].x / 2);
  s.travel(-1);
  assert.equal(s.doc.instances.length, 1);
  const before = s.doc;
  let said = "";
  s.onSay = (text) => (said = text);
  copyImage(s, undefined);
  copyImage(s, { ...previous, instances: [] });
  assert.equal(s.doc, before);
  assert.match(said, /previous image/);
  const early = new Session(person, []);
  copyImage(early, previous);
  assert.equal(early.doc.instances.length, 0);
});

test("copied instances of several colours keep apart", () => {
  const { points } = standing("x");
  const s = session([], ["#ff0000", "#00ff00"]);
  copyImage(s, {
    task: "",
    image: "",
    size,
    instances: [
      { name: "", points, box: null },
      { name: "", points, box: null },
    ],
  });
  assert.deepEqual(
    s.doc.instances.map(({ color }) => color),
    ["#ff0000", "#00ff00"],
  );
});

test("a note on the image stays through every edit and takes nothing back", () => {
  const s = session([{ ...standing("p0"), prelabel: true }]);
  s.setNoChanges(true);
  s.setComment("f");
  s.setComment("fog");
  assert.equal(s.doc.noChanges, true, "a note changes no label");
  s.travel(-1);
  assert.equal(s.doc.comment, "", "typing is one step");
  s.travel(1);
  for (const act of [
    () => s.place({ x: 1, y: 1 }),
    () => s.begin(),
    () => s.removeInstance(),
    () => s.nudge(1, 1),
    () => s.mirror(),
    () => s.setNothing(),
  ]) {
    act();
    assert.equal(s.doc.comment, "fog");
  }
  assert.equal(new Session(person, []).doc.comment, "");
});

test("corrected: a pre-label changed, added to or deleted, until that is taken back", () => {
  const s = session([{ ...standing("p0"), prelabel: true }]);
  assert.equal(s.isCorrected, false);
  for (const act of [
    () => {
      s.select("p0", 0);
      s.nudge(1, 0);
    },
    () => s.begin(),
    () => s.removeInstance("p0"),
  ]) {
    act();
    assert.equal(s.isCorrected, true);
    s.travel(-1);
    assert.equal(s.isCorrected, false);
  }
  s.setComment("note");
  assert.equal(s.isCorrected, false);
  const none = session();
  none.begin();
  assert.equal(none.isCorrected, false, "there were no pre-labels");
});

test("hiding announces the name, or the number if there are several", () => {
  const s = session(["a", "b", "c", "d"].map((id) => standing(id)));
  const said = [];
  s.onSay = (text) => said.push(text);
  s.toggleHidden(["a"]);
  s.toggleHidden(["a\n0"]);
  s.toggleHidden(["a", "b", "c", "d"]);
  s.toggleHidden(["a", "b", "c", "d"]);
  assert.deepEqual(said, ["Hidden: Instance 1", "Hidden: nose", "Hidden: 4", "Shown: 4"]);
});
