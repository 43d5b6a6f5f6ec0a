import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { GUIDE, withTable } from "./guide_table.js";

const guide = readFileSync(GUIDE, "utf8");

test("the guide's shortcuts are the element's (npm run guide writes them)", () => {
  assert.equal(guide, withTable(guide));
});

test("every picture of the guide is there", () => {
  const pictures = [...guide.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map((match) => match[1]);
  assert.ok(pictures.length >= 5);
  for (const picture of pictures) assert.ok(existsSync(join(dirname(GUIDE), picture)), picture);
});
