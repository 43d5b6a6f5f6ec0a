/** Skeletons of other tools, as those tools publish them; the sources are named. XML and SVG are read in a browser: tests/browser/test_creator.py. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findSkeletons, FormatError, readDefinition } from "../../src/ui/lib/creator/formats.js";
import { readYaml } from "../../src/ui/lib/creator/yaml.js";

const read = (value) => readDefinition(typeof value === "string" ? value : JSON.stringify(value));
const names = ({ definition }) => definition.keypoints.map(({ name }) => name);
const pairs = ({ definition }) =>
  definition.keypoints.flatMap(({ name, pair }, i) =>
    pair && names({ definition }).indexOf(pair) > i ? [`${name} ${pair}`] : [],
  );
const labels = (text) =>
  findSkeletons(typeof text === "string" ? text : JSON.stringify(text)).map(({ label }) => label);
const node = (name) => ({ "py/object": "sleap.skeleton.Node", "py/state": { "py/tuple": [name, 1.0] } });
const kind = (number) => ({ "py/reduce": [{ "py/type": "sleap.skeleton.EdgeType" }, { "py/tuple": [number] }] });
const ref = (id) => ({ "py/id": id });

// https://github.com/talmolab/sleap, sleap/skeletons/mice_of.json (BSD-3-Clause), without its preview image.
const MICE = {
  description: "Template Skeleton for mice_of reference dataset.",
  nx_graph: {
    directed: true,
    graph: { name: "Skeleton-1", num_edges_inserted: 20 },
    links: [
      { edge_insert_idx: 3, key: 0, source: node("neck"), target: node("L_Fr_paw"), type: kind(1) },
      { edge_insert_idx: 4, key: 0, source: ref(1), target: node("R_Fr_paw"), type: ref(3) },
      { edge_insert_idx: 16, key: 0, source: ref(1), target: node("nose"), type: ref(3) },
      { edge_insert_idx: 17, key: 0, source: ref(1), target: node("R_ear"), type: ref(3) },
      { edge_insert_idx: 18, key: 0, source: ref(1), target: node("L_ear"), type: ref(3) },
      { edge_insert_idx: 6, key: 0, source: node("tail_base"), target: node("R_Hi_paw"), type: ref(3) },
      { edge_insert_idx: 7, key: 0, source: ref(8), target: node("L_Hi_paw"), type: ref(3) },
      { edge_insert_idx: 8, key: 0, source: ref(8), target: node("tail_mid"), type: ref(3) },
      { edge_insert_idx: 19, key: 0, source: ref(8), target: ref(1), type: ref(3) },
      { edge_insert_idx: 9, key: 0, source: ref(11), target: node("tail_end"), type: ref(3) },
    ],
    multigraph: true,
    nodes: [5, 1, 7, 6, 2, 4, 8, 10, 9, 11, 12].map((id) => ({ id: ref(id) })),
  },
};

test("SLEAP's own skeleton file: jsonpickle's numbers count nodes and kinds of edges together", () => {
  const found = read(MICE);
  assert.deepEqual(names(found), [
    "nose",
    "neck",
    "L_ear",
    "R_ear",
    "L_Fr_paw",
    "R_Fr_paw",
    "tail_base",
    "L_Hi_paw",
    "R_Hi_paw",
    "tail_mid",
    "tail_end",
  ]);
  assert.deepEqual(found.definition.edges, [
    ["neck", "L_Fr_paw"],
    ["neck", "R_Fr_paw"],
    ["tail_base", "R_Hi_paw"],
    ["tail_base", "L_Hi_paw"],
    ["tail_base", "tail_mid"],
    ["tail_mid", "tail_end"],
    ["neck", "nose"],
    ["neck", "R_ear"],
    ["neck", "L_ear"],
    ["tail_base", "neck"],
  ]);
  assert.deepEqual(pairs(found), ["L_ear R_ear", "L_Fr_paw R_Fr_paw", "L_Hi_paw R_Hi_paw"]);
  assert.deepEqual([found.notes, found.hasPlaces], [[], false]);
  assert.deepEqual(read(MICE.nx_graph), found);
});

test("symmetries are pairs, whatever the names", () => {
  const found = read({
    directed: true,
    graph: { name: "cart" },
    multigraph: true,
    nodes: [1, 2, 4].map((id) => ({ id: ref(id) })),
    links: [
      { edge_insert_idx: 0, source: node("near"), target: node("far"), type: kind(1) },
      { source: ref(1), target: node("shaft"), type: ref(3) },
      { source: ref(2), target: ref(1), type: kind(2) },
      { source: ref(1), target: ref(2), type: ref(5) },
    ],
  });
  assert.deepEqual(
    [found.definition.name, names(found), pairs(found)],
    ["cart", ["near", "far", "shaft"], ["near far"]],
  );
  assert.deepEqual(found.definition.edges, [
    ["near", "far"],
    ["near", "shaft"],
  ]);
});

test("sleap-io's files: nodes written out again, numbers that count nodes and kinds each for itself", () => {
  // The form that sleap-io 0.8 writes, as quoted in the tests of sleap-io's JavaScript edition: py/object in every link.
  const found = read({
    directed: true,
    graph: { name: "quad", num_edges_inserted: 3 },
    multigraph: true,
    links: [
      { edge_insert_idx: 0, key: 0, source: node("A"), target: node("B"), type: kind(1) },
      { edge_insert_idx: 1, key: 0, source: node("A"), target: node("C"), type: ref(1) },
      { edge_insert_idx: 2, key: 0, source: node("C"), target: node("D"), type: ref(1) },
      { key: 0, source: node("C"), target: node("B"), type: kind(2) },
    ],
    nodes: [{ id: ref(1) }, { id: ref(2) }, { id: ref(3) }, { id: ref(4) }, { id: node("E") }],
  });
  assert.deepEqual(names(found), ["A", "B", "C", "D", "E"]);
  assert.deepEqual(
    [found.definition.edges, pairs(found)],
    [
      [
        ["A", "B"],
        ["A", "C"],
        ["C", "D"],
      ],
      ["B C"],
    ],
  );
});

test("SLEAP's labels files name nodes by their place; training configurations hold skeletons further in", () => {
  const skeleton = {
    directed: true,
    graph: { name: "fly" },
    multigraph: true,
    links: [{ edge_insert_idx: 0, source: 2, target: 0, type: kind(1) }],
    nodes: [{ id: 2 }, { id: 0 }],
  };
  const file = {
    version: "2.0.0",
    nodes: [
      { name: "head", weight: 1 },
      { name: "other", weight: 1 },
      { name: "thorax", weight: 1 },
    ],
    skeletons: [skeleton],
  };
  assert.deepEqual([names(read(file)), read(file).definition.edges], [["thorax", "head"], [["thorax", "head"]]]);
  assert.deepEqual(read({ data: { labels: { skeletons: [MICE.nx_graph] } }, model: {} }), read(MICE));
});

test("SLEAP's plain form, as sleap-io writes it in YAML and JSON", () => {
  const plain = {
    nodes: [{ name: "head" }, { name: "wingL" }, { name: "wingR" }],
    edges: [{ source: { name: "head" }, destination: { name: "wingL" } }],
    symmetries: [[{ name: "wingL" }, { name: "wingR" }]],
  };
  const yaml =
    "Skeleton-0:\n  nodes:\n  - name: head\n  - name: wingL\n  - name: wingR\n  edges:\n  - source:\n      name: head\n    destination:\n      name: wingL\n  symmetries:\n  - - name: wingL\n    - name: wingR\n";
  for (const value of [
    { ...plain, name: "Skeleton-0" },
    [{ ...plain, name: "Skeleton-0" }],
    { "Skeleton-0": plain },
    yaml,
  ]) {
    const found = read(value);
    assert.deepEqual(
      [found.definition.name, names(found), pairs(found), found.definition.edges],
      ["Skeleton-0", ["head", "wingL", "wingR"], ["wingL wingR"], [["head", "wingL"]]],
    );
  }
  assert.deepEqual(read({ nodes: ["a", "b"], edges: [[0, 1]], symmetries: [] }).definition.edges, [["a", "b"]]);
  assert.deepEqual(labels({ one: plain, two: plain }), ["one (3 keypoints)", "two (3 keypoints)"]);
});

// https://github.com/DeepLabCut/DeepLabCut, examples/openfield-Pranav-2018-10-30/config.yaml, its data in full.
const OPENFIELD = `# Project definitions (do not edit)
Task: openfield
scorer: Pranav
date: Oct30

# Project path (change when moving around)
project_path: WILL BE AUTOMATICALLY UPDATED BY DEMO CODE

# Annotation data set configuration (and individual video cropping parameters)
video_sets:
  WILL BE AUTOMATICALLY UPDATED BY DEMO CODE:
    crop: 0, 640, 0, 480
bodyparts:
- snout
- leftear
- rightear
- tailbase

start: 0
stop: 1
# Plotting configuration
pcutoff: 0.4
colormap: jet
TrainingFraction:
- 0.95
cropping: false
corner2move2:
- 50
- 50
move2corner: true
`;

test("DeepLabCut's config.yaml of one animal", () => {
  const found = read(OPENFIELD);
  assert.deepEqual(
    [found.definition.name, names(found), pairs(found), found.notes],
    ["openfield", ["snout", "leftear", "rightear", "tailbase"], ["leftear rightear"], []],
  );
  // Long file names make keys of YAML's long form; the skeleton in both forms that are in use.
  const other = OPENFIELD.replace(
    "  WILL BE AUTOMATICALLY UPDATED BY DEMO CODE:\n    crop",
    `  ? ${"C:\\videos\\a folder".repeat(9)}.avi\n  : crop`,
  )
    .replace(
      "\nstart:",
      "skeleton:\n- - snout\n  - leftear\n- [snout, 'rightear']\n- - objectA\n  - snout\nskeleton_color: black\nstart:",
    )
    .replaceAll("\n", "\r\n");
  assert.deepEqual(read(other).definition.edges, [
    ["snout", "leftear"],
    ["snout", "rightear"],
  ]);
  assert.match(read(other).notes.join(), /“objectA” to “snout” was left out/);
});

test("a known file without usable names is refused with the reason", () => {
  const coco = (keypoints) => JSON.stringify({ categories: [{ name: "box" }, { name: "person", keypoints }] });
  for (const [text, sentence] of [
    [
      coco([{ name: "nose" }, { name: "eye" }]),
      /keypoints of a COCO category as a list of names, got “\[{"name":"nose"}/,
    ],
    [coco({ 0: "nose", 1: "eye" }), /keypoints of a COCO category as a list of names, got “{"0":"nose"/],
    [coco(["nose", 1]), /keypoints of a COCO category as a list of names, got “\["nose",1\]/],
    [
      "metadata:\n  bodyparts:\n  - nose\n  - tail\nmethod: bu\n",
      /pytorch_config\.yaml.* Expected the project’s config\.yaml/,
    ],
    [coco([]), /Expected a skeleton in a known format/],
  ])
    assert.throws(
      () => read(text),
      (error) => error instanceof FormatError && sentence.test(error.message),
    );
});

test("DeepLabCut's config.yaml of several animals: the animals' body parts, or the unique ones", () => {
  // The example of DeepLabCut's guide for multi-animal projects (docs/maDLC_UserGuide.md).
  const config = `Task: trimice
scorer: daniel
multianimalproject: true
identity: false

video_sets: {}
individuals:
- m1
- m2
- m3
uniquebodyparts:
- topleftcornerofBox
- toprightcornerofBox
multianimalbodyparts:
- snout
- leftear
- rightear
- tailbase
bodyparts: MULTI!

skeleton:
- - snout
  - tailbase
- - snout
  - rightear
- - topleftcornerofBox
  - toprightcornerofBox
`;
  const [animal, unique] = findSkeletons(config).map((found) => found.read());
  assert.deepEqual(labels(config), ["trimice (4 keypoints)", "trimice_unique (2 keypoints)"]);
  assert.deepEqual(
    [names(animal), animal.definition.edges],
    [
      ["snout", "leftear", "rightear", "tailbase"],
      [
        ["snout", "tailbase"],
        ["snout", "rightear"],
      ],
    ],
  );
  assert.deepEqual(
    [names(unique), unique.definition.edges],
    [["topleftcornerofBox", "toprightcornerofBox"], [["topleftcornerofBox", "toprightcornerofBox"]]],
  );
  assert.match(animal.notes.join(), /Individuals were left out/);
});

// The data of https://github.com/ultralytics/ultralytics, ultralytics/cfg/datasets/coco8-pose.yaml, and a script as other files there have it.
const COCO8 = `path: ../datasets/coco8-pose # dataset root dir
train: images/train # train images (relative to 'path') 4 images
test: # test images (optional)

kpt_shape: [17, 3] # number of keypoints, number of dims (2 for x,y or 3 for x,y,visible)
flip_idx: [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]

names:
  0: person

download: |
  from pathlib import Path
  dir = Path(yaml['path'])  # dataset: root
`;

test("YOLO's data.yaml", () => {
  const found = read(COCO8);
  assert.deepEqual(
    [found.definition.name, names(found).length, pairs(found)[0]],
    ["person", 17, "keypoint_2 keypoint_3"],
  );
  assert.match(found.notes.join(), /no kpt_names/);
  const list =
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle".split(
      " ",
    );
  for (const given of [
    `kpt_names:\n  0:\n${list.map((name) => `    - ${name}\n`).join("")}`,
    `kpt_names: [[${list.map((name) => `'${name}'`).join(", ")}]]\n`,
    `kpt_names:\n  0: ${JSON.stringify(list)}\n`,
    `node_names: [${list}]\n`,
  ]) {
    const named = read(COCO8 + given);
    assert.deepEqual([names(named), pairs(named).length, named.notes], [list, 8, []]);
  }
  const several =
    "kpt_shape: [2, 2]\nflip_idx: [1, 0]\nnames: [cat, dog]\nkpt_names:\n  0: [near, far]\n  1: [bow, stern]\nskeleton: [[0, 1]]\nkpt_oks_sigmas: [0.05, .06]\n";
  assert.deepEqual(labels(several), ["cat (2 keypoints)", "dog (2 keypoints)"]);
  const dog = findSkeletons(several)[1].read().definition;
  assert.deepEqual(
    [dog.edges, dog.keypoints.map(({ pair, sigma }) => [pair, sigma])],
    [
      [["bow", "stern"]],
      [
        ["stern", 0.05],
        ["bow", 0.06],
      ],
    ],
  );
  assert.match(read(several.replace("[1, 0]", "[1, 1]")).notes.join(), /flip_idx was left out/);
});

test("COCO: edges that count from 0, and the choice of a category", () => {
  const category = { name: "cat", keypoints: ["nose", "left_ear", "right_ear"] };
  const edges = (skeleton) => read({ ...category, skeleton });
  assert.deepEqual(
    edges([
      [0, 1],
      [0, 2],
    ]).definition.edges,
    [
      ["nose", "left_ear"],
      ["nose", "right_ear"],
    ],
  );
  assert.match(edges([[0, 1]]).notes.join(), /count from 0/);
  assert.deepEqual(
    edges([
      [1, 2],
      [1, 3],
    ]).definition.edges,
    [
      ["nose", "left_ear"],
      ["nose", "right_ear"],
    ],
  );
  const file = { categories: [{ id: 1, name: "box" }, category, { ...category, name: "dog" }] };
  assert.deepEqual(labels(file), ["cat (3 keypoints)", "dog (3 keypoints)"]);
  assert.equal(findSkeletons(JSON.stringify(file))[1].read().definition.name, "dog");
});

test("names alone: in lines, in one line, numbered, as JSON, as YAML", () => {
  const list = ["nose", "left ear", "right ear"];
  for (const text of [
    list.join("\n"),
    "nose\r\nleft ear\r\n\r\nright ear\r\n",
    "nose, left ear, right ear",
    "nose;left ear;right ear",
    "nose\tleft ear\tright ear",
    "1. nose\n2. left ear\n3. right ear",
    "- nose\n- left ear\n- right ear",
    JSON.stringify(list),
    "0: nose\n1: left ear\n2: right ear",
    '"nose"\n"left ear"\n"right ear"',
    "\ufeffnose\nleft ear\nright ear",
  ]) {
    const found = read(text);
    assert.deepEqual([names(found), pairs(found)], [list, ["left ear right ear"]], text);
  }
  for (const text of ["nonsense", "two words", "\ufffdPNG\n\u001a\n", "", "key: value\nother: value"])
    assert.throws(
      () => read(text),
      (error) => error instanceof FormatError && /Expected a skeleton in a known format/.test(error.message),
      text,
    );
});

test("names alone: in quotes, in a column of a table, counted, as a list of a program", () => {
  const list = ["nose", "left ear", "right ear"];
  for (const text of [
    "name,x,y\nnose,1,2\nleft ear,3.5,4\nright ear,5,-6",
    "0,nose\n1,left ear\n2,right ear",
    "nose;1;2\nleft ear;3;4\nright ear;5;6\n",
    "1\tnose\r2\tleft ear\r3\tright ear\r",
    "1 nose\n2 left ear\n3 right ear",
    "# keypoints of a cat\nnose\nleft ear\nright ear",
    "“nose”\n“left ear”\n“right ear”",
    "['nose', 'left ear', \"right ear\",]",
    'names = ["nose", "left ear", "right ear"]',
    "('nose', 'left ear', 'right ear');",
  ])
    assert.deepEqual(names(read(text)), list, text);
  assert.deepEqual(names(read('"nose","ear, left","say ""x"""')), ["nose", "ear, left", 'say "x"']);
  assert.deepEqual(names(read("5th toe\nnose")), ["5th toe", "nose"]);
  assert.deepEqual(names(read("1\n2\n3")), ["1", "2", "3"]);
  assert.throws(() => read("n\0o\0s\0e\0\n\0t\0"), /Expected a skeleton/);
});

test("JSON as Python and people write it: NaN, single quotes, a comma at the end", () => {
  const file = '{"name": "cat", "keypoints": ["nose", "NaN"], "sigmas": [NaN, -Infinity], "x": "say \\"NaN\\""}';
  assert.deepEqual(names(read(file)), ["nose", "NaN"]);
  assert.deepEqual(names(read("{'name': 'cat', 'keypoints': ['nose', 'tail',],}")), ["nose", "tail"]);
  assert.throws(() => read('{"version": "1.0", "keypoints": [{"name": "a", "template": [1, 2]},]}'), /not JSON/);
});

test("all categories of a COCO file count their edges from the same number; edges may have names", () => {
  const category = { name: "cat", keypoints: ["a", "b", "c"] };
  const edges = (...skeletons) =>
    findSkeletons(JSON.stringify({ categories: skeletons.map((skeleton) => ({ ...category, skeleton })) })).map(
      (found) => found.read().definition.edges,
    );
  assert.deepEqual(edges([[1, 2]], [[0, 1]]), [[["b", "c"]], [["a", "b"]]]);
  // COCO's own rule decides about a file in which both numbers are wrong.
  assert.deepEqual(edges([[1, 3]], [[0, 2]]), [[["a", "c"]], []]);
  assert.deepEqual(edges([["a", "c"]]), [[["a", "c"]]]);
});

test("edges and pairs that contradict each other are reported", () => {
  const found = read({
    keypoints: [{ name: "a", pair: "b" }, { name: "b", pair: "c" }, { name: "c" }, { name: "d", pair: "x" }],
    edges: [["a", "b"], ["b", "a"], ["a", "b", "red"], ["a", "a"], 7],
  });
  assert.deepEqual(found.definition.edges, [["a", "b"]]);
  assert.deepEqual(pairs(found), ["a b"]);
  const notes = found.notes.join("\n");
  for (const sentence of [
    "“b” to “a” is there twice",
    "“a” to “a” was left out",
    "pair of “b” was left out: “c” is not its counterpart",
    "pair of “d” was left out",
  ])
    assert.ok(notes.includes(sentence), sentence);
  assert.match(read({ keypoints: [{ name: "a" }, { name: "b" }], edges: { 0: 1 } }).notes.join(), /expected a list/);
});

test("YOLO's names belong to the class under whose number or name they stand", () => {
  const file = "kpt_shape: [2, 3]\nnames: {0: cat, 1: dog}\n";
  assert.deepEqual(labels(`${file}kpt_names:\n  1: [nose, tail]\n`), ["dog (2 keypoints)"]);
  assert.deepEqual(labels(`${file}kpt_names:\n  dog: [nose, tail]\n  cat: [a, b]\n`), [
    "dog (2 keypoints)",
    "cat (2 keypoints)",
  ]);
  // PyYAML writes a list once if two classes share it.
  const shared = `${file}kpt_names:\n  0: &id001\n  - nose\n  - tail\n  1: *id001\n`;
  assert.deepEqual(labels(shared), ["cat (2 keypoints)", "dog (2 keypoints)"]);
  assert.deepEqual(names(findSkeletons(shared)[1].read()), ["nose", "tail"]);
});

test("DeepLabCut: an empty list of the other kind, edges in chains", () => {
  const found = read("Task: a\nmultianimalbodyparts: []\nbodyparts: [a, b, c]\nskeleton:\n- [a, b, c]\n");
  assert.deepEqual(
    [names(found), found.definition.edges],
    [
      ["a", "b", "c"],
      [
        ["a", "b"],
        ["b", "c"],
      ],
    ],
  );
});

test("names of JavaScript's own are names like all others", () => {
  const list = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  for (const value of [
    list,
    { name: "__proto__", keypoints: list, skeleton: [[1, 2]] },
    { nodes: list, edges: [[0, 1]] },
    { keypoints: list.map((name) => ({ name })), edges: [list.slice(0, 2)] },
    `bodyparts:\n${list.map((name) => `- ${name}\n`).join("")}skeleton:\n- [__proto__, constructor]\n`,
  ]) {
    assert.deepEqual(names(read(value)), list);
    if (value !== list) assert.deepEqual(read(value).definition.edges, [["__proto__", "constructor"]]);
  }
});

test("names that differ only in case or invisible characters are refused", () => {
  for (const text of [
    "Eye\neye\nnose",
    JSON.stringify({ name: "x", keypoints: [{ name: "nose" }, { name: "no\u200bse" }] }),
  ]) {
    assert.throws(
      () => read(text),
      (error) =>
        error instanceof FormatError &&
        /differ in more than case and invisible characters, got “.*” and “.*”/.test(error.message),
    );
  }
  assert.throws(() => read(JSON.stringify(["nose", "\u200b"])), /visible characters/);
});

test("YAML that cannot be read is refused with its line", () => {
  for (const [text, sentence] of [
    ["Task: x\nbodyparts: [a, b\n", /Line 2: .*end of the file/],
    ["bodyparts:\n- !!binary snout\n- a\n", /Line 2: .*does not know/],
    ["bodyparts: [*a, b]\n", /Line 1: expected an anchor “&a”, got none/],
    ["a: &a [x, y]\nb: &b [*a, *a]\nbodyparts: *b\n", /Line 3: expected no aliases within “&b”/],
    [`a: &a [${"x,".repeat(9999)}]\nbodyparts: [${"*a,".repeat(99)}]\n`, /repeat at most 1000000 characters/],
    ["bodyparts:\n- a: b: c\n- d\n", /quotes around/],
    ["bodyparts:\n  - a\n b\n", /Line 3/],
    ["bodyparts: [a,, b]\n", /expected a value/],
    ["bodyparts: ['a' 'b']\n", /expected “,” or “\]”/],
    ["bodyparts:\n\t- a\n", /tab/],
    [`bodyparts: ${"[".repeat(9999)}`, /32 levels/],
    ["- ".repeat(9999), /32 levels of indentation/],
    [`bodyparts: ${"&a ".repeat(99999)}b`, /expected one anchor/],
    [`bodyparts: [${"&a ".repeat(99999)}b]`, /expected one anchor/],
    [`bodyparts: "${"word\n ".repeat(99999)}`, /expected the end of “"word.*” within 20000 characters/s],
    ["bodyparts:\n- snout\nleftear\n- tail\n", /Line 3: expected “key: value”, got “leftear”/],
  ])
    assert.throws(
      () => read(text),
      (error) => error instanceof FormatError && sentence.test(error.message),
      text,
    );
});

test("YAML: values of keys that are not read cause no error", () => {
  const value = readYaml("a: !!python/object:x\n  y: 1\n? long key\n: 3\nb: [1, 2]\n...\nc: 3\n");
  assert.deepEqual(
    [value.b, Object.keys(value)],
    [
      ["1", "2"],
      ["a", "b"],
    ],
  );
  assert.throws(() => value.a, /Line 1/);
  assert.equal(readYaml("__proto__: [1]\n").b, undefined);
});

test("YAML: reading a value again repeats nothing; lines without indentation within brackets; characters by number", () => {
  const value = readYaml(`a: &a [${"x,".repeat(99999)}]\nb: *a\n`);
  for (let n = 0; n < 9; n++) assert.equal(value.b.length, 99999);
  assert.deepEqual(names(read("kpt_shape: [2, 3]\nkpt_names: [\nnose,\ntail\n]\n")), ["nose", "tail"]);
  assert.equal(readYaml('a: "\\U0001F600\\UFFFFFFFF"').a, "\u{1f600}\ufffd");
  // Pretty-printed JSON that ends too early took minutes.
  const items = Array.from({ length: 30000 }, (_, id) => ({ id, file: "a.jpg" }));
  assert.throws(() => read(JSON.stringify({ items }, null, 1).slice(0, -3)), /This is not JSON/);
});

test("names in brackets are names; a list of a program ends with the bracket that it starts with", () => {
  assert.deepEqual(names(read("(L) eye\n(R) eye (outer)")), ["(L) eye", "(R) eye (outer)"]);
  assert.deepEqual(names(read("[L] eye\n[R] eye [outer]")), ["[L] eye", "[R] eye [outer]"]);
  assert.deepEqual(names(read("names = ['eye (L)', \"eye (R\"]")), ["eye (L)", "eye (R"]);
  assert.throws(
    () => read('{"keypoints": ["a", "b"], // names\n "skeleton": [[1, 2]]}'),
    /not JSON\. Line 2.*\/\/ names/s,
  );
});

test("tables and labels without a column of names are refused, as are names that occur twice", () => {
  for (const text of ["1,2\n3,4\n5,6", "0 0.5 0.5 0.1 0.2\n0 0.1 0.2 0.3 0.4"])
    assert.throws(() => read(text), /Expected a skeleton in a known format/);
  for (const value of [
    "scorer,Ann,Ann,Ann,Ann\nbodyparts,snout,snout,tail,tail\ncoords,x,y,x,y\na.png,1,2,3,4",
    { name: "cat", keypoints: ["Ann", "b", "Ann"], skeleton: [[2, 3]] },
  ])
    assert.throws(
      () => read(value),
      (error) => error instanceof FormatError && /names that differ, got “Ann” twice/.test(error.message),
    );
  // 10 MB in one cell are more than a recursive expression can match.
  assert.throws(() => read(`"${"a".repeat(1e7)}"\nb`), /at most 128 characters/);
});

test("names in another encoding are refused", () => {
  for (const text of ["bodyparts: [\ufffdhr, nase]", '{"keypoints": ["\\ud800", "b"]}'])
    assert.throws(() => read(text), /Expected a file in UTF-8/);
});

test("attributes: entities of all forms; a value that is no list", () => {
  const html = `<p keypointClasses='[{"label": "rat&#x27;s ear"}, {"label": "caf&#233; &quot;"}]'>`;
  assert.deepEqual(names(read(html.replace("&quot;", "&lt;"))), ["rat's ear", "café <"]);
  assert.throws(() => read("<p keypointClasses='null'>"), /There are no keypoints in this: expected a list, got null/);
});

test("keypoints of a skeleton file without a position, with one that is too far away, or with a pair that is no name", () => {
  const file = (...templates) => ({
    name: "x".repeat(200),
    keypoints: templates.map((template, n) => ({ name: `k${n}`, template, pair: n || null })),
  });
  const { definition, notes } = read(file([5, 5], [1e300, 1], null));
  assert.deepEqual(
    definition.keypoints.map(({ x, y }) => [x, y]),
    [
      [5, 5],
      [0, 1],
      [0, 0],
    ],
  );
  assert.match(notes.join("\n"), /got none of “k1” and 1 more/);
  assert.match(notes.join("\n"), /name was cut: .* got 200/);
  assert.match(notes.join("\n"), /pair of “k1” was left out: “1” is not/);
});

test("YOLO: edges that count from 1; names of a class by number; more keypoints than possible", () => {
  const file = "kpt_shape: [3, 3]\nkpt_names: {0: {0: a, 1: b, 2: c}}\n";
  const found = read(`${file}skeleton: [[1, 2], [2, 3]]\n`);
  assert.deepEqual(
    [names(found), found.definition.edges],
    [
      ["a", "b", "c"],
      [
        ["a", "b"],
        ["b", "c"],
      ],
    ],
  );
  assert.match(found.notes.join(), /count from 1, although YOLO counts from 0/);
  assert.deepEqual(read(`${file}skeleton: [[1, 2]]\n`).definition.edges, [["b", "c"]]);
  const many = `kpt_shape: [99999, 3]\nkpt_names:\n${Array.from({ length: 9999 }, (_, n) => `  ${n}: [a]\n`).join("")}`;
  assert.throws(() => read(many), /at most 1000 keypoints; this one has 99999/);
});

test("DeepLabCut: unique body parts alone; edges between body parts that do not exist; texts in blocks", () => {
  const unique = "Task: x\nmultianimalbodyparts: []\nuniquebodyparts: [a, b]\nbodyparts: MULTI!\nskeleton: [[a, b]]\n";
  assert.deepEqual([names(read(unique)), read(unique).definition.edges], [["a", "b"], [["a", "b"]]]);
  const edges = "multianimalbodyparts: [a, b]\nuniquebodyparts: [c]\nskeleton:\n- [nowhere, else]\n";
  assert.match(read(edges).notes.join(), /“nowhere” to “else” was left out/);
  assert.deepEqual(names(read("bodyparts:\n- |\n  nose\n- >-\n  tail\n  end\n")), ["nose", "tail end"]);
});

test("SLEAP: numbers count in the order of writing, even if a tool sorted the keys later; unknown types are reported", () => {
  const links = [
    { source: ref(1), target: ref(2), type: kind(1) },
    { source: ref(2), target: ref(3), type: ref(4) },
    { source: ref(2), target: ref(3), type: kind(2) },
    { source: ref(3), target: ref(2), type: ref(5) },
  ];
  const found = read({ graph: {}, links, nodes: ["a", "near", "far"].map((name) => ({ id: node(name) })) });
  assert.deepEqual(
    [names(found), found.definition.edges, pairs(found), found.notes],
    [
      ["a", "near", "far"],
      [
        ["a", "near"],
        ["near", "far"],
      ],
      ["near far"],
      [],
    ],
  );
  const unknown = read({ links: [{ source: "a", target: "b", type: ref(9) }], nodes: [{ id: "a" }, { id: "b" }] });
  assert.deepEqual(unknown.definition.edges, []);
  assert.match(unknown.notes.join(), /1 links were left out/);
});

test("numbers with gaps are no list; nodes whose numbers are not in order, or not in the file", () => {
  const yolo = read("kpt_shape: [2, 3]\nkpt_names: {0: nose, 2: tail}\n");
  assert.deepEqual(names(yolo), ["keypoint_1", "keypoint_2"]);
  assert.match(yolo.notes.join(), /Expected kpt_names to be a list/);
  assert.throws(() => read("0: nose\n2: tail"), /Expected a skeleton in a known format/);
  const graph = {
    nodes: [
      { id: 7, name: "nose" },
      { id: 3, name: "tail" },
    ],
    links: [{ source: 7, target: 3 }],
  };
  assert.deepEqual([names(read(graph)), read(graph).definition.edges], [["nose", "tail"], [["nose", "tail"]]]);
  const plain = { nodes: [{ id: 1 }, { id: 0 }], links: [{ source: 0, target: 1 }] };
  assert.deepEqual([names(read(plain)), read(plain).definition.edges], [["1", "0"], [["0", "1"]]]);
  const labels = { nodes: [{ name: "a" }], skeletons: [{ nodes: [{ id: 5 }, { id: 0 }], links: [] }] };
  assert.deepEqual(names(read(labels)), ["a"]);
  assert.match(read(labels).notes.join(), /without a name/);
});
