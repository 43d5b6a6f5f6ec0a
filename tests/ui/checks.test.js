import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDoc } from "../../src/ui/lib/checks.js";
import { docOf } from "../../src/ui/lib/document.js";
import { similarity } from "../../src/ui/lib/similarity.js";
import { cases, instanceOf, person, standing } from "./people.js";

for (const { name, size, instances, expect } of cases("checks")) {
  test(`check: ${name}`, () => {
    const doc = docOf(instances.map(instanceOf));
    const found = checkDoc(person, doc, { width: size[0], height: size[1] }, docOf([]));
    const shown = found.map(({ check, level, id, indexes }) => ({ check, level, id, keypoints: indexes.map((i) => person.keypoints[i].label) }));
    assert.deepEqual(shown, expect);
  });
}

for (const { name, a, b, oks } of cases("similarity")) {
  test(`similarity: ${name}`, () => {
    assert.ok(Math.abs(similarity(person, instanceOf(a), instanceOf(b)).oks - oks) < 1e-12);
  });
}

test("an untouched pre-label asks nothing about what it leaves out, but wants to hear that it is right", () => {
  const instance = { ...standing("p0"), prelabel: true };
  instance.points[3] = null;
  const doc = docOf([instance]);
  const levels = Object.fromEntries(checkDoc(person, doc, { width: 800, height: 500 }, doc).map(({ check, level }) => [check, level]));
  assert.deepEqual(levels, { missing_keypoints: "info", untouched_prelabels: "warning" });
  assert.deepEqual(checkDoc(person, { ...doc, noChanges: true }, { width: 800, height: 500 }, doc).map(({ check }) => check), ["missing_keypoints"]);
});

test("a deleted pre-label is a change", () => {
  const doc = docOf([standing("p0")]);
  assert.deepEqual(checkDoc(person, docOf([]), { width: 800, height: 500 }, doc), []);
});
