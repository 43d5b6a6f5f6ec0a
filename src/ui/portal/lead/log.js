/** Leads' view of the log of all leads' actions. */
/** @import {LogEntry, PersonRow} from "../types.js" */
import { h } from "../../lib/dom.js";
import { dayAndTime, duration } from "../format.js";
import { table } from "../parts.js";
import { t } from "../texts.js";

/** @param {LogEntry} entry @returns {string} in words */
const actionOf = ({ action, detail, refused }) =>
  [t.actions[action] ?? action, detail?.hours && `+ ${duration(3600 * detail.hours)}`, refused && t.refused(refused)]
    .filter(Boolean)
    .join(" ");

/** @param {LogEntry[]} entries @param {PersonRow[]} people @returns {import("../parts.js").View} */
export function logView(entries, people) {
  const names = new Map(people.map(({ id, name, email }) => [id, name || email]));
  const named = (/** @type {string} */ subject) =>
    subject
      .split("/")
      .map((part) => names.get(part) || part)
      .join(": ");
  return {
    title: t.log,
    root: h(
      "div.wide",
      {},
      h("h1", { tabindex: -1 }, t.log),
      h("p.soft", {}, t.logText),
      entries.length
        ? h(
            "section.card",
            {},
            table(
              t.log,
              Object.values(t.logColumns),
              entries.map((entry) => [
                dayAndTime(entry.time),
                named(entry.lead),
                actionOf(entry),
                named(entry.subject),
              ]),
            ),
          )
        : h("p.soft", {}, t.noLog),
    ),
  };
}
