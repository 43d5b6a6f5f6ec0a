import assert from "node:assert/strict";
import { test } from "node:test";
import { colorOr, freeColor, readUniqueColors } from "../../src/ui/lib/colors.js";
import { DEFAULT_SIGMA, MOST_EDGES, MOST_KEYPOINTS, readSkeleton } from "../../src/ui/lib/skeleton.js";
import { attributes, index, person } from "./people.js";

const labels = (indexes) => indexes.map((i) => person.keypoints[i].label).sort();
const of = (classes, rig = null, box = null) =>
  readSkeleton(attributes({ keypointClasses: classes, skeletonRig: rig, skeletonBoundingBox: box }));

test("the keypoints attached to a joint follow from the edges", () => {
  assert.deepEqual(labels(person.distal[index("left_elbow")]), ["left_wrist"]);
  assert.deepEqual(labels(person.distal[index("left_shoulder")]), ["left_elbow", "left_wrist"]);
  assert.deepEqual(labels(person.distal[index("right_hip")]), ["right_ankle", "right_knee"]);
  assert.deepEqual(person.distal[index("nose")], []);
});

test("pairs are mutual, named or told by the names", () => {
  assert.equal(person.keypoints[index("left_hip")].pair, index("right_hip"));
  const { keypoints } = of(
    ["left_paw", "right_paw", "Wheel L", "Wheel R", "rearLeft", "rearRight", "bright"].map((label) => ({ label })),
  );
  assert.deepEqual(
    keypoints.map(({ pair }) => pair),
    [1, 0, 3, 2, 5, 4, -1],
  );
  assert.deepEqual(keypoints.map(({ side }) => side[0] ?? "-").join(""), "lrlrlr-");
});

test("a stated pair comes before one that the names tell", () => {
  const { keypoints } = of([{ label: "left_paw" }, { label: "right_paw" }, { label: "spare", pair: "right_paw" }]);
  assert.deepEqual(
    keypoints.map(({ pair }) => pair),
    [-1, 2, 1],
  );
});

test("a pair whose names tell no side still gets two sides", () => {
  const { keypoints } = of([
    { label: "a", pair: "b" },
    { label: "b", pair: "a" },
  ]);
  assert.deepEqual(
    keypoints.map(({ side }) => side),
    ["left", "right"],
  );
});

test("the third field of an edge is a colour, null, or absent", () => {
  const { edges, problems } = of(
    [{ label: "a" }, { label: "b" }],
    [
      ["a", "b", null],
      ["a", "b", "#0000ff"],
      ["a", "b", "yellow"],
      ["a", "b"],
    ],
  );
  assert.deepEqual(
    edges.map(([, , color]) => color),
    [null, "#0000ff", "yellow", null],
  );
  assert.deepEqual(problems, []);
});

test("an edge to an unknown keypoint is left out and reported", () => {
  const { edges, problems } = of([{ label: "a" }, { label: "b" }], [["a", "nobody"], ["a", "b"], "x", ["a", "a"]]);
  assert.equal(edges.length, 1);
  assert.equal(problems.length, 3);
  assert.match(problems[0], /nobody/);
});

test("bad attributes give a plain sentence, never an exception", () => {
  for (const [classes, word] of [
    ["{", "could not be read"],
    ["{}", "could not be read"],
    ["[]", "no keypoints"],
    [null, "no keypoints"],
    ["[1,null]", "without a name"],
  ]) {
    const skeleton = readSkeleton(
      attributes({ keypointClasses: classes, skeletonRig: "[[1]]", skeletonBoundingBox: "nonsense" }),
    );
    assert.deepEqual(skeleton.keypoints, []);
    assert.match(skeleton.problems.join(" "), new RegExp(word));
  }
});

test("a keypoint defined twice counts once and is reported", () => {
  const { keypoints, problems } = of([{ label: "a" }, { label: "a" }]);
  assert.equal(keypoints.length, 1);
  assert.match(problems[0], /defined twice/);
});

test("without a bounding box the template's own size is used; a flat template cannot be drawn", () => {
  assert.deepEqual(
    of([
      { label: "a", x: 1, y: 2 },
      { label: "b", x: 5, y: 9 },
    ]).box,
    { left: 1, top: 2, right: 5, bottom: 9 },
  );
  assert.equal(
    of([
      { label: "a", x: 0, y: 0 },
      { label: "b", x: 0, y: 0 },
    ]).box,
    null,
  );
});

test("only plain colours pass", () => {
  assert.equal(colorOr("#1F77B4", "x"), "#1F77B4");
  assert.equal(colorOr("rgb(1, 2, 3)", "x"), "rgb(1, 2, 3)");
  for (const hostile of ["url(https://evil)", "red;background:url(x)", "expression(alert(1))", 7, null, {}, ""])
    assert.equal(colorOr(hostile, "x"), "x");
});

test("unique colours: true, a list, nothing; a freed colour is given again", () => {
  assert.equal(readUniqueColors(null), null);
  assert.equal(readUniqueColors("false"), null);
  assert.ok(readUniqueColors("true").length > 10);
  assert.deepEqual(readUniqueColors('["red", "#2CA02C"]'), ["red", "#2CA02C"]);
  assert.equal(freeColor(["red", "blue"], ["red", null]), "blue");
  assert.equal(freeColor(["red", "blue"], ["red", "blue"]), "red");
});

test("more edges than a skeleton may have are left out with a message", () => {
  const edges = Array.from({ length: 50_000 }, () => ["a", "b"]);
  const skeleton = of([{ label: "a" }, { label: "b" }], edges);
  assert.equal(skeleton.edges.length, MOST_EDGES);
  assert.ok(skeleton.problems.some((problem) => problem.includes("more than 5000 edges")));
});

test("more keypoints than a skeleton may have, and sigmas too small to divide by, are left out with a message", () => {
  const skeleton = of(
    Array.from({ length: 20_000 }, (_, i) => ({ label: `k${i}`, x: i, y: 0, sigma: 1e-163 })),
    [],
  );
  assert.equal(skeleton.keypoints.length, MOST_KEYPOINTS);
  assert.ok(skeleton.keypoints.every(({ sigma }) => sigma === DEFAULT_SIGMA));
  assert.ok(skeleton.problems.some((problem) => problem.includes("more than 1000 keypoints")));
});
