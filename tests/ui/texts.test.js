import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { english, inLanguage, setLanguage, t } from "../../src/ui/lib/texts.js";

const FOLDER = new URL("../../src/ui/lib/languages/", import.meta.url);

/** What a table of texts is made of: names, kinds, lengths and parameters, but not the words. */
const shapeOf = (value) => {
  if (typeof value === "function") return `function of ${value.length}`;
  if (typeof value === "string") return value.trim() ? "text" : "empty";
  return Array.isArray(value)
    ? value.map(shapeOf)
    : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shapeOf(part)]));
};

/** Every text, with an example in place of each parameter. */
const textsOf = (value) =>
  typeof value === "object"
    ? Object.values(value).flatMap(textsOf)
    : [typeof value === "function" ? value(...["1", "2", "3"].slice(0, value.length)) : value];

for (const file of readdirSync(FOLDER)) {
  test(`${file} has every text, and each uses what it is given`, async () => {
    const { default: texts } = await import(new URL(file, FOLDER));
    assert.deepEqual(shapeOf({ ...texts, keys: {} }), shapeOf(english));
    assert.equal(`${texts.lang}.js`, file);
    const [own, theirs] = [textsOf({ ...texts, keys: {} }), textsOf(english)];
    own.forEach((text, n) => {
      for (const example of ["1", "2"])
        assert.equal(text.includes(example), theirs[n].includes(example), `${text} / ${theirs[n]}`);
    });
  });
}

test("a language is found by its tag or the general one, whatever objects inherit", () => {
  const table = { de: 1, "pt-br": 2 };
  assert.deepEqual(
    ["de", "DE-at", "pt-BR", "pt", "constructor", ""].map((tag) => inLanguage(table, tag)),
    [1, 1, 2, undefined, undefined, undefined],
  );
  setLanguage("xx");
  assert.deepEqual(t, english);
});
