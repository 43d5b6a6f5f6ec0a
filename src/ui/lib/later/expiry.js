/** Deletes drafts that nobody continued. */
import { allDrafts, dropDraft, PREFIX } from "../drafts.js";

const KEEP_DAYS = 7;

/**
 * Delete old drafts of other tasks. The own task's drafts are offered however old they are: the device's clock may have
 * been wrong.
 * @param {string} task the own task's key
 */
export async function dropOldDrafts(task) {
  const oldest = Date.now() - KEEP_DAYS * 86_400_000;
  for (const { at, key } of await allDrafts(PREFIX))
    if (key && !(at > oldest) && !`${key}`.startsWith(task)) dropDraft(key);
}
