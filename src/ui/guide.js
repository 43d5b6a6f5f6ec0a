/** The labeller's guide as one web page: docs/labeler-guide.md with embedded pictures and without scripts. */
import { readFile } from "node:fs/promises";
import { Marked } from "marked";

const GUIDE = new URL("../../docs/labeler-guide.md", import.meta.url);
const TYPES = { png: "image/png", jpg: "image/jpeg", svg: "image/svg+xml" };

const idOf = (/** @type {string} */ text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

/** @param {string} path of a picture, relative to the guide */
async function dataUri(path) {
  const type = TYPES[/** @type {keyof typeof TYPES} */ (path.split(".").at(-1))];
  if (!type)
    throw new Error(`docs/labeler-guide.md: expected a picture of type ${Object.keys(TYPES).join(", ")}, got ${path}`);
  return `data:${type};base64,${await readFile(new URL(path, GUIDE), "base64")}`;
}

/** @param {string} markdown @param {string} style @returns {Promise<string>} the page */
export async function guidePage(markdown, style) {
  /** @type {string[]} */
  const contents = [];
  let title = "";
  const marked = new Marked({
    async: true,
    async walkTokens(token) {
      if (token.type === "image") token.href = await dataUri(token.href);
    },
    renderer: {
      heading({ tokens, depth, text }) {
        if (depth === 1) title = text;
        if (depth === 2) contents.push(`<li><a href="#${idOf(text)}">${this.parser.parseInline(tokens)}</a></li>`);
        return `<h${depth} id="${idOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      // A wide table scrolls inside its own frame, so that the page does not scroll sideways.
      table(token) {
        const cells = (/** @type {typeof token.header} */ row, /** @type {string} */ tag) =>
          `<tr>${row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag.split(" ")[0]}>`).join("")}</tr>`;
        return `<div class="scroll" tabindex="0"><table><thead>${cells(token.header, 'th scope="col"')}</thead><tbody>${token.rows.map((row) => cells(row, "td")).join("")}</tbody></table></div>\n`;
      },
    },
  });
  const body = await marked.parse(markdown);
  const [head, ...rest] = body.split(/(?<=<\/h1>)/);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
${head}
<nav aria-label="Contents"><ul>${contents.join("")}</ul></nav>
${rest.join("")}
</main>
</body>
</html>
`;
}

/** @returns {Promise<string>} the guide of this repository */
export async function labelerGuide() {
  return guidePage(await readFile(GUIDE, "utf8"), await readFile(new URL("guide.css", import.meta.url), "utf8"));
}
