/**
 * Sanitises instructions, which are the operator's HTML: only harmless elements are copied; others leave only their
 * text.
 */
import { h } from "../lib/dom.js";

const ELEMENTS = new Set([
  "a",
  "b",
  "blockquote",
  "br",
  "code",
  "dd",
  "del",
  "details",
  "div",
  "dl",
  "dt",
  "em",
  "figcaption",
  "figure",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "hr",
  "i",
  "img",
  "ins",
  "kbd",
  "li",
  "mark",
  "ol",
  "p",
  "pre",
  "s",
  "section",
  "small",
  "span",
  "strong",
  "sub",
  "summary",
  "sup",
  "table",
  "tbody",
  "td",
  "th",
  "thead",
  "tr",
  "u",
  "ul",
]);
/** Elements whose text is not meant for people. It is dropped. */
const SILENT = new Set(["script", "style", "template", "noscript", "iframe", "object", "title", "head"]);

/** @param {string | null} text @returns {string} an https address, or "" */
function safeLink(text) {
  try {
    const url = new URL(text ?? "");
    return url.protocol === "https:" ? url.href : "";
  } catch {
    return "";
  }
}

/** A link that `linkTarget` led to the labeller's guide. */
export const LINK_TO_GUIDE = "a[href^='/ui/guide/']";
const GUIDE = /^\/ui\/guide\/[\w-]+\/labeler-guide\.html$/;

/**
 * Return the address of a link. The labeller's guide is beside this page, also if the job's template names another
 * domain of the distribution, or one that a laptop cannot reach.
 * @param {string | null} text @returns {string} an https address, the path of the guide, or ""
 */
export function linkTarget(text) {
  const link = safeLink(text);
  const path = link && new URL(link).pathname;
  return GUIDE.test(path) ? path : link;
}

/** @param {Node} node @returns {(Node | string)[]} */
function copy(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node.textContent ?? ""];
  if (!(node instanceof Element) || SILENT.has(node.localName)) return [];
  const children = [...node.childNodes].flatMap(copy);
  if (!ELEMENTS.has(node.localName)) return children;
  if (node.localName === "a") {
    const href = linkTarget(node.getAttribute("href"));
    // Links open a new tab: leaving the page would interrupt the worker's task.
    return href ? [h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children)] : children;
  }
  if (node.localName === "img") {
    const src = safeLink(node.getAttribute("src"));
    return src
      ? [h("img", { src, alt: node.getAttribute("alt") ?? "", loading: "lazy", referrerPolicy: "no-referrer" })]
      : [];
  }
  return [h(node.localName, {}, ...children)];
}

/** @param {string} html @returns {(Node | string)[]} */
export const readInstructions = (html) =>
  [...new DOMParser().parseFromString(html, "text/html").body.childNodes].flatMap(copy);
