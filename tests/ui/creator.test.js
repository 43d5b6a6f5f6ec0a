import assert from "node:assert/strict";
import { test } from "node:test";
import {
  changeKeypoint, emptyDefinition, movedInOrder, readDefinition, toAttributes, toggledEdge, toSkeletonJson, withKeypoint, withoutKeypoint,
} from "../../src/ui/lib/creator/definition.js";
import { PRESETS } from "../../src/ui/lib/creator/presets.js";
import { readSkeleton } from "../../src/ui/lib/skeleton.js";
import { PERSON } from "./people.js";

const COUNTS = [17, 16, 21, 17, 68];

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
    const { keypointClasses, skeletonRig } = toAttributes(readDefinition(JSON.stringify(preset)));
    const skeleton = readSkeleton({ classes: JSON.stringify(keypointClasses), rig: JSON.stringify(skeletonRig), box: null });
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
  assert.deepEqual(toSkeletonJson(readDefinition(JSON.stringify(PERSON))), PERSON);
});

test("the original's attributes come in and go out", () => {
  const { keypointClasses, skeletonRig } = toAttributes(readDefinition(JSON.stringify(PERSON)));
  const again = toAttributes(readDefinition(JSON.stringify({ keypointClasses, skeletonRig })));
  assert.deepEqual(again.keypointClasses, keypointClasses);
  assert.deepEqual(again.skeletonRig, PERSON.edges);
  assert.equal(readDefinition(JSON.stringify(keypointClasses)).edges.length, 0);
});

test("COCO categories: a file, a list, one", () => {
  const category = { id: 1, name: "cat", supercategory: "animal", keypoints: ["nose", "left_ear", "right_ear"], skeleton: [[1, 2], [1, 3]] };
  for (const value of [{ images: [], categories: [category] }, [category], category]) {
    const definition = readDefinition(JSON.stringify(value));
    assert.equal(definition.name, "cat");
    assert.deepEqual(definition.edges, [["nose", "left_ear"], ["nose", "right_ear"]]);
    assert.equal(definition.keypoints[1].pair, "right_ear");
  }
});

test("anything else is refused with a sentence", () => {
  for (const text of ["{", "7", "{}", "[]", '{"keypoints": []}', "null"]) assert.throws(() => readDefinition(text), /This |could not|no keypoints/);
});

test("drawing: names stay unique, pairs mutual, edges follow names and deletions", () => {
  let d = emptyDefinition();
  for (let n = 0; n < 3; n++) d = withKeypoint(d, n, n);
  d = toggledEdge(d, "keypoint_1", "keypoint_2");
  d = changeKeypoint(d, 0, { name: "left_paw" });
  assert.deepEqual(d.edges, [["left_paw", "keypoint_2"]]);
  assert.equal(changeKeypoint(d, 1, { name: "left_paw" }), d);
  d = changeKeypoint(d, 0, { pair: "keypoint_2" });
  assert.equal(d.keypoints[1].pair, "left_paw");
  d = changeKeypoint(d, 2, { pair: "keypoint_2" });
  assert.deepEqual(d.keypoints.map(({ pair }) => pair), ["", "keypoint_3", "keypoint_2"]);
  d = movedInOrder(d, 2, -1);
  assert.deepEqual(d.keypoints.map(({ name }) => name), ["left_paw", "keypoint_3", "keypoint_2"]);
  assert.equal(movedInOrder(d, 0, -1), d);
  d = withoutKeypoint(d, 2);
  assert.deepEqual([d.edges, d.keypoints[1].pair], [[], ""]);
  assert.deepEqual(toggledEdge(toggledEdge(d, "left_paw", "keypoint_3"), "keypoint_3", "left_paw").edges, []);
});
