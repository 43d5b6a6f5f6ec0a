/** <crowd-2d-skeleton>: attributes in, an app in the shadow root. Attributes may come late and change. */
import { appOf } from "./app.js";
import { request, urlOf } from "./image.js";
import { shown } from "./json.js";
import { withoutSignature } from "./prelabels.js";
import { loadLanguage, parts } from "./scripts.js";
import css from "./styles.css";
import { languages, setLanguage } from "./texts.js";

/** Names as authors write them; HTML makes them lower case. */
const ATTRIBUTES = [
  "imgSrc",
  "imageS3Uri",
  "keypointClasses",
  "skeletonRig",
  "skeletonBoundingBox",
  "initialValues",
  "uniqueSkeletonColors",
  "initialValuesSrc",
  "annotationIssues",
  "taskError",
  "labelingJob",
  "worker",
  "skipReasons",
  "imageSize",
  "maxAnswerBytes",
  "checkBelow",
  "offerBelow",
];

/** Shared by all elements of a page. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

export class Crowd2dSkeleton extends HTMLElement {
  static observedAttributes = [...ATTRIBUTES.map((name) => name.toLowerCase()), "lang"];
  /** Texts by language: the scripts of languages add theirs. */
  static languages = languages;
  /** What the later script adds itself to. */
  static parts = parts;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    /** @type {ReturnType<typeof appOf> | null} */
    this.app = null;
    /** @type {import("./app.js").Work | null} of the app that left with the element */
    this.work = null;
    this.waiting = false;
  }

  connectedCallback() {
    if (this.app) this.app.attach();
    else this.start();
    this.place();
    addEventListener("resize", this.place);
  }

  disconnectedCallback() {
    removeEventListener("resize", this.place);
    // A page that moves the element takes it out and puts it in at once: the work in hand goes with it.
    queueMicrotask(() => {
      if (this.isConnected || !this.app) return;
      this.leave();
    });
  }

  /** End the app. It may come back later: document, undo and times go on then. */
  leave() {
    this.work = this.app?.work() ?? null;
    this.app?.destroy();
    this.app = null;
  }

  /** Build the app, in the language of this part of the page: at once unless the language must be loaded. */
  start() {
    const { lang: tag = "" } = /** @type {HTMLElement} */ (this.closest("[lang]")) ?? {};
    const begin = () => {
      if (this.app || !this.isConnected) return;
      setLanguage(tag);
      this.build(this.work);
      this.wake();
    };
    const loaded = loadLanguage(tag);
    if (!loaded) begin();
    else {
      loaded.then(begin);
      // The image does not wait for the language.
      request(urlOf(this.getAttribute("imgSrc")));
    }
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (name === "lang") {
      if (!this.app || before === after) return;
      this.leave();
      this.start();
      return;
    }
    if (before === after || (name === "initialvaluessrc" && withoutSignature(before) === withoutSignature(after)))
      return;
    // A new address of the same image (a signature renewed) keeps the work.
    const isRenewed = name === "imgsrc" && this.hasAttribute("imageS3Uri");
    if (!isRenewed) this.work = null;
    if (!this.app) return;
    if (isRenewed) this.app.loadImage();
    else if (!this.waiting) {
      this.waiting = true;
      queueMicrotask(() => {
        this.waiting = false;
        if (!this.isConnected) return;
        this.build();
        this.wake();
      });
    }
  }

  /** @param {import("./app.js").Work | null} [work] */
  build(work) {
    this.app?.destroy();
    this.app = appOf(this, /** @type {ShadowRoot} */ (this.shadowRoot), work);
    this.work = null;
  }

  /** Keys work at once, unless the page has given them to someone else. */
  wake() {
    if ([null, document.body].includes(/** @type {HTMLElement | null} */ (document.activeElement))) this.app?.focus();
  }

  /** Fills the window below whatever the page has above the element, so that the page itself never scrolls. */
  place = () => {
    const { top, height } = this.getBoundingClientRect();
    // CSS transform and zoom of what surrounds the element change the size of its pixels.
    const magnified = height / this.offsetHeight || 1;
    const below = parseFloat(getComputedStyle(document.body).marginBottom) || 0;
    const room = innerHeight - top - scrollY - below;
    this.style.setProperty("--room", `${Math.floor((room >= innerHeight / 2 ? room : innerHeight) / magnified)}px`);
  };
}

for (const name of ATTRIBUTES) {
  Object.defineProperty(Crowd2dSkeleton.prototype, name, {
    configurable: true,
    /** @this {HTMLElement} */
    get() {
      return this.getAttribute(name) ?? "";
    },
    /** @this {HTMLElement} @param {unknown} value a framework may hand over a list instead of its text */
    set(value) {
      if ((value ?? null) === null) this.removeAttribute(name);
      else this.setAttribute(name, shown(value));
    },
  });
}
