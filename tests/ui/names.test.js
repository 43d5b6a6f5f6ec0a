import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isLeftOf, nameKey, otherSide, pairsOf, sideOf, tellsSide } from "../../src/ui/lib/names.js";

const cases = JSON.parse(readFileSync(new URL("../cases/names.json", import.meta.url), "utf8"));

for (const { from, names, pairs } of cases.pairs) {
  test(`pairs: ${from}`, () => {
    const found = pairsOf(names).flatMap((j, i) => (j > i ? [[names[i], names[j]]] : []));
    assert.deepEqual(found.map((pair) => pair.sort()).sort(), pairs.map((pair) => [...pair].sort()).sort());
    // The order of the names does not matter.
    const back = names.toReversed();
    assert.deepEqual(
      pairsOf(back)
        .map((j, i) => (j < 0 ? "" : [back[i], back[j]].sort().join()))
        .filter(Boolean).length,
      2 * pairs.length,
    );
  });
}

test("which of a pair is the left one", () => {
  for (const [a, b, isLeft] of cases.left_of) assert.equal(isLeftOf(a, b), isLeft, `${a}, ${b}`);
});

test("the side that a name tells", () => {
  for (const [name, side] of cases.sides) {
    assert.equal(sideOf(name), side, name);
    assert.equal(tellsSide(name), side !== "", name);
  }
});

test("the name of the other side", () => {
  for (const [name, other] of [
    ["eyeL", "eyeR"],
    ["left ear", "right ear"],
    ["RShoulder", "LShoulder"],
    ["LEFT_EYE", "RIGHT_EYE"],
    ["hand.R.001", "hand.L.001"],
    ["linkes_auge", "rechtes_auge"],
    ["OHR_LINKS", "OHR_RECHTS"],
    ["ojo derecho", "ojo izquierdo"],
    ["main_gauche", "main_droite"],
    ["lip", ""],
    ["leg", ""],
    ["nose", ""],
  ]) {
    assert.equal(otherSide(name), other);
    if (other) assert.equal(otherSide(other), name);
  }
});

test("names that differ only in case or invisible characters", () => {
  for (const [a, b] of cases.alike) assert.equal(nameKey(a), nameKey(b), JSON.stringify([a, b]));
  for (const [a, b] of cases.different) assert.notEqual(nameKey(a), nameKey(b), JSON.stringify([a, b]));
  for (const name of cases.unseen) assert.equal(nameKey(name), "");
});
