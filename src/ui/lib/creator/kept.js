/** What the browser keeps, so that a reload loses nothing: the drawing, and the reference image. Nothing is sent anywhere. */
import { load, save } from "../prefs.js";
import { isNumber } from "../json.js";
import { Drawing } from "./drawing.js";
import { readDefinition, toSkeletonJson } from "./formats.js";

const KEY = "truepoint-skeleton";

/** @param {Drawing} drawing @returns {boolean} whether it is kept */
export const keepDrawing = ({ definition, size }) => save(KEY, { file: toSkeletonJson(definition), size });

/** The drawing of last time, or an empty one. */
export function keptDrawing() {
  const { file, size } = load(KEY, {});
  const sized = isNumber(size?.width) && size.width > 0 && isNumber(size?.height) && size.height > 0;
  try {
    return sized ? new Drawing(readDefinition(JSON.stringify(file)).definition, size) : new Drawing();
  } catch {
    return sized ? new Drawing(undefined, size) : new Drawing();
  }
}

/** The browser's cache of responses is its one place for whole files. @param {Blob | null} photo null forgets it */
export async function keepPhoto(photo) {
  try {
    if (photo) await (await caches.open(KEY)).put("photo", new Response(photo));
    else await caches.delete(KEY);
  } catch {
    // No room, or storage is blocked: the image is on its owner's disk anyway.
  }
}

/** @returns {Promise<Blob | null>} */
export async function keptPhoto() {
  try {
    return (await (await caches.match("photo", { cacheName: KEY }))?.blob()) ?? null;
  } catch {
    return null;
  }
}
