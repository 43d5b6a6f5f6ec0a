/**
 * Bundles the element, and the skeleton creator beside it, each into one classic script, and writes the labeller's guide as
 * a web page: `npm run build`.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { labelerGuide } from "./guide.js";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** The style sheet travels inside the script: one file, one digest. */
const css = {
  name: "css",
  setup(hooks) {
    hooks.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

await mkdir(here("dist"), { recursive: true });

/** Puts a whole file in the place of the old one: who reads while this builds (`sam build`, a test) has the one or the other. */
async function put(/** @type {string} */ name, /** @type {string} */ text) {
  const temporary = here(`dist/.${name}.${process.pid}`);
  await writeFile(temporary, text);
  await rename(temporary, here(`dist/${name}`));
}

const digestOf = (/** @type {string} */ text) => `sha384-${createHash("sha384").update(text).digest("base64")}`;
/** What the scripts know of each other. @type {Record<string, string>} */
const define = {};

const entries = { "crowd-2d-skeleton": "lib/index.js", "skeleton-creator": "lib/creator/page.js" };
for (const [name, entry] of Object.entries(entries)) {
  const { outputFiles } = await build({
    entryPoints: [here(entry)],
    write: false,
    bundle: true,
    minifySyntax: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    plugins: [css],
    define,
  });
  // terser's output is 2 % smaller than esbuild's own.
  const { code = "" } = await minify(outputFiles[0].text, {
    ecma: 2022,
    // What is unsafe: built-ins that somebody replaced, and functions that somebody constructs. Nobody does here.
    compress: { passes: 2, hoist_funs: true, unsafe: true, unsafe_arrows: true },
  });
  await put(`${name}.js`, code);
  // The creator's preview loads the element from where publisher.py puts it, seen from ui/creator/<digest>/.
  const src = `../../${createHash("sha256").update(code).digest("hex").slice(0, 16)}/${name}.js`;
  define.ELEMENT ??= JSON.stringify({ src, integrity: digestOf(code) });
  console.log(`dist/${name}.js  ${Buffer.byteLength(code)} B, ${gzipSync(code, { level: 9 }).length} B gzip`);
}

// The page names its script's digest, so the page's own digest stands for both.
const digest = digestOf(await readFile(here("dist/skeleton-creator.js"), "utf8"));
const page = await readFile(here("creator.html"), "utf8");
await put("creator.html", page.replace("$integrity", digest));

await put("labeler-guide.html", await labelerGuide());
