import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDoc } from "../../src/ui/lib/later/checks.js";
import { docOf } from "../../src/ui/lib/document.js";
import { similarity } from "../../src/ui/lib/later/similarity.js";
import { readSkeleton } from "../../src/ui/lib/skeleton.js";
import { attributes, cases, classes, instanceOf, PERSON, person, standing } from "./people.js";

for (const { name, size, instances, expect } of cases("checks")) {
  test(`check: ${name}`, () => {
    const doc = docOf(instances.map(instanceOf));
    const found = checkDoc(person, doc, { width: size[0], height: size[1] }, docOf([]));
    const shown = found.map(({ check, level, id, indexes }) => ({
      check,
      level,
      id,
      keypoints: indexes.map((i) => person.keypoints[i].label),
    }));
    assert.deepEqual(shown, expect);
  });
}

for (const { name, a, b, oks } of cases("similarity")) {
  test(`similarity: ${name}`, () => {
    assert.ok(Math.abs(similarity(person, instanceOf(a), instanceOf(b)).oks - oks) < 1e-12);
  });
}

test("an untouched pre-label gives no warning about missing keypoints, but needs a confirmation", () => {
  const instance = { ...standing("p0"), prelabel: true };
  instance.points[3] = null;
  const doc = docOf([instance]);
  const levels = Object.fromEntries(
    checkDoc(person, doc, { width: 800, height: 500 }, doc).map(({ check, level }) => [check, level]),
  );
  assert.deepEqual(levels, { missing_keypoints: "info", untouched_prelabels: "warning" });
  assert.deepEqual(
    checkDoc(person, { ...doc, noChanges: true }, { width: 800, height: 500 }, doc).map(({ check }) => check),
    ["missing_keypoints"],
  );
});

test("a deleted pre-label is a change", () => {
  const doc = docOf([standing("p0")]);
  assert.deepEqual(checkDoc(person, docOf([]), { width: 800, height: 500 }, doc), []);
});

test("cached checks change no finding after any edit", () => {
  const size = { width: 900, height: 600 };
  const fresh = (doc) => docOf(structuredClone(doc.instances));
  let seed = 7;
  const dice = (n) => (seed = (seed * 16807) % 2147483647) % n;
  let doc = docOf([]);
  let most = 0;
  for (let n = 0; n < 300; n += 1) {
    const instances = [...doc.instances];
    const at = dice(instances.length || 1);
    // Few places, so that many are alike; some far apart.
    const moved = {
      ...standing(`n${n}`),
      points: standing().points.map((point) => ({
        ...point,
        x: point.x + 3 * dice(3) + 250 * dice(2),
        y: point.y + dice(5),
      })),
    };
    if (dice(4) === 0 && instances.length) instances.splice(at, 1);
    else if (dice(3) === 0 && instances.length)
      instances[at] = {
        ...instances[at],
        points: instances[at].points.with(dice(17), dice(2) ? null : { x: dice(900), y: dice(600), v: 2 }),
      };
    else if (instances.length < 12) instances.push(moved);
    doc = docOf(instances);
    const own = readSkeleton(attributes({ keypointClasses: classes, skeletonRig: PERSON.edges }));
    const kept = checkDoc(person, doc, size, docOf([]));
    const sorted = (findings) => findings.map((finding) => JSON.stringify(finding)).sort();
    assert.deepEqual(sorted(kept), sorted(checkDoc(own, fresh(doc), size, docOf([]))));
    most = Math.max(most, kept.filter(({ check }) => check === "duplicate_instance").length);
  }
  assert.ok(most > 3, `expected several duplicates, got ${most}`);
});

test("a document of 500 people is checked again in a small part of the time that the first check takes", () => {
  const size = { width: 4000, height: 3000 };
  const people = Array.from({ length: 500 }, (_, n) => ({
    ...standing(`n${n}`),
    points: standing().points.map((point) => ({
      ...point,
      x: (point.x + 380 * (n % 25)) / 3,
      y: (point.y + 450 * Math.floor(n / 25)) / 3,
    })),
  }));
  const timed = (doc) => {
    const start = process.cpuUsage();
    checkDoc(person, doc, size, docOf([]));
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  const first = timed(docOf(people));
  const again = Array.from({ length: 5 }, (_, n) => timed(docOf(people.with(n, { ...people[n], comment: "seen" }))));
  assert.ok(Math.min(...again) < first / 3, `first ${first} µs, again ${again} µs`);
});
