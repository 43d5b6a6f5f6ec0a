import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changeKeypoint,
  emptyDefinition,
  fitted,
  joinedWith,
  missingSide,
  movedInOrder,
  onBoard,
  toggledEdge,
  withKeypoint,
  withoutKeypoint,
  withOtherSide,
} from "../../src/ui/lib/creator/definition.js";
import { Drawing } from "../../src/ui/lib/creator/drawing.js";
import {
  FormatError,
  readDefinition,
  toAttributes,
  toMarkup,
  toSkeletonJson,
  whatIsMissing,
} from "../../src/ui/lib/creator/formats.js";
import { PRESETS } from "../../src/ui/lib/creator/presets.js";
import { readSkeleton } from "../../src/ui/lib/skeleton.js";
import { attributes, PERSON } from "./people.js";

const COUNTS = [17, 16, 21, 17, 68];
const read = (value) => readDefinition(typeof value === "string" ? value : JSON.stringify(value));
const drawn = (...names) =>
  names.reduce((d, name, n) => changeKeypoint(withKeypoint(d, 10 * n, 10 * n), n, { name }), emptyDefinition());

for (const [n, [label, preset]] of PRESETS.entries()) {
  test(`preset ${label}: sound, connected names, mutual pairs`, () => {
    const names = preset.keypoints.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    if (COUNTS[n]) assert.equal(names.length, COUNTS[n]);
    for (const { name, pair, sigma, template } of preset.keypoints) {
      if (pair) assert.equal(preset.keypoints.find((other) => other.name === pair).pair, name);
      if (sigma !== undefined) assert.ok(sigma > 0 && sigma <= 1);
      assert.equal(template.length, 2);
    }
    for (const [a, b] of preset.edges) assert.ok(names.includes(a) && names.includes(b));
    const { definition, notes } = read(preset);
    assert.deepEqual(notes, []);
    const { keypointClasses, skeletonRig } = toAttributes(definition);
    const skeleton = readSkeleton(attributes({ keypointClasses, skeletonRig }));
    assert.deepEqual(skeleton.problems, []);
    assert.equal(skeleton.edges.length, preset.edges.length);
  });
}

test("the left of a face lies on the right of the picture", () => {
  const face = PRESETS.find(([label]) => label.startsWith("Face"))[1];
  const x = (wanted) => face.keypoints.find(({ name }) => name === wanted).template[0];
  for (const { name, pair } of face.keypoints) if (name.startsWith("left_")) assert.ok(x(name) > x(pair), name);
});

test("a file comes back as it was", () => {
  assert.deepEqual(toSkeletonJson(read(PERSON).definition), PERSON);
  const colored = {
    ...PERSON,
    keypoints: PERSON.keypoints.map((keypoint, n) => ({
      ...keypoint,
      color: ["rebeccapurple", "#abc", "rgb(1, 2, 3)"][n % 3],
    })),
    edges: [["nose", "left_eye", "red"]],
  };
  assert.deepEqual(toSkeletonJson(read(colored).definition), colored);
});

test("the original's attributes come in and go out: as an object, with JSON in it, as a list, as HTML", () => {
  const { definition } = read(PERSON);
  const { keypointClasses, skeletonRig } = toAttributes(definition);
  const nested = { keypointClasses: JSON.stringify(keypointClasses), skeletonRig: JSON.stringify(skeletonRig) };
  const quoted = (value) => JSON.stringify(value).replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const page = `<crowd-2d-skeleton imgSrc="{{ a }}" keypointclasses="${quoted(keypointClasses)}" skeletonRig = "${quoted(skeletonRig)}"></crowd-2d-skeleton>`;
  for (const given of [{ keypointClasses, skeletonRig }, nested, toMarkup(definition), page]) {
    const again = read(given);
    assert.deepEqual(again.notes, []);
    assert.deepEqual(toAttributes(again.definition), toAttributes(definition));
  }
  assert.equal(read(keypointClasses).definition.edges.length, 0);
});

test("hostile names survive the way through HTML", () => {
  const definition = drawn("<img src=x onerror=alert(1)>", 'it\'s "quoted" & &amp; &#39;', "头 🐘");
  assert.deepEqual(
    toSkeletonJson(read(toMarkup(definition)).definition).keypoints,
    toSkeletonJson(definition).keypoints,
  );
});

test("COCO categories: a file, a list, one; several", () => {
  const category = {
    id: 1,
    name: "cat",
    supercategory: "animal",
    keypoints: ["nose", "left_ear", "right_ear"],
    skeleton: [
      [1, 2],
      [1, 3],
    ],
  };
  for (const value of [{ images: [], categories: [category] }, [category], category]) {
    const { definition, notes } = read(value);
    assert.equal(definition.name, "cat");
    assert.deepEqual(definition.edges, [
      ["nose", "left_ear"],
      ["nose", "right_ear"],
    ]);
    assert.equal(definition.keypoints[1].pair, "right_ear");
    assert.deepEqual(notes, []);
  }
  assert.match(
    read([{ id: 9, name: "box" }, category, { ...category, name: "dog" }]).notes.join(),
    /The file has 2 categories; only the first one/,
  );
});

test("COCO categories have the places of a preset of the same names, and this project's sigmas and pairs", () => {
  const names = PERSON.keypoints.map(({ name }) => name);
  const { definition } = read({
    name: "person",
    keypoints: names,
    skeleton: [[1, 2]],
    sigmas: PERSON.keypoints.map(({ sigma }) => sigma),
  });
  assert.deepEqual(toSkeletonJson(definition).keypoints, PERSON.keypoints);
  const wheels = read({
    name: "cart",
    keypoints: ["near", "far", "shaft"],
    flip_pairs: [[0, 1]],
    sigmas: [0.05, 0.05, 0.02],
  }).definition;
  assert.deepEqual(
    wheels.keypoints.map(({ pair, sigma }) => [pair, sigma]),
    [
      ["far", 0.05],
      ["near", 0.05],
      ["", 0.02],
    ],
  );
  assert.equal(new Set(wheels.keypoints.map(({ x, y }) => `${x} ${y}`)).size, 3);
});

test("parts that are left out are reported", () => {
  const { definition, notes } = read({
    keypoints: [{ name: "a", sigma: 3 }, { name: "a" }, {}, 7, { name: "b", sigma: "x" }, { name: "c", sigma: 0.5 }],
    edges: [["a", "b"], ["a", "nobody"], ["a", "a"], 5, [{ toString: 1 }, "b"]],
  });
  assert.deepEqual(
    definition.keypoints.map(({ name, sigma }) => [name, sigma]),
    [
      ["a", null],
      ["b", null],
      ["c", 0.5],
    ],
  );
  assert.deepEqual(definition.edges, [["a", "b"]]);
  assert.equal(notes.length, 9);
});

test("other input is refused with a message", () => {
  for (const [text, sentence] of [
    ["{", /not JSON/],
    ["7", /neither/],
    ["{}", /neither/],
    ["null", /neither/],
    ['"keypoints"', /neither/],
    ["[]", /no keypoints/],
    ['{"keypoints": []}', /no keypoints/],
    ['{"keypointClasses": "[{"}', /not JSON/],
    ["keypointClasses='[{'", /not JSON/],
    ['[{"label": {"toString": 1}}]', /no keypoints/],
    [
      JSON.stringify(Array.from({ length: 1001 }, (_, n) => ({ label: `k${n}` }))),
      /at most 1000 keypoints; this one has 1001/,
    ],
    [
      JSON.stringify({ keypointClasses: [{ label: "a" }, { label: "b" }], skeletonRig: Array(5001).fill(["a", "b"]) }),
      /at most 5000 edges; this one has 5001/,
    ],
    ["[".repeat(50_000) + "]".repeat(50_000), /at most 100 lists and objects/],
    [`{"keypoints": ${'{"a":'.repeat(5000)}1${"}".repeat(5001)}`, /at most 100 lists and objects/],
    [JSON.stringify({ keypointClasses: "[".repeat(9000) + "]".repeat(9000) }), /at most 100 lists and objects/],
    [JSON.stringify([{ label: "x".repeat(129) }]), /at most 128 characters; .* has 129/],
  ])
    assert.throws(
      () => read(text),
      (error) => error instanceof FormatError && sentence.test(error.message),
      text,
    );
});

/** The same numbers in every run: mulberry32. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test("any JSON is refused with a message, or can be exported and read again", () => {
  const next = random(7);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const keys = [
    "keypoints",
    "keypointClasses",
    "skeletonRig",
    "skeleton",
    "categories",
    "label",
    "name",
    "pair",
    "template",
    "sigma",
    "sigmas",
    "flip_pairs",
    "x",
    "y",
    "edges",
    "color",
    "toString",
    "length",
    "template_size",
    "nodes",
    "links",
    "source",
    "target",
    "type",
    "id",
    "graph",
    "nx_graph",
    "symmetries",
    "data",
    "labels",
    "skeletons",
    "py/id",
    "py/object",
    "py/reduce",
    "bodyparts",
    "multianimalbodyparts",
    "uniquebodyparts",
    "Task",
    "kpt_shape",
    "flip_idx",
    "names",
    "kpt_names",
    "node_names",
    "kpt_oks_sigmas",
  ];
  const value = (depth) => {
    const kind = depth > 4 ? 0 : next();
    if (kind < 0.3)
      return pick([null, true, 0, 1, -1, 0.5, 1e9, 1e308, "", "a", "b", "left_a", "right_a", "[]", "red", "#123456"]);
    if (kind < 0.65) return Array.from({ length: Math.floor(next() * 5) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: Math.floor(next() * 6) }, () => [pick(keys), value(depth + 1)]));
  };
  let readable = 0;
  for (let n = 0; n < 30000; n++) {
    const text = JSON.stringify(
      next() < 0.5
        ? {
            [pick(keys)]: [{ label: pick(["a", 1]), name: "b", ...value(3) }, value(2)],
            edges: value(2),
            skeletonRig: value(2),
            skeleton: value(2),
            sigmas: value(2),
          }
        : value(0),
    );
    let definition;
    try {
      ({ definition } = read(text));
    } catch (error) {
      assert.ok(error instanceof FormatError, `${text}: ${error.stack}`);
      continue;
    }
    readable += 1;
    const board = fitted(definition, { width: 400, height: 300 });
    for (const { x, y } of board.keypoints) assert.ok(Math.abs(x) <= 1000 && Math.abs(y) <= 1000, text);
    const file = toSkeletonJson({ ...board, name: board.name || "x" });
    assert.deepEqual(toSkeletonJson(read(file).definition), file, text);
  }
  assert.ok(readable > 1000, String(readable));
});

test("drawing: names stay unique, pairs mutual, edges follow names and deletions", () => {
  let d = emptyDefinition();
  for (let n = 0; n < 3; n++) d = withKeypoint(d, n, n);
  d = toggledEdge(d, "keypoint_1", "keypoint_2");
  d = changeKeypoint(d, 0, { name: "left_paw" });
  assert.deepEqual(d.edges, [["left_paw", "keypoint_2"]]);
  assert.equal(changeKeypoint(d, 1, { name: "left_paw" }), d);
  assert.equal(changeKeypoint(d, 1, { name: "" }), d);
  d = changeKeypoint(d, 0, { pair: "keypoint_2" });
  assert.equal(d.keypoints[1].pair, "left_paw");
  d = changeKeypoint(d, 2, { pair: "keypoint_2" });
  assert.deepEqual(
    d.keypoints.map(({ pair }) => pair),
    ["", "keypoint_3", "keypoint_2"],
  );
  d = movedInOrder(d, 0, 1);
  assert.deepEqual(
    d.keypoints.map(({ name }) => name),
    ["keypoint_2", "left_paw", "keypoint_3"],
  );
  assert.equal(movedInOrder(d, 0, -1), d);
  d = withoutKeypoint(d, 0);
  assert.deepEqual(
    d.keypoints.map(({ pair }) => pair),
    ["", ""],
  );
  assert.deepEqual(d.edges, []);
  assert.deepEqual(toggledEdge(toggledEdge(d, "left_paw", "keypoint_3"), "keypoint_3", "left_paw").edges, []);
  assert.deepEqual(
    withKeypoint(withoutKeypoint(drawn("keypoint_1", "keypoint_2"), 0), 0, 0).keypoints.map(({ name }) => name),
    ["keypoint_2", "keypoint_2_2"],
  );
});

test("names of two sides make a pair, unless one of them has another", () => {
  const d = drawn("left_paw", "right_paw");
  assert.deepEqual(
    d.keypoints.map(({ pair }) => pair),
    ["right_paw", "left_paw"],
  );
  const other = changeKeypoint(changeKeypoint(drawn("left_paw", "x", "y"), 0, { pair: "x" }), 2, { name: "right_paw" });
  assert.deepEqual(
    other.keypoints.map(({ pair }) => pair),
    ["x", "left_paw", ""],
  );
});

test("the other side is added: mirrored, paired, joined alike", () => {
  let d = drawn("nose", "left_ear", "left_tip");
  d = toggledEdge(toggledEdge(changeKeypoint(d, 1, { sigma: 0.05 }), "nose", "left_ear"), "left_ear", "left_tip");
  assert.equal(missingSide(d, 0), "");
  assert.equal(missingSide(d, 1), "right_ear");
  d = withOtherSide(d, 1, 100);
  const ear = d.keypoints[3];
  assert.deepEqual([ear.name, ear.pair, ear.sigma, ear.x, ear.y], ["right_ear", "left_ear", 0.05, 0, 10]);
  assert.deepEqual(joinedWith(d, "right_ear"), ["nose"]);
  d = withOtherSide(d, 2, 100);
  assert.deepEqual(joinedWith(d, "right_tip"), ["right_ear"]);
  assert.equal(withOtherSide(d, 2, 100), d);
  assert.equal(withOtherSide(drawn("left_a"), 0, 100).keypoints[1].x, 100);
});

test("reasons why a definition cannot be exported", () => {
  assert.match(whatIsMissing(emptyDefinition()), /place a keypoint/);
  assert.match(whatIsMissing({ ...drawn("a"), name: "" }), /needs a name/);
  assert.equal(whatIsMissing(drawn("a")), "");
});

test("another image: the drawing and its undo steps are scaled to it", () => {
  const drawing = new Drawing(drawn("a", "b"), { width: 100, height: 100 });
  drawing.edit(changeKeypoint(drawing.definition, 0, { x: 100, y: 0 }));
  drawing.resize({ width: 400, height: 200 });
  assert.deepEqual(
    drawing.keypoints.map(({ x, y }) => [x, y]),
    [
      [300, 0],
      [120, 20],
    ],
  );
  drawing.travel(-1);
  assert.deepEqual(
    drawing.keypoints.map(({ x, y }) => [x, y]),
    [
      [100, 0],
      [120, 20],
    ],
  );
  assert.deepEqual(onBoard(drawing.definition, drawing.size, drawing.size), drawing.definition);
});

test("steps of one drag are one step; an edit after undo ends what was undone", () => {
  const drawing = new Drawing(drawn("a"));
  for (const x of [1, 2, 3]) drawing.edit(changeKeypoint(drawing.definition, 0, { x }), { merge: "drag 1" });
  drawing.edit(changeKeypoint(drawing.definition, 0, { x: 9 }), { merge: "drag 2" });
  drawing.travel(-1);
  assert.equal(drawing.keypoints[0].x, 3);
  drawing.travel(-1);
  assert.equal(drawing.keypoints[0].x, 0);
  assert.equal(drawing.canUndo, false);
  drawing.edit(changeKeypoint(drawing.definition, 0, { x: 5 }));
  assert.equal(drawing.canRedo, false);
  drawing.travel(1);
  assert.equal(drawing.keypoints[0].x, 5);
});

test("any text is read or refused with a message: configurations with swapped parts", () => {
  const next = random(11);
  const parts = [
    "Task: x\n",
    "bodyparts:\n",
    "- a\n",
    "- b: c\n",
    "  - d\n",
    "- - e\n",
    "kpt_shape: [2, 3]\n",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    '"',
    "'",
    "\\",
    "#",
    "- ",
    "\n",
    "\t",
    "|\n",
    "? ",
    "&x ",
    "*x",
    "nodes:\n",
    "edges: []\n",
    "names: {0: a}\n",
    "left_eye\n",
    "flip_idx: [1, 0]\n",
    "---\n",
    "\u200b",
    "é",
    "multianimalbodyparts: [a, b]\n",
  ];
  let readable = 0;
  for (let n = 0; n < 20000; n++) {
    const text = Array.from(
      { length: 1 + Math.floor(next() * 12) },
      () => parts[Math.floor(next() * parts.length)],
    ).join("");
    try {
      read(text);
      readable += 1;
    } catch (error) {
      assert.ok(error instanceof FormatError, `${JSON.stringify(text)}: ${error.stack}`);
    }
  }
  assert.ok(readable > 300, String(readable));
});
