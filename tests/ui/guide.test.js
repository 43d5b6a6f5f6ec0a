import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { guidePage, labelerGuide } from "../../src/ui/guide.js";
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

test("the guide as a page has everything inside, and no script", async () => {
  const page = await labelerGuide();
  assert.match(page, /<title>Labelling keypoints<\/title>/);
  const pictures = [...page.matchAll(/<img src="([^"]{0,40})[^>]*alt="[^"]+"/g)].map((match) => match[1]);
  assert.equal(pictures.length, [...guide.matchAll(/!\[/g)].length);
  for (const picture of pictures) assert.match(picture, /^data:image\/png;base64,/);
  assert.doesNotMatch(page, /<script|<link|https?:|url\(/);
  const links = [...page.matchAll(/href="([^"]+)"/g)].map((match) => match[1]);
  assert.equal(links.length, [...guide.matchAll(/^## /gm)].length);
  for (const link of links) assert.ok(page.includes(`<h2 id="${link.slice(1)}">`), link);
});

test("a picture of another type is refused by name", async () => {
  await assert.rejects(
    guidePage("# Guide\n\n![A film](film.mp4)\n", ""),
    /expected a picture of type png, jpg, svg, got film\.mp4/,
  );
});
