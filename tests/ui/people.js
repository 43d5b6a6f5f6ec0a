/** The person skeleton and instances of it, for tests of pure modules. */
import { readFileSync } from "node:fs";
import { newInstance } from "../../src/ui/lib/document.js";
import { readSkeleton } from "../../src/ui/lib/skeleton.js";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));

export const cases = (name) => read(`../cases/${name}.json`).cases;

export const PERSON = read("../../skeletons/coco-person.json");

export const classes = PERSON.keypoints.map(({ name, template, ...rest }) => ({
  ...rest,
  label: name,
  x: template[0],
  y: template[1],
}));

/** An element's attributes: texts as they are, all else as JSON. */
export const attributes = (values) => (name) =>
  typeof values[name] === "string" ? values[name] : JSON.stringify(values[name] ?? null);

export const person = readSkeleton(attributes({ keypointClasses: classes, skeletonRig: PERSON.edges }));

export const index = (label) => person.index.get(label);

/** From the shape of the case tables. */
export function instanceOf({ id, keypoints, box }) {
  const instance = newInstance(id, person.keypoints.length);
  for (const [label, [x, y, v]] of Object.entries(keypoints)) instance.points[index(label)] = { x, y, v };
  if (box) instance.box = { left: box[0], top: box[1], right: box[0] + box[2], bottom: box[1] + box[3] };
  return instance;
}

export const standing = (id = "a") =>
  instanceOf({
    id,
    keypoints: Object.fromEntries(
      PERSON.keypoints.map(({ name, template }) => [name, [100 + template[0], 50 + template[1], 2]]),
    ),
  });
