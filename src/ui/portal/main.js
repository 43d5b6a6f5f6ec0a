/** The portal's page: asks who is signed in, shows the view for the address, and the header around it. */
/** @import {Me} from "./types.js" */
/** @import {View} from "./parts.js" */
import { h } from "../lib/dom.js";
import { load, save } from "../lib/prefs.js";
import { Api, ApiError } from "./api.js";
import { deskView } from "./desk.js";
import { homeView } from "./home.js";
import { leadJobView } from "./lead/job.js";
import { leadJobsView } from "./lead/jobs.js";
import { logView } from "./lead/log.js";
import { peopleView } from "./lead/people.js";
import { message, noteChange, refresh } from "./parts.js";
import { HOME, LEAD, LOG, PEOPLE, routeOf, signInLink } from "./route.js";
import { onSignedIn, signedInAgain, tellSignedIn } from "./signin.js";
import { bestLanguage, languages, reasonOf, setLanguage, t } from "./texts.js";

const LANGUAGE = "truepoint-portal-language";
/** Interval at which a lead's view is refreshed, in milliseconds. */
const REFRESH = 30_000;

const guide = /** @type {HTMLScriptElement | null} */ (document.currentScript)?.dataset.guide ?? "";
const api = new Api();
/** @type {Me | null} */
let me = null;
/** @type {View | null} */
let view = null;
/** Number of the latest load. A load that ends after a later one began is discarded. */
let turn = 0;
/** Number of views that the person has gone to. A view reloads only until the person goes to another one. */
let visits = 0;
let refreshTimer = 0;

/** @returns {Promise<Me>} */
const askMe = async () => (me = await api.call("GET", "me"));

/** Ask who is signed in during open work. `me` changes only if it is the same person. @returns {Promise<Me>} */
async function askAgain() {
  const now = await api.call("GET", "me");
  if (now.person.id === me?.person.id) me = now;
  return now;
}

const signInAgain = () => signedInAgain(askAgain, me?.person.id ?? "");

/** @param {string} href @param {string} text @param {boolean} isHere */
const link = (href, text, isHere) => h("a", { href, "aria-current": isHere ? "page" : null }, text);

/** @param {string} shown the name of the view */
function header(shown) {
  const isLead = me?.person.lead;
  const choice = h(
    "select",
    {
      "aria-label": t.languageChoice,
      onchange: (/** @type {Event} */ event) => {
        const { value } = /** @type {HTMLSelectElement} */ (event.target);
        save(LANGUAGE, value);
        chooseLanguage();
        void show();
      },
    },
    ...Object.entries(languages).map(([name, { language }]) =>
      h("option", { value: name, lang: name, selected: name === t.lang }, language),
    ),
  );
  const account =
    me &&
    h(
      "details.account",
      {},
      h("summary", {}, me.person.name || t.account),
      h(
        "div.menu",
        {},
        h("p.soft", {}, t.signedInAs(me.person.name || me.person.id)),
        choice,
        h("button", { type: "button", onclick: signOut }, t.signOut),
      ),
    );
  return h(
    "header.top",
    {},
    h("button.skip", { type: "button", onclick: () => document.querySelector("main")?.focus() }, t.skipToContent),
    h("a.brand", { href: HOME }, "Truepoint"),
    isLead &&
      h(
        "nav",
        { "aria-label": t.views },
        link(HOME, t.label, shown === "home"),
        link(LEAD, t.lead, shown === "lead" || shown === "lead-job"),
        link(PEOPLE, t.people, shown === "people"),
        link(LOG, t.log, shown === "log"),
      ),
    account || choice,
  );
}

async function signOut() {
  const { location: next } = await api.call("POST", "sign-out").catch(() => ({ location: "" }));
  location.assign(next || "/portal/index.html");
}

function chooseLanguage() {
  const { languages: wanted } = navigator;
  setLanguage(bestLanguage([String(load(LANGUAGE, "")), ...wanted]));
  document.documentElement.lang = t.lang;
}

/**
 * Show a view.
 * @param {View} next
 * @param {string} name
 * @param {boolean} [isSame] a refresh, which keeps focus and scroll position
 */
function place(next, name, isSame = false) {
  if (view && view !== next) view.leave?.();
  view = next;
  document.title = `${next.title} · Truepoint`;
  document.body.classList.toggle("bare", next.isBare === true);
  const main = document.querySelector("main");
  if (next.isBare) document.body.replaceChildren(next.root);
  else if (isSame && main) refresh(main, next.root);
  else document.body.replaceChildren(header(name), h("main", { id: "content", tabindex: -1 }, next.root));
  if (!isSame && !next.isBare)
    /** @type {HTMLElement | null} */ (document.querySelector("main h1"))?.focus({ preventScroll: true });
  // Let the element measure again how much of the window it can fill.
  dispatchEvent(new Event("resize"));
}

/** @param {string} title @param {string} text @param {...Node} actions @returns {View} */
const plain = (title, text, ...actions) => ({ title, root: message(title, text, ...actions) });

/** Return whether the last sign-in failed: the function then redirects with this query. */
const hasFailed = () => new URLSearchParams(location.search).get("signed-in") === "no";

const welcome = () =>
  plain(
    t.welcome,
    hasFailed() ? t.notSignedIn : t.welcomeText,
    h("a.button.primary", { href: signInLink(location.hash) }, t.signIn),
  );

/** @param {ApiError} error @returns {View} */
function problemView(error) {
  const again = h("button.primary", { type: "button", onclick: () => void show() }, t.tryAgain);
  return plain(t.failed, reasonOf(error), h("a.button", { href: HOME }, t.yourJobs), again);
}

/** @returns {Promise<View | null>} the view for the address, if it is one that must be loaded before it is shown */
async function loaded() {
  const own = visits;
  const reload = async () => {
    if (own === visits) await show(true);
  };
  const route = routeOf(location.hash);
  if (route.view === "home") return homeView((await askMe()).jobs);
  me ??= await askMe();
  if (route.view === "signed-in") {
    tellSignedIn();
    close();
    return plain(t.signedIn, t.signedInText, h("a.button", { href: HOME }, t.yourJobs));
  }
  /** Leads' requests: a person whose session has ended signs in, and the request goes on. @type {Pick<Api, "call" | "now">} */
  const leadApi = {
    now: () => api.now(),
    call: (method, path, body) =>
      api.keepTrying(method, path, body, { signIn: signInAgain, wait: (error) => Promise.reject(error) }),
  };
  if (route.view === "lead") return leadJobsView((await api.call("GET", "lead/jobs")).jobs);
  if (route.view === "people") return peopleView(leadApi, (await api.call("GET", "lead/people")).people, reload);
  if (route.view === "log") {
    const [{ entries }, { people }] = await Promise.all([api.call("GET", "lead/log"), api.call("GET", "lead/people")]);
    return logView(entries, people);
  }
  if (route.view !== "lead-job") return null;
  const path = `lead/jobs/${route.job}`;
  const [job, { people }, results] = await Promise.all([
    api.call("GET", path),
    api.call("GET", "lead/people"),
    api.call("GET", `${path}/results`),
  ]);
  return leadJobView(leadApi, job, people, results, reload);
}

/**
 * Show the view for the address.
 * @param {boolean} [isSame] refresh the current view
 * @param {boolean} [canWait] refresh it later if the person uses it when its newer version arrives, or if that does not
 *   arrive
 */
async function show(isSame = false, canWait = false) {
  if (!isSame) visits += 1;
  const own = (turn += 1);
  clearTimeout(refreshTimer);
  const route = routeOf(location.hash);
  try {
    if (route.view === "job" || route.view === "answer") {
      // Send all requests at once, so that the first image does not wait for the question who is signed in.
      const early =
        me || route.view === "answer"
          ? undefined
          : {
              page: api.call("GET", `jobs/${route.job}`),
              tasks: api.call("POST", `jobs/${route.job}/tasks`),
            };
      for (const request of Object.values(early ?? {})) request.catch(() => {});
      me ??= await askMe();
      if (own !== turn) return;
      const host = {
        api,
        guide,
        person: () => ({ id: me?.person.id ?? "", expires: me?.expires ?? 0 }),
        signIn: signInAgain,
      };
      place(deskView(host, route.job, route.view === "answer" ? route.line : null, early), route.view);
      return;
    }
    if (!view || view.isBare) place(plain(t.loading, ""), route.view);
    else if (!isSame) document.querySelector("main")?.setAttribute("aria-busy", "true");
    const next = await loaded();
    if (own !== turn || !next) return;
    if (!canWait || !isInUse()) place(next, route.view, isSame);
    if (route.view === "lead" || route.view === "lead-job") refreshLater();
  } catch (caught) {
    if (own !== turn) return;
    const error = caught instanceof ApiError ? caught : new ApiError(-1, "page", String(caught));
    if (canWait && error.isTransient) {
      refreshLater();
      return;
    }
    if (!error.isSignedOut) place(problemView(error), route.view);
    else {
      me = null;
      place(welcome(), route.view);
    }
    if (error.status === -1) reportError(caught);
  }
}

/** An open dialog or menu, an action under way, or a field in which the person types. */
const IN_USE = "dialog[open], details[open], main [aria-busy=true], input:not([type=checkbox], [type=radio]):focus";

/** Return whether the page is hidden, in use, or has selected text. A lead's view is not refreshed meanwhile. */
const isInUse = () =>
  document.hidden || document.querySelector(IN_USE) !== null || getSelection()?.isCollapsed === false;

function refreshLater() {
  refreshTimer = setTimeout(() => (isInUse() ? refreshLater() : void show(true, true)), REFRESH);
}

chooseLanguage();
addEventListener("hashchange", () => void show());
addEventListener("input", noteChange);
onSignedIn(() => {
  if (view?.isBare) void askAgain().catch(() => {});
  else if (!me) void show();
}, new AbortController().signal);
void show();
