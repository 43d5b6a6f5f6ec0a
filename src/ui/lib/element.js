/** <crowd-2d-skeleton> shows an app in its shadow root. Its attributes may be set late and may change. */
import { appOf } from "./app.js";
import { request, urlOf } from "./image.js";
import { shown } from "./json.js";
import { withoutSignature } from "./prelabels.js";
import { loadLanguage, parts } from "./scripts.js";
import css from "./styles.css";
import { languages, setLanguage } from "./texts.js";

/** Attribute names as authors write them. HTML converts them to lower case. */
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
  "expectedSize",
  "maxAnswerBytes",
  "checkBelow",
  "offerBelow",
];

/** Attributes, in lower case, that change neither the task nor its labels. */
const ASIDE = ["taskerror", "skipreasons", "maxanswerbytes", "checkbelow"];

/** The style sheet, which all elements of a page share. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

export class Crowd2dSkeleton extends HTMLElement {
  static observedAttributes = [...ATTRIBUTES.map((name) => name.toLowerCase()), "lang"];
  /** Texts by language. Each language's script adds its own. */
  static languages = languages;
  /** The object to which the later script adds its functions. */
  static parts = parts;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    /** @type {ReturnType<typeof appOf> | null} */
    this.app = null;
    /** @type {import("./app.js").Work | null} the state of the last app, kept while the element is not on the page */
    this.work = null;
    this.waiting = false;
    /** Whether an attribute has changed the task since the app was built. */
    this.isOther = false;
  }

  connectedCallback() {
    // The size comes first, so that the parts are laid out once. The page around the element may change later.
    this.place();
    addEventListener("resize", this.place);
    this.around.observe(document.body);
    if (this.app) this.app.attach();
    else this.start();
  }

  disconnectedCallback() {
    removeEventListener("resize", this.place);
    this.around.disconnect();
    // A page that moves the element removes and inserts it in one task. In that case the app stays.
    queueMicrotask(() => {
      if (this.isConnected || !this.app) return;
      this.leave();
    });
  }

  /** End the app, but keep its document, undo steps and times for the case that the element returns. */
  leave() {
    this.work = (!this.isOther && this.app?.work()) || null;
    this.app?.destroy();
    this.app = null;
  }

  /** Build the app in the language of this part of the page. If that language must be loaded, build it afterwards. */
  start() {
    const { lang: tag = "" } = /** @type {HTMLElement} */ (this.closest("[lang]")) ?? {};
    const begin = () => {
      if (this.app || !this.isConnected) return;
      setLanguage(tag);
      this.build(this.work);
      this.wake();
    };
    const loaded = loadLanguage(tag);
    if (loaded) loaded.then(begin);
    else begin();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    // Request the image now, before the app is built and its language is loaded.
    if (name === "imgsrc") request(urlOf(after));
    if (name === "lang") {
      if (!this.app) return;
      this.leave();
      this.start();
      return;
    }
    if (name === "initialvaluessrc" && withoutSignature(before) === withoutSignature(after)) return;
    // A new address of the same image (a renewed signature) keeps the work.
    const isRenewed = name === "imgsrc" && this.hasAttribute("imageS3Uri");
    const isOther = !isRenewed && !ASIDE.includes(name);
    if (isOther) this.work = null;
    if (!this.app) return;
    this.isOther ||= isOther;
    if (isRenewed) this.app.loadImage();
    else if (!this.waiting) {
      this.waiting = true;
      queueMicrotask(() => {
        this.waiting = false;
        if (!this.isConnected) return;
        this.build(this.isOther ? null : this.app?.work());
        this.wake();
      });
    }
  }

  /** @param {import("./app.js").Work | null} [work] */
  build(work) {
    this.app?.destroy();
    this.app = appOf(this, /** @type {ShadowRoot} */ (this.shadowRoot), work);
    this.work = null;
    this.isOther = false;
  }

  /** Take the keyboard focus, unless the page has focused another element. */
  wake() {
    if ([null, document.body].includes(/** @type {HTMLElement | null} */ (document.activeElement))) this.app?.focus();
  }

  /** Make the element fill the window below the page's own content, so that the page does not scroll. */
  place = () => {
    const { top, height } = this.getBoundingClientRect();
    // CSS transform and zoom of the element's ancestors change the size of its pixels.
    const magnified = height / this.offsetHeight || 1;
    const below = parseFloat(getComputedStyle(document.body).marginBottom) || 0;
    const room = innerHeight - top - scrollY - below;
    this.style.setProperty("--room", `${Math.floor((room >= innerHeight / 2 ? room : innerHeight) / magnified)}px`);
  };

  /** Watches the page. A new size set within the observer's call would be reported as an error. */
  around = new ResizeObserver(() => requestAnimationFrame(this.place));
}

for (const name of ATTRIBUTES) {
  Object.defineProperty(Crowd2dSkeleton.prototype, name, {
    configurable: true,
    /** @this {HTMLElement} */
    get() {
      return this.getAttribute(name) ?? "";
    },
    /** @this {HTMLElement} @param {unknown} value a text, or an object or list, as some frameworks pass it */
    set(value) {
      if ((value ?? null) === null) this.removeAttribute(name);
      else this.setAttribute(name, shown(value));
    },
  });
}
