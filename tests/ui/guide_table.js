/** The shortcuts table of the labeller guide, made from the element's own: `node tests/ui/guide_table.js --write`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { GROUPS, strokeText } from "../../src/ui/lib/shortcuts.js";
import { t } from "../../src/ui/lib/texts.js";

export const GUIDE = fileURLToPath(new URL("../../docs/labeler-guide.md", import.meta.url));
const [START, END] = ["<!-- shortcuts -->", "<!-- end of shortcuts -->"];

const row = (...cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

export function shortcutsTable() {
  const tables = Object.entries(GROUPS).map(([group, shortcuts]) =>
    [
      `**${t.groups[group]}**`,
      "",
      row("Keys", "What it does"),
      row("---", "---"),
      ...Object.entries(shortcuts).map(([id, keys]) =>
        row(
          keys
            .split(" ")
            .map((key) => `\`${strokeText(key)}\``)
            .join(" or "),
          t.commands[id],
        ),
      ),
    ].join("\n"),
  );
  const pointer = [
    `**${t.pointer}**`,
    "",
    row("Gesture", "What it does"),
    row("---", "---"),
    ...t.gestures.map((gesture) => row(...gesture)),
  ].join("\n");
  return [pointer, ...tables].join("\n\n");
}

/** @param {string} guide */
export function withTable(guide) {
  const [before, rest] = guide.split(START);
  return `${before}${START}\n\n${shortcutsTable()}\n\n${END}${rest.split(END)[1]}`;
}

if (process.argv.includes("--write")) writeFileSync(GUIDE, withTable(readFileSync(GUIDE, "utf8")));
