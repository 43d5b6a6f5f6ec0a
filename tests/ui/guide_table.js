/** The shortcuts table of the labeller guide, made from the element's own: `node tests/ui/guide_table.js --write`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GESTURES, GROUPS, strokeText } from "../../src/ui/lib/shortcuts.js";

export const GUIDE = fileURLToPath(new URL("../../docs/labeler-guide.md", import.meta.url));
const [START, END] = ["<!-- shortcuts -->", "<!-- end of shortcuts -->"];

const row = (...cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

export function shortcutsTable() {
  const tables = Object.entries(GROUPS).map(([group, shortcuts]) =>
    [`**${group}**`, "", row("Keys", "What it does"), row("---", "---"),
      ...Object.values(shortcuts).map(([text, ...keys]) => row(keys.map((key) => `\`${strokeText(key)}\``).join(" or "), text))].join("\n"));
  const pointer = ["**Pointer**", "", row("Gesture", "What it does"), row("---", "---"), ...GESTURES.map((gesture) => row(...gesture))].join("\n");
  return [pointer, ...tables].join("\n\n");
}

/** @param {string} guide */
export function withTable(guide) {
  const [before, rest] = guide.split(START);
  return `${before}${START}\n\n${shortcutsTable()}\n\n${END}${rest.split(END)[1]}`;
}

if (process.argv.includes("--write")) writeFileSync(GUIDE, withTable(readFileSync(GUIDE, "utf8")));
