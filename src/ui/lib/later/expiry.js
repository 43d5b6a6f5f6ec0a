/** Deletes drafts that nobody continued. */
import { allDrafts, dropDraft, PREFIX } from "../drafts.js";
import { load, save } from "../prefs.js";

const DAY = 86_400_000;
const KEEP_DAYS = 7;
/** Key of a table in localStorage: when each old draft was first found to be old, by the draft's key. */
const OLD = "truepoint-old-drafts";

/**
 * Delete old drafts of other tasks that were old a day ago, too: the device's clock may be wrong for some hours. The
 * own task's drafts are offered however old they are.
 * @param {string} task the own task's key
 */
export async function dropOldDrafts(task) {
  const now = Date.now();
  const before = load(OLD, {});
  /** @type {Record<string, number>} */
  const old = {};
  for (const { at, key } of await allDrafts(PREFIX)) {
    if (!key || at > now - KEEP_DAYS * DAY || `${key}`.startsWith(task)) continue;
    // A time that has not come yet is of a wrong clock.
    const since = before[key] <= now ? before[key] : now;
    if (since <= now - DAY) dropDraft(key);
    else old[key] = since;
  }
  save(OLD, old);
}
