/**
 * Bundles into one classic script each: the element, its languages, the code that it loads later, the skeleton creator,
 * and the portal's page. Also writes the labeller's guide as a web page. Run it with `npm run build`.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { labelerGuide } from "./guide.js";
import { english } from "./lib/texts.js";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** Embeds the style sheet as text in the script, so that one digest covers both. */
const css = {
  name: "css",
  setup(hooks) {
    hooks.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** @param {string} folder @returns {Promise<string>} the sources of its modules */
const sourcesIn = async (folder) => {
  const files = (await readdir(here(folder))).filter((file) => file.endsWith(".js"));
  return (await Promise.all(files.sort().map((file) => readFile(here(`${folder}/${file}`), "utf8")))).join("\n");
};
const [ofElement, ofLater] = await Promise.all(["lib", "lib/later"].map(sourcesIn));
/**
 * Pairs [name, module] that the later script imports from the element's modules. The element passes them in this
 * order.
 */
const SHARED = [
  ...new Set(
    [...ofLater.matchAll(/^import \{ (.*) \} from "\.\.\/(\w+\.js)";$/gm)].flatMap(([, names, module]) =>
      names.split(", ").map((name) => `${name} ${module}`),
    ),
  ),
].map((entry) => entry.split(" "));

const isUsed = (/** @type {string} */ name) => new RegExp(`\\b(t|english)\\.${name}\\b`).test(ofElement);
/** Names of the texts that the element uses. The later script contains all other texts. */
const SAID = Object.keys(english).filter(isUsed);
const SAID_LATER = Object.keys(english).filter((name) => !SAID.includes(name));
/** Texts have names in the sources and numbers in the bundles. This makes the element 600 B smaller. */
const NUMBERS = new Map([...SAID, ...SAID_LATER].map((name, number) => [name, number]));

/** @param {unknown} value a text or a table of texts @returns {string} its JavaScript source */
const sourceOf = (value) => {
  if (Array.isArray(value)) return `[${value.map(sourceOf)}]`;
  if (typeof value !== "object" || !value) return typeof value === "function" ? String(value) : JSON.stringify(value);
  return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${sourceOf(part)}`)}}`;
};
const sourcesOf = (/** @type {string[]} */ names) => `[${names.map((name) => sourceOf(english[name]))}]`;

const texts = {
  name: "texts",
  setup(hooks) {
    hooks.onLoad({ filter: /\/lib\/(later\/)?\w+\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!/ from "\.\.?\/texts\.js"|const english =/.test(source)) return null;
      if (/\bt\[/.test(source)) throw new Error(`${path}: expected texts by their names, got t[…]`);
      const contents = source
        .replace(/(?<=\bconst english = )\{[^]*?\n\}(?=;\n)/, () => sourcesOf(SAID))
        .replace(/\b(t|english)\.(\w+)/g, (_, table, name) => {
          if (!NUMBERS.has(name)) throw new Error(`${path}: expected the name of a text, got ${table}.${name}`);
          return `${table}[${NUMBERS.get(name)}]`;
        });
      return { contents, loader: "js" };
    });
  },
};

/** Makes the later script take modules that both need from the element instead of bundling them again. */
const shared = {
  name: "shared",
  setup(hooks) {
    hooks.onResolve({ filter: /^\.\.\/\w+\.js$/ }, ({ path }) => ({ path: path.slice(3), namespace: "shared" }));
    hooks.onLoad({ filter: /^/, namespace: "shared" }, ({ path }) => ({
      contents: `${SHARED.map(([name, module], at) => (module === path ? `export const ${name} = customElements.get("crowd-2d-skeleton").parts.shared[${at}];` : "")).join("")}`,
    }));
  },
};

await mkdir(here("dist/portal"), { recursive: true });

/**
 * Replaces a file atomically: a concurrent reader (`sam build`, a test) gets the whole old file or the whole new one.
 */
async function put(/** @type {string} */ name, /** @type {string} */ text) {
  const temporary = here(`dist/.${name.replace("/", ".")}.${process.pid}`);
  await writeFile(temporary, text);
  await rename(temporary, here(`dist/${name}`));
}

const digestOf = (/** @type {string} */ text) => `sha384-${createHash("sha384").update(text).digest("base64")}`;

/** Return the name of the folder in which publisher.py puts a file, or several files that belong together. */
const folderOf = (/** @type {string[]} */ ...texts) =>
  createHash("sha256").update(texts.join("")).digest("hex").slice(0, 16);

/**
 * Bundle one script.
 * @param {string} name of the bundle
 * @param {string} code an entry module that imports the bundle's modules
 * @param {Record<string, string>} [define] constants, such as the other scripts' digests
 * @param {import("esbuild").Plugin[]} [plugins]
 */
async function bundle(name, contents, define, plugins = []) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here("lib") },
    define,
    write: false,
    bundle: true,
    minifySyntax: true,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    plugins: [...plugins, css, texts],
  });
  // terser's output is 2 % smaller than esbuild's own.
  const { code = "" } = await minify(outputFiles[0].text, {
    ecma: 2022,
    // "unsafe" fails for replaced built-ins and for arrow functions called with `new`. These sources have neither.
    compress: { passes: 3, unsafe: true, unsafe_arrows: true },
  });
  await put(`${name}.js`, code);
  console.log(`dist/${name}.js  ${Buffer.byteLength(code)} B, ${gzipSync(code, { level: 9 }).length} B gzip`);
  return code;
}

/** @type {Record<string, [name: string, integrity: string]>} by tag in lower case */
const languages = {};
for (const file of (await readdir(here("lib/languages"))).sort()) {
  const tag = file.replace(/\.js$/, "");
  const parts = [...NUMBERS.keys()].map((name) => `texts.${name}`);
  const add = `import texts from "./languages/${file}"; customElements.get("crowd-2d-skeleton").languages["${tag}"] = [${parts}];`;
  languages[tag] = [tag, digestOf(await bundle(`crowd-2d-skeleton.${tag}`, add))];
}
const later = await bundle(
  "crowd-2d-skeleton.later",
  `
  import { laterOf } from "./later/index.js";
  import { t } from "../texts.js";
  const { languages, parts } = customElements.get("crowd-2d-skeleton");
  Object.assign(languages.en, ${sourceOf(Object.fromEntries(SAID_LATER.map((name) => [NUMBERS.get(name), english[name]])))});
  if (t[${NUMBERS.get("lang")}] === "en") Object.assign(t, languages.en);
  parts.laterOf = laterOf;
`,
  {},
  [shared],
);
const element = await bundle(
  "crowd-2d-skeleton",
  `
  import { parts } from "./scripts.js";
  ${SHARED.map(([name, module]) => `import { ${name} } from "./${module}";`).join("")}
  import "./index.js";
  parts.shared = [${SHARED.map(([name]) => name)}];
`,
  { LANGUAGES: JSON.stringify(languages), LATER: JSON.stringify(digestOf(later)) },
);
// The creator's preview loads the element from publisher.py's folder, relative to ui/creator/<digest>/.
const src = `../../${folderOf(element)}/crowd-2d-skeleton.js`;
const ELEMENT = JSON.stringify({ src, integrity: digestOf(element) });
const creator = await bundle("skeleton-creator", 'import "./creator/page.js";', { ELEMENT });

// The page contains its script's digest, so the page's own digest covers both.
const page = await readFile(here("creator.html"), "utf8");
await put("creator.html", page.replace("$integrity", digestOf(creator)));

const guide = await labelerGuide();
await put("labeler-guide.html", guide);

// The portal's page keeps its name. It refers to the other files by the digest of their content.
const portal = await bundle("portal/portal", 'import "../portal/main.js";');
const { code: style } = await transform(await readFile(here("portal/portal.css"), "utf8"), {
  loader: "css",
  minify: true,
  target: "es2022",
});
await put("portal/portal.css", style);
const names = {
  digest: folderOf(portal, style),
  integrity: digestOf(portal),
  css_integrity: digestOf(style),
  element_digest: folderOf(element),
  element_integrity: digestOf(element),
  guide_digest: folderOf(guide),
};
const index = (await readFile(here("portal/index.html"), "utf8")).replace(/\$(\w+)/g, (_, name) => {
  if (!Object.hasOwn(names, name))
    throw new Error(`portal/index.html: expected one of ${Object.keys(names)}, got ${name}`);
  return names[name];
});
await put("portal/index.html", index);
const sizes = [index, style, portal].map((text) => gzipSync(text, { level: 9 }).length);
console.log(`dist/portal/  ${sizes.reduce((sum, size) => sum + size)} B gzip`);
