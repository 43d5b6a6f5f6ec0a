/** Bundles the element, and the skeleton creator beside it, each into one classic script: `npm run build`. */
import { copyFile, readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

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

await rm(here("dist"), { recursive: true, force: true });
const entries = { "crowd-2d-skeleton": "lib/index.js", "skeleton-creator": "lib/creator/page.js" };
for (const [name, entry] of Object.entries(entries)) {
  const outfile = here(`dist/${name}.js`);
  await build({
    entryPoints: [here(entry)],
    outfile,
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    plugins: [css],
  });
  const bytes = await readFile(outfile);
  console.log(`dist/${name}.js  ${bytes.length} B, ${gzipSync(bytes, { level: 9 }).length} B gzip`);
}
await copyFile(here("creator.html"), here("dist/creator.html"));
