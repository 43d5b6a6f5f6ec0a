/**
 * The labelling view: hosts the element, holds up to two tasks, and submits, skips and corrects answers. Work stays on
 * the page until the server has acknowledged it.
 */
/** @import {Api, ApiError, Trying} from "./api.js" */
/** @import {Content, JobPage, OwnAnswer, Task, Tasks} from "./types.js" */
/** @import {Held} from "./tasks.js" */
import { h } from "../lib/dom.js";
import { answersDialog } from "./answers.js";
import { attributesOf, imageOf } from "./attributes.js";
import { documentOf, withTimesOf } from "./correction.js";
import { bodyOf, deliver } from "./delivery.js";
import { clockTime, duration, moment, number } from "./format.js";
import { LINK_TO_GUIDE, readInstructions } from "./instructions.js";
import { takeDesk } from "./lock.js";
import { openDialog, partMessage as message } from "./parts.js";
import { HOME, jobLink } from "./route.js";
import { signInWindow } from "./signin.js";
import { askAgainIn, emptyDesk, finish, received, renewAfter } from "./tasks.js";
import { reasonOf, t } from "./texts.js";

/** Time after which the page says that a request is in progress, in milliseconds. */
const PATIENCE = 500;
/** Time for which "Saved" is shown, in milliseconds. */
const SHORTLY = 4000;
/** Time after which an image that could not be loaded gets a new link, in milliseconds. */
const IMAGE_PATIENCE = 10_000;
/** Number of such times after which an image that is still loading gets one, because the download may have stalled. */
const STALLED = 6;
/** Remaining time below which the end of the session is announced, in seconds. */
const SESSION_NOTICE = 600;
/** The server's limit for the note on a skip, in characters. */
const LONGEST_NOTE = 500;

/**
 * The functions of the page that the view needs.
 * @typedef {object} Host
 * @property {Api} api
 * @property {() => {id: string, expires: number}} person the signed-in person, and when their session ends
 * @property {() => Promise<unknown>} signIn see signedInAgain
 * @property {string} guide address of the labeller's guide
 */

/** @typedef {{page?: Promise<JobPage>, tasks?: Promise<Tasks>}} Early requests that were sent before the view was made */

/**
 * @param {Host} host
 * @param {string} job its name
 * @param {number | null} line of the own answer to correct; null to label
 * @param {Early} [early]
 * @returns {import("./parts.js").View}
 */
export function deskView(host, job, line, early) {
  const { api } = host;
  const gone = new AbortController();
  const path = `jobs/${job}`;
  let desk = emptyDesk();
  /** @type {JobPage | null} */
  let page = null;
  /** The task on the screen; `element` shows it. @type {Task | null} */
  let shown = null;
  /** @type {any} */
  let element = null;
  /** @type {{task: Task, content: Content} | null} */
  let corrected = null;
  /** Time of the answer that a correction replaces; undefined replaces the newest. @type {number | undefined} */
  let since;
  let isSending = false;
  /** Whether this window, not another one, labels the job. */
  let isHere = true;
  /** Aborts the request in progress. */
  let sending = new AbortController();
  /** Ends the pause before the next attempt. */
  let tryNow = () => {};
  /** Versions of the answer to the shown image that may have arrived. @type {Set<string>} */
  const tried = new Set();
  /** Images that are loaded while another one is labelled, by address. @type {Map<string, HTMLImageElement>} */
  const loaded = new Map();
  let lastAct = api.now();
  let renewTimer = 0;
  let statusTimer = 0;
  let imageTimer = 0;
  let sessionTimer = 0;
  /** Number of times that the image was found still loading. */
  let waits = 0;

  // -- the page around the element

  const title = h("h1.job", {});
  const counter = h("span.counter.soft", {});
  const status = h("span.saved", { role: "status" });
  const notice = h("div.notice", { role: "alert", hidden: true });
  const quiet = h("div.notice.quiet", { role: "status", hidden: true });
  /** The next image, until the element shows it. */
  const picture = h("div.picture", { hidden: true });
  const form = h("form", { noValidate: true });
  const stage = h("main", { id: "content" }, message(t.loading, ""));
  const bar = h(
    "header.bar",
    {},
    h("a.button.flat", { href: HOME, title: t.backToJobs }, h("span", { ariaHidden: "true" }, "‹ "), t.jobs),
    title,
    status,
    counter,
    h("button.flat", { type: "button", onclick: () => showAnswers() }, t.seeAnswers),
    h("button.flat", { type: "button", onclick: () => showInstructions() }, t.instructions),
  );
  const root = h("div.desk", {}, bar, h("div.work", {}, stage, quiet, notice), picture);

  /** @param {string} [text] */
  const say = (text = "") => {
    clearTimeout(statusTimer);
    status.textContent = text;
    if (text) statusTimer = setTimeout(say, SHORTLY);
  };

  /**
   * Show a notice that needs a decision. It stays until it is replaced.
   * @param {string} [heading]
   * @param {string} [text]
   * @param {...Node} actions
   */
  const tell = (heading = "", text = "", ...actions) => {
    notice.hidden = !heading;
    notice.replaceChildren(
      ...(heading ? [h("strong", {}, heading), h("p", {}, text), h("div.row", {}, ...actions)] : []),
    );
  };

  const button = (/** @type {string} */ text, /** @type {() => unknown} */ act, tag = "button") =>
    h(tag, { type: "button", onclick: act }, text);

  /** @param {string} name of an event that the element listens to @param {object} [detail] */
  const announce = (name, detail) => element?.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));

  const showInstructions = () => {
    const own = page ? readInstructions(page.instructions) : [];
    const prose = own.length
      ? h("div.prose", { lang: page?.language || t.lang }, ...own)
      : h("p", {}, t.noInstructions);
    const guide =
      !prose.querySelector(LINK_TO_GUIDE) &&
      h("a.button", { href: host.guide, target: "_blank", rel: "noopener" }, t.guide);
    openDialog(t.instructions, prose, h("div.row", {}, guide, closing()));
  };

  const closing = () =>
    button(
      t.close,
      () => /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog[open]"))?.close(),
      "button.primary",
    );

  const showAnswers = () => {
    /** @type {Promise<{answers: OwnAnswer[]}>} */
    const answers = api.keepTrying("GET", `${path}/answers`, null, background());
    answersDialog(job, answers, api.now());
  };

  // -- requests

  /**
   * Return the result of a request that was sent before this view was made. If it failed or was used, send a new one.
   * @param {keyof Early} name
   * @param {() => Promise<any>} send
   */
  const first = (name, send) => {
    const sent = early?.[name];
    if (early) early = { ...early, [name]: undefined };
    return sent ? sent.catch(send) : send();
  };

  /** @returns {Trying} options of a background request, which is repeated until the view is left */
  const background = () => ({
    signal: gone.signal,
    signIn: host.signIn,
    wait: (_, milliseconds) => pause(milliseconds, gone.signal),
  });

  /** @returns {Trying} options of a request for which the worker waits */
  const visible = () => ({
    signal: (sending = new AbortController()).signal,
    signIn: () => {
      tell();
      return host.signIn();
    },
    wait: async (error, milliseconds) => {
      const next = Date.now() + milliseconds;
      const when = h("p", {});
      const count = () => (when.textContent = t.nextTry(duration(Math.max(1, Math.ceil((next - Date.now()) / 1000)))));
      count();
      const ticking = setInterval(count, 1000);
      tell(
        t.notSaved,
        error.status === 0 ? reasonOf(error) : t.errors.busy,
        button(t.keepEditing, () => sending.abort()),
        button(t.tryNow, () => tryNow(), "button.primary"),
      );
      notice.querySelector("p")?.after(when);
      await pause(milliseconds, sending.signal, (now) => (tryNow = now));
      clearInterval(ticking);
      tell(t.saving);
    },
  });

  /**
   * Send the worker's work, and prevent edits meanwhile.
   * @param {() => Promise<unknown>} send
   * @param {(result: any) => void} accepted
   * @param {() => void} again sends it once more
   */
  const handOver = async (send, accepted, again) => {
    if (isSending) return;
    isSending = true;
    form.inert = true;
    tell();
    const slow = setTimeout(() => {
      // A dialog asks the worker to sign in again.
      if (!document.querySelector("dialog[open]")) tell(t.saving);
    }, PATIENCE);
    try {
      const result = await send();
      clearTimeout(slow);
      tell();
      announce("answer-accepted");
      accepted(result);
    } catch (error) {
      clearTimeout(slow);
      tell();
      if (!gone.signal.aborted) refused(/** @type {ApiError} */ (error), again);
    } finally {
      isSending = false;
      form.inert = false;
      if (element?.app && !document.querySelector("dialog[open]")) element.app.focus();
    }
  };

  /** @param {ApiError} error @param {() => void} send */
  const refused = (error, send) => {
    if (error.code === "gold") {
      announce("answer-failed", { problem: reasonOf(error) });
      return;
    }
    announce("answer-failed");
    if (sending.signal.aborted || error.isSignedOut) return;
    const back = h("a.button", { href: HOME }, t.backToJobs);
    const again = button(t.tryAgain, send, "button.primary");
    if (error.code === "too-late")
      tell(t.notAccepted, corrected ? t.cannotCorrect : reasonOf(error), button(t.nextImage, giveUp, "button.primary"));
    else if (error.code === "changed")
      tell(
        t.notAccepted,
        reasonOf(error),
        button(t.stopCorrecting, giveUp),
        button(t.replaceIt, () => {
          since = undefined;
          send();
        }),
      );
    else if (error.code === "closed") tell(t.notSaved, reasonOf(error), back, again);
    else if (error.status === 404) tell(t.notSaved, reasonOf(error), back);
    else
      tell(
        t.notSaved,
        reasonOf(error),
        button(t.keepEditing, () => tell()),
        again,
      );
  };

  /** Discard the work on this image. */
  const giveUp = () => {
    announce("answer-accepted", { isDiscarded: true });
    tell();
    if (corrected) location.hash = jobLink(job);
    else if (shown) next(shown.line);
  };

  /** @param {number} done the line of the image that is finished */
  const next = (done) => {
    desk = finish(desk, done);
    tried.clear();
    // The answer that is still on the screen must not be sent again.
    shown = null;
    showPicture(desk.tasks[0]);
    // Draw the image first: building the element takes several frames on a slow computer.
    requestAnimationFrame(() =>
      setTimeout(() => {
        if (!gone.signal.aborted) show();
      }),
    );
    ask();
  };

  /** Show the next image at once, in the position in which the element will show it. @param {Task | undefined} task */
  const showPicture = (task) => {
    const image = task && loaded.get(imageOf(task));
    const area = element?.app?.stage?.root.getBoundingClientRect();
    if (!image?.complete || !image.naturalWidth || !area) return;
    const { left, top } = root.getBoundingClientRect();
    picture.replaceChildren(image);
    picture.style.inset = `${area.top - top}px auto auto ${area.left - left}px`;
    picture.style.width = `${area.width}px`;
    picture.style.height = `${area.height}px`;
    picture.hidden = false;
  };

  /**
   * Record an answer that may have arrived although its request failed or was aborted.
   * @param {string} text
   * @param {Promise<any>} sent
   */
  const noteFailure = (text, sent) =>
    sent.catch((error) => {
      tried.add(text);
      throw error;
    });

  const submitAgain = () => form.requestSubmit();

  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!shown || isSending) return;
    const { line: at } = shown;
    /** @type {Content} */
    const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    const content = corrected ? withTimesOf(fields, corrected.content) : fields;
    const text = JSON.stringify(content);
    const { wait, ...others } = visible();
    /** @type {Trying} */
    const trying = {
      ...others,
      wait: (error, milliseconds) => {
        tried.add(text);
        return wait(error, milliseconds);
      },
    };
    const send = (/** @type {"POST" | "PUT"} */ method) =>
      api.keepTrying(method, `${path}/answers/${at}`, { ...bodyOf(content, host.person().id), since }, trying);
    if (corrected) {
      handOver(
        () => send("PUT"),
        () => {
          location.hash = jobLink(job);
          sessionStorage.setItem("truepoint-said", t.corrected);
        },
        submitAgain,
      );
      return;
    }
    handOver(
      () => noteFailure(text, deliver(send, text, tried)),
      (/** @type {"accepted" | "earlier"} */ how) => {
        next(at);
        desk = { ...desk, mine: { ...desk.mine, answers: desk.mine.answers + 1 } };
        say(how === "earlier" ? t.earlierCounts : t.saved(desk.mine.answers));
        count();
      },
      submitAgain,
    );
  });

  form.addEventListener("task-skip", (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!shown || isSending) return;
    const { reason, comment } = /** @type {CustomEvent} */ (event).detail;
    const note = String(comment ?? "").slice(0, LONGEST_NOTE);
    // The element first shows that a submission is in progress.
    queueMicrotask(() => skip(reason, note));
  });

  /** @param {string} reason @param {string} note */
  const skip = (reason, note) => {
    if (!shown) return;
    const { line: at } = shown;
    const body = { reason, note, person: host.person().id };
    const trying = visible();
    handOver(
      () => api.keepTrying("POST", `${path}/skips/${at}`, body, trying),
      () => {
        next(at);
        say(t.skipped);
      },
      () => skip(reason, note),
    );
  };

  // -- tasks

  const count = () => (counter.textContent = t.yourCount(desk.mine.answers));

  /** @type {Promise<void> | null} */
  let asking = null;
  let isStale = false;

  /** Take or renew tasks. A call during a request repeats the request afterwards. */
  const ask = () => {
    isStale = true;
    asking ??= (async () => {
      while (isStale && !gone.signal.aborted) {
        isStale = false;
        try {
          take(await first("tasks", () => api.keepTrying("POST", `${path}/tasks`, {}, background())));
        } catch (error) {
          problem(/** @type {ApiError} */ (error));
        }
      }
      asking = null;
    })();
    return asking;
  };

  /** @param {Tasks} answer */
  const take = (answer) => {
    if (!isHere) return;
    // Another person has signed in in another window. This page must not show their work.
    if (answer.tasks.some(({ input }) => input.worker !== host.person().id)) {
      host.signIn().then(ask, () => {});
      return;
    }
    desk = received(desk, answer, api.now());
    count();
    show();
    if (desk.isLost && !corrected) {
      tell(
        t.notAccepted,
        t.lost,
        button(t.keepWorking, () => tell()),
        button(t.nextImage, giveUp, "button.primary"),
      );
    }
    renewLater();
  };

  const renewLater = () => {
    clearTimeout(renewTimer);
    const seconds = Math.min(renewAfter(desk, api.now()), desk.tasks.length ? Infinity : askAgainIn(desk.why));
    if (seconds < Infinity) renewTimer = setTimeout(renew, seconds * 1000);
  };

  /** Renew the leases, but only if the worker was active recently: an absent worker must not reserve images. */
  const renew = () => {
    const isPresent = !document.hidden && (!desk.tasks.length || lastAct > api.now() - 900);
    if (isPresent) ask();
    else renewTimer = setTimeout(renew, 5000);
  };

  for (const name of ["pointerdown", "keydown", "wheel"]) {
    root.addEventListener(name, () => (lastAct = api.now()), { capture: true, passive: true });
    document.addEventListener(name, () => (lastAct = api.now()), { capture: true, passive: true, signal: gone.signal });
  }

  /** Show a problem that prevents the view from being shown. @param {ApiError} error */
  const problem = (error) => {
    if (gone.signal.aborted) return;
    if (error.isSignedOut) {
      if (!shown) host.signIn().then(ask, () => {});
      return;
    }
    const text = reasonOf(error);
    if (shown)
      tell(
        t.failed,
        text,
        button(
          t.tryAgain,
          () => {
            tell();
            ask();
          },
          "button.primary",
        ),
      );
    else
      stage.replaceChildren(
        message(
          t.failed,
          text,
          h("a.button", { href: HOME }, t.backToJobs),
          button(t.tryAgain, load, "button.primary"),
        ),
      );
  };

  /** Load an image before it is shown. @param {Held | undefined} task */
  const preload = (task) => {
    const src = task ? imageOf(task) : "";
    for (const address of loaded.keys())
      if (address !== src && (!shown || address !== imageOf(shown))) loaded.delete(address);
    if (!src || loaded.has(src)) return;
    const image = new Image();
    image.alt = "";
    image.src = src;
    loaded.set(src, image);
    // Decode the image now, so that it can be drawn without delay. A failure is reported when the image is shown.
    image.decode().catch(() => loaded.delete(src));
  };

  /** Show the first task, unless it is shown already. */
  const show = () => {
    if (!page || corrected || !isHere) return;
    const [task, following] = desk.tasks;
    if (!task) {
      showNothing();
      return;
    }
    if (task.line !== shown?.line) mount(task);
    else if (!element?.app?.session?.size.width && imageOf(task) !== imageOf(shown)) {
      // The image has not loaded, and this link is newer.
      shown = task;
      element?.setAttribute("imgSrc", imageOf(task));
    } else shown = task;
    preload(following);
  };

  /** @param {Task} task */
  const mount = (task) => {
    if (!page) return;
    shown = task;
    element = document.createElement("crowd-2d-skeleton");
    element.setAttribute("lang", t.lang);
    const attributes = attributesOf(page, task, corrected ? {} : t.reasons);
    // The draft of a correction belongs to the version of the answer that it corrects.
    if (corrected) attributes.labelingJob += `/answers/${task.since}`;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(
      h("div", { slot: "instructions", lang: page.language || t.lang }, ...readInstructions(page.instructions)),
    );
    form.replaceChildren(element);
    if (form.parentNode !== stage) stage.replaceChildren(form);
    clearTimeout(imageTimer);
    waits = 0;
    imageTimer = setTimeout(freshLink, IMAGE_PATIENCE);
    element.addEventListener("image-ready", () => {
      clearTimeout(imageTimer);
      picture.hidden = true;
    });
  };

  /** Get a new link if the image could not be loaded: a link is valid for one hour, and the computer may have slept. */
  const freshLink = () => {
    const app = element?.app;
    if (gone.signal.aborted || app?.session?.size.width) return;
    picture.hidden = true;
    imageTimer = setTimeout(freshLink, IMAGE_PATIENCE);
    // A new link begins a slow download anew, so it gets at most one.
    const { complete = true, naturalWidth = 0 } = app?.stage.img ?? {};
    if (document.hidden || naturalWidth || (!complete && (waits += 1) !== STALLED)) return;
    if (corrected) {
      api
        .keepTrying("GET", `${path}/answers/${line}`, null, background())
        .then(({ task }) => element?.setAttribute("imgSrc", imageOf(task)))
        .catch(() => {});
      return;
    }
    desk = { ...desk, tasks: desk.tasks.map((task) => ({ ...task, signed: 0 })) };
    ask();
  };

  const showNothing = () => {
    shown = element = null;
    picture.hidden = true;
    clearTimeout(imageTimer);
    if (!desk.isStarted || !desk.why) {
      stage.replaceChildren(message(t.loading, ""));
      return;
    }
    const [heading, text] = t.why[desk.why === "done" && !desk.mine.answers ? "nothing done" : desk.why];
    stage.replaceChildren(
      message(
        heading,
        text,
        h("a.button", { href: HOME, ".primary": true }, t.backToJobs),
        desk.mine.answers > 0 && button(t.seeAnswers, showAnswers),
      ),
    );
  };

  // -- corrections

  /** Open an own answer for correction. @param {number} at */
  const openAnswer = async (at) => {
    corrected = await api.keepTrying("GET", `${path}/answers/${at}`, null, background());
    if (!corrected || gone.signal.aborted) return;
    const { task, content } = corrected;
    since = task.since;
    quiet.hidden = false;
    quiet.replaceChildren(
      t.correcting(number(at + 1), moment(task.since, api.now())),
      h("a.button", { href: jobLink(job) }, t.stopCorrecting),
    );
    root.classList.add("correcting");
    mount(task);
    element.addEventListener(
      "image-ready",
      () => {
        const { session } = element.app;
        // If the document differs, the element has restored a draft of this correction.
        if (session.doc === session.original) session.restore(documentOf(content, session.skeleton, session.original));
      },
      { once: true },
    );
  };

  // -- begin and end

  const load = async () => {
    stage.replaceChildren(message(t.loading, ""));
    try {
      if (line === null) ask();
      page = /** @type {JobPage} */ (await first("page", () => api.keepTrying("GET", path, null, background())));
      title.textContent = page.title || page.name;
      if (line === null) show();
      else await openAnswer(line);
    } catch (error) {
      const { status: code } = /** @type {ApiError} */ (error);
      if (line !== null && code === 409)
        stage.replaceChildren(message(t.cannotCorrect, "", h("a.button.primary", { href: jobLink(job) }, t.goOn)));
      else problem(/** @type {ApiError} */ (error));
    }
  };

  /** Announce the end of the session early enough to act. */
  const watchSession = () => {
    clearTimeout(sessionTimer);
    const left = host.person().expires - api.now();
    if (left > SESSION_NOTICE) {
      if (!corrected) quiet.hidden = true;
      sessionTimer = setTimeout(watchSession, Math.min(left - SESSION_NOTICE, 3600) * 1000);
      return;
    }
    quiet.hidden = false;
    quiet.replaceChildren(t.sessionEnds(clockTime(host.person().expires)), signInWindow(t.signInAgain));
    sessionTimer = setTimeout(watchSession, 30_000);
  };

  const begin = () => {
    isHere = true;
    void load();
  };
  const stopLock =
    line === null
      ? takeDesk(job, begin, (takeOver) => {
          isHere = false;
          desk = emptyDesk();
          shown = element = null;
          tell();
          clearTimeout(renewTimer);
          stage.replaceChildren(
            message(
              t.elsewhere,
              t.elsewhereText,
              h("a.button", { href: HOME }, t.backToJobs),
              button(t.labelHere, takeOver, "button.primary"),
            ),
          );
        })
      : (begin(), () => {});
  document.addEventListener(
    "visibilitychange",
    () => !document.hidden && desk.isStarted && renewAfter(desk, api.now()) <= 30 && ask(),
    { signal: gone.signal },
  );
  addEventListener("online", () => tryNow(), { signal: gone.signal });
  watchSession();
  const said = sessionStorage.getItem("truepoint-said");
  if (said) say(said);
  sessionStorage.removeItem("truepoint-said");

  return {
    root,
    title: t.label,
    isBare: true,
    leave() {
      gone.abort();
      sending.abort();
      stopLock();
      for (const timer of [renewTimer, statusTimer, imageTimer, sessionTimer]) clearTimeout(timer);
    },
  };
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal ends the pause
 * @param {(now: () => void) => void} [give] receives a function that ends the pause
 * @returns {Promise<void>}
 */
const pause = (milliseconds, signal, give = () => {}) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    give(end);
  });
