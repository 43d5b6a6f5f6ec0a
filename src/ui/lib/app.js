/**
 * The app connects session, stage, panel and toolbar for one image. The element creates a new app when the task
 * changes.
 */
import { answerFields, bytesOf, imageUri, sentBytes } from "./answer.js";
import { autosave } from "./autosave.js";
import { chip, nextLabel, wordsOf } from "./chip.js";
import { Clock } from "./clock.js";
import { readUniqueColors } from "./colors.js";
import { commandsOf } from "./commands.js";
import { dialog, questions } from "./dialogs.js";
import { docOf, findInstance, isPlaced, labelOf, memo, nameOf, pendingOf, same, stateOf } from "./document.js";
import { h, put, update } from "./dom.js";
import { draftKey, fileOf, loadDrafts, placedIn } from "./drafts.js";
import { answerForm } from "./form.js";
import { boundsOf, boxOf } from "./geometry.js";
import { listenToPointers } from "./gestures.js";
import { onKey } from "./keyboard.js";
import { panel } from "./panel.js";
import { pixelsOf, urlOf } from "./image.js";
import { isRecord, readAttribute } from "./json.js";
import { loadPrefs, PREVIOUS, save, savePrefs } from "./prefs.js";
import { fetchPrelabels, readPrelabels, withoutSignature } from "./prelabels.js";
import { Session } from "./session.js";
import { loadLater, parts, PATIENCE } from "./scripts.js";
import { readSkeleton } from "./skeleton.js";
import { titleOf } from "./shortcuts.js";
import { stageOf } from "./stage.js";
import { english, t } from "./texts.js";
import { toolbar } from "./toolbar.js";

/** Share of the host's size limit above which the panel warns about the answer's size. */
const NEARLY = 0.8;
/** Time after which the element requests its later script even if the image has not loaded, in milliseconds. */
const LATEST = 2000;
/** Debounce of screen-reader announcements, in milliseconds: a held key announces only its last command. */
const SPEECH_PAUSE = 150;

/**
 * Default score below which a worker is asked to check a pre-labelled keypoint. Most pre-labelled keypoints of people
 * with a lower score are wrong.
 */
const CHECK_BELOW = 0.3;

/**
 * The element that receives keyboard shortcuts while the focus is outside all elements of this kind.
 * @type {HTMLElement | null}
 */
let current = null;

/** @typedef {ReturnType<typeof loadPrefs> & import("./stage.js").Look} Prefs */

/**
 * @typedef {object} Work the state that is kept while the element is temporarily removed from the page
 * @property {Session} session
 * @property {Clock} clock
 * @property {import("./prelabels.js").Prelabels} prelabels
 * @property {import("./autosave.js").Own} own
 * @property {Promise<import("./drafts.js").Draft[]>} stored drafts that were neither taken nor declined
 */

/**
 * @typedef {object} App the interface that its parts use
 * @property {Session} session
 * @property {import("./stage.js").Stage} stage
 * @property {Prefs} prefs
 * @property {ReturnType<typeof listenToPointers>} gestures
 * @property {(id: string) => void} run a command
 * @property {(act: () => void, now?: boolean) => void} after run a function after the gesture in progress, or now
 * @property {() => void} savePrefs
 * @property {(id: string, index: number) => void} focusPoint
 * @property {() => void} focusInstance
 * @property {() => void} submit
 * @property {(nothing: boolean) => void} tick set or clear "no changes needed" or "nothing to label"
 * @property {() => boolean} isSending
 * @property {boolean} canSkip whether the host lets workers skip images
 * @property {() => unknown} skip ask for the reason to skip this image
 * @property {() => void} copyPrevious the previous image's instances
 * @property {(isTyped: unknown) => boolean} close close the field, panel or dialog on top; return whether there was one
 * @property {() => void} help show the shortcuts and instructions
 * @property {() => unknown} confirm that the selected keypoint is right, and go to the next one to check
 * @property {(index: number) => boolean} take place a keypoint at its offered position; return whether it has one
 * @property {() => void} light show brightness and contrast
 */

/**
 * @param {HTMLElement} element
 * @param {ShadowRoot} shadow
 * @param {Work | null} [work] of the previous app of this task
 */
export function appOf(element, shadow, work) {
  const get = (/** @type {string} */ name) => element.getAttribute(name);
  const sourceOf = () => urlOf(get("imgSrc"));
  const skeleton = readSkeleton(get);
  const labelsSrc = () => get("initialValuesSrc");
  const offerBelow = Number(get("offerBelow"));
  /** Null until the pre-labels are fetched. @type {import("./prelabels.js").Prelabels | null} */
  let prelabels =
    work?.prelabels ??
    (labelsSrc() ? null : readPrelabels(get("initialValues"), get("annotationIssues"), skeleton, offerBelow));
  if (work) work.session.skeleton = skeleton;
  const session =
    work?.session ?? new Session(skeleton, prelabels?.instances, readUniqueColors(get("uniqueSkeletonColors")));
  const clock = work?.clock ?? new Clock();
  const removed = new AbortController();
  const { signal } = removed;
  const uri = imageUri(get);
  const image = uri === "data:" ? (get("imgSrc") ?? "") : get("imageS3Uri") || fileOf(get("imgSrc"));
  const owner = [get("labelingJob"), get("worker"), get("keypointClasses")];
  const series = () => draftKey(owner);
  const task = draftKey([...owner, image, get("initialValues"), withoutSignature(labelsSrc())]);
  const saving = autosave(
    session,
    clock,
    task,
    () => {
      sizeNotice = tooLarge();
      update(board.root);
      later?.refresh();
    },
    () => update(board.root),
    signal,
    work?.own,
  );
  /** @type {Promise<import("./drafts.js").Draft[]>} */
  const stored = work?.stored ?? loadDrafts(task, skeleton);
  /** @type {Prefs} */
  const prefs = { ...loadPrefs(), brightness: 100, contrast: 100 };
  const stage = stageOf(session, prefs);
  const { view, img } = stage;
  img.src = sourceOf();
  /** @param {string} name of an attribute @returns {import("./types.js").Size | null} */
  const sizeIn = (name) => readAttribute(get, name, (value) => value?.width > 0 && value.height > 0, skeleton.problems);
  /** Size of the original image, to which coordinates refer, if a smaller copy is shown. */
  const stated = sizeIn("imageSize");
  /** Size of the image in the pre-labels and results, if the host states it. */
  const expected = sizeIn("expectedSize");
  /** Size to which coordinates refer, once the image is shown. @type {import("./types.js").Size | null} */
  let measured = null;
  /** The problem with the image or the pre-labels; "" for none. @type {keyof typeof english.problems | ""} */
  let problem = "";
  let toastTimer = 0;
  let speechTimer = 0;
  /** The message that a screen reader will announce next. */
  let said = "";
  /** The document without labels that the worker confirmed. @type {import("./types.js").Doc | null} */
  let confirmed = null;
  /** Whether the element, not the form, started the submission in progress. */
  let isOurs = false;
  /** Whether the panel is open. In a small window it then covers the image. */
  let isOpen = false;

  const refresh = () => {
    for (const node of [head, waiting, note]) update(node);
    board.refresh();
    stage.setTag(nextLabel(session));
    stage.touch();
  };

  /** Show a short message on the image, and announce it to screen readers. @param {string} text */
  const say = (text) => {
    toast.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => (toast.textContent = ""), 2600);
    speak(text);
  };

  /** @returns {string} the selected keypoint, its state and position, and how many keypoints remain */
  const situation = () => {
    const { instance, selected, point, tool, size, doc } = session;
    if (!size.width) return "";
    if (tool !== "place") return wordsOf(session).join(": ");
    if (!instance)
      return session.next < 0 ? wordsOf(session).join(": ") : t.left(skeleton.keypoints.length, nextLabel(session));
    const where = isPlaced(point) ? ` ${t.at(Math.round(point.x), Math.round(point.y))}` : "";
    return [
      nameOf(doc, instance.id),
      selected < 0
        ? t.noneSelected
        : `${labelOf(skeleton, selected)}: ${[stateOf(point), session.doubt(instance, selected)].filter(Boolean).join(", ")}${where}`,
      instance.locked ? t.locked : t.left(pendingOf(instance).length, labelOf(skeleton, session.target)),
    ].join(". ");
  };

  /** Announce to a screen reader what happened, and the resulting situation. @param {string} [text] */
  const speak = (text = said) => {
    said = text;
    clearTimeout(speechTimer);
    // A screen reader announces the same text again only if the live region was empty in between.
    live.textContent = "";
    speechTimer = setTimeout(() => {
      live.textContent = [said.replace(/\.$/, ""), situation()].filter(Boolean).join(". ");
      said = "";
    }, SPEECH_PAUSE);
  };

  const focus = () => stage.root.focus({ preventScroll: true });

  const openPanel = (/** @type {boolean} */ open) => {
    isOpen = open;
    put(root, ".open", isOpen);
    update(head);
  };

  /** @param {string} id @param {number} index */
  const focusPoint = (id, index) => {
    session.select(id, index);
    const { point } = session;
    if (isPlaced(point)) view.focusOn(boxOf(point, point));
  };

  /** Zoom to the active instance, or to the whole image if there is none. */
  const focusInstance = () => {
    const box = session.instance && boundsOf(session.instance, true);
    if (box) view.focusOn(box);
    else view.fit();
  };

  /** Select and show the keypoint or instance of a finding. @param {import("./later/checks.js").Finding} finding */
  const jump = ({ id, indexes }) => {
    const points = findInstance(session.doc, id)?.points;
    if (!points) return;
    session.hidden.delete(id);
    focusPoint(id, indexes.find((index) => isPlaced(points[index])) ?? indexes[0] ?? -1);
    if (!isPlaced(session.point)) focusInstance();
    openPanel(false);
    focus();
  };

  /** Show a problem that makes labelling impossible. @param {keyof typeof english.problems} why */
  const fail = (why) => {
    gestures.abort();
    problem = why;
    refresh();
    say(t.problems[why]);
    askForLater();
  };

  let fetching = false;

  /** @param {boolean} [again] false for the first load, which has already been requested */
  const loadImage = (again = true) => {
    const src = sourceOf();
    gestures.finish();
    problem = "";
    measured = null;
    // Until the image is shown again, even from a renewed address, nothing can be placed on it.
    session.size = { width: 0, height: 0 };
    clock.pause();
    refresh();
    if (!src) fail("noImage");
    else if (again) {
      // WebKit does not request the image again while its address stays the same.
      img.removeAttribute("src");
      img.src = src;
    }
    if (prelabels || fetching || !src) return;
    fetching = true;
    fetchPrelabels(labelsSrc() ?? "", skeleton, offerBelow, signal).then(
      (fetched) => {
        prelabels = fetched;
        session.start(fetched.instances);
        begin();
      },
      () => {
        fetching = false;
        if (!signal.aborted) fail("noLabels");
      },
    );
  };

  img.onerror = () => fail("image");
  img.onload = async () => {
    const { naturalWidth, naturalHeight, src } = img;
    const given = stated ?? expected;
    // Sides are whole pixels: rounding may change each by up to one.
    const isInProportion =
      given &&
      Math.abs(naturalWidth * given.height - naturalHeight * given.width) <= Math.max(given.width, given.height);
    const pixels = isInProportion ? given : await pixelsOf(img);
    const size = { width: pixels.width, height: pixels.height };
    // Meanwhile another image was requested.
    if (src !== img.src) return;
    stage.isPartial = "isPartial" in pixels;
    const isOther = stated ? !isInProportion : session.kept !== session.original && !same(saving.own.size, size);
    measured = isOther ? null : size;
    if (!naturalWidth) fail("size");
    else if (!measured) fail("otherSize");
    else begin();
  };

  /** Let the worker begin once the image, the pre-labels and the drafts have loaded. */
  const begin = async () => {
    const drafts = await stored;
    if (!prelabels || !measured || problem || signal.aborted) {
      refresh();
      return;
    }
    session.size = saving.own.size = measured;
    if (!document.hidden) clock.run();
    stage.ready();
    offer(drafts);
    refresh();
    saving.checkLater();
    element.dispatchEvent(new CustomEvent("image-ready", { detail: measured }));
    askForLater();
  };

  /**
   * Restore a draft. If the host names the worker, a single unsent draft is restored at once. Otherwise the worker is
   * asked. Drafts that were neither taken nor declined are offered again after the image or the app was loaded again.
   * @param {import("./drafts.js").Draft[]} stored
   */
  const offer = (stored) => {
    // Positions in an image that was replaced meanwhile are not those in this one.
    const drafts = stored.filter(({ size }) => !size || same(size, measured));
    const [draft, ...others] = drafts;
    const isKnown = Boolean(get("worker"));
    const take = (/** @type {import("./drafts.js").Draft} */ draft) => {
      if (!session.ready) return;
      stored.length = 0;
      saving.take(draft);
      say(t.draftBack(timeOf(draft)));
      focus();
    };
    if (!draft || session.kept !== session.original) return;
    if (isKnown && !others.length && !draft.sent) take(draft);
    else {
      /** @type {[string, () => void][]} */
      const choices = drafts.map((one) => [
        others.length ? t.continueWith(draftText(one)) : isKnown ? t.continue : t.yesContinue,
        () => take(one),
      ]);
      ask(
        isKnown ? t.unfinished : t.yours,
        t.draftHere(others.length ? "" : draftText(draft)),
        [
          isKnown ? t.startWithout : t.noStartWithout,
          () => {
            stored.length = 0;
            focus();
          },
        ],
        ...choices.reverse(),
      );
    }
  };

  /** Set or clear "nothing to label" or "no changes needed". @param {boolean} nothing */
  const tick = (nothing) => {
    if (nothing && session.isCorrected) say(t.corrected);
    else if (!nothing || session.original.instances.length || !session.isLabelled) session.setNoChanges(nothing);
    else {
      ask(
        t.nothingTitle,
        t.nothingText,
        [t.keepLabels, focus],
        [
          t.deleteLabels,
          () => {
            session.setNothing();
            focus();
          },
        ],
      );
    }
    refresh();
  };

  const answer = () =>
    answerFields({
      // Without the image, nobody could check the labels.
      doc: problem ? docOf([]) : session.doc,
      skeleton,
      attributes: get,
      original: prelabels?.text() ?? "",
      totalSeconds: problem ? 0 : clock.totalSeconds(),
      details: {
        image_width: session.size.width,
        image_height: session.size.height,
        ...clock.details(),
        ...later?.details(),
        comment: session.doc.comment || undefined,
        // Leads read this text. It is always in English.
        problem: problem ? english.problems[problem] : undefined,
      },
    });

  /** Return the answer for submission. Its draft stays until the host confirms that the answer arrived. */
  const handOver = () => {
    clock.tick();
    saving.send();
    if (problem) return answer();
    if (later) later.keepPrevious({ task: series(), image, size: session.size }, session.doc);
    // Otherwise the next image would copy an older one's labels as those of the previous image.
    else save(PREVIOUS, null, "sessionStorage");
    return answer();
  };

  /** @returns {boolean} whether the worker must do or answer something before the answer can be submitted */
  const asks = () => {
    gestures.finish();
    if (problem) return false;
    if (!session.size.width) say(t.notReady);
    else if (!session.isLabelled && !session.doc.noChanges && confirmed !== session.doc) {
      ask(
        t.emptyTitle,
        t.emptyText,
        [t.keepLabelling, focus],
        [
          t.submitEmpty,
          () => {
            if (!session.original.instances.length) session.setNothing();
            confirmed = session.doc;
            submit();
          },
        ],
      );
    } else if (isLoading) {
      isWaiting = true;
      whenSettled(() => {
        isWaiting = false;
        refresh();
        if (!problem) submit();
      });
      refresh();
    } else return Boolean(later?.ask());
    return true;
  };

  /**
   * Run a part of a submission. If it fails, nothing is sent, and the worker is told.
   * @template T
   * @param {() => T} act
   * @returns {T | null}
   */
  const attempt = (act) => {
    try {
      return act();
    } catch (error) {
      saving.settle();
      say(t.notSent);
      reportError(error);
      return null;
    }
  };

  const send = () => {
    isOurs = true;
    const reason = attempt(() => form.submit(handOver));
    if (reason) say(reason);
    isOurs = false;
  };

  /** @returns {boolean} whether another submission is in flight. Only the worker can decide to send again. */
  const waits = () => {
    if (!isWaiting && !saving.isInFlight) return false;
    if (app.isSending()) say(t.onItsWay);
    else {
      ask(
        t.againTitle,
        t.againText,
        [t.wait, focus],
        [
          t.sendAgain,
          () => {
            saving.settle();
            submit();
          },
        ],
      );
    }
    return true;
  };

  const submit = () => {
    if (!waits() && !asks()) send();
  };

  const form = answerForm(element, () => attempt(() => ((!isOurs && waits()) || asks() ? null : handOver())), send);

  /** Hand the image back without an answer. @param {string} reason */
  const skip = (reason) => {
    skipping.close();
    clock.tick();
    const detail = { reason, comment: session.doc.comment, total_time_in_seconds: Math.round(clock.totalSeconds()) };
    saving.send();
    // A host that handles the skip cancels this event. It reports success or failure as it does for an answer.
    if (
      element.dispatchEvent(new CustomEvent("task-skip", { detail, bubbles: true, composed: true, cancelable: true }))
    ) {
      saving.settle();
      say(t.cannotSkip);
    }
  };

  /**
   * The later script's parts (checks, help, brightness, the previous image), once they have loaded.
   * @type {ReturnType<NonNullable<typeof parts.laterOf>> | undefined}
   */
  let later;
  /** True until the later script has loaded or the element has stopped waiting for it. */
  let isLoading = true;
  /** The help dialog that is used without the later script. @type {HTMLDialogElement | undefined} */
  let instructions;
  /** Whether a submission waits for the later script. */
  let isWaiting = false;
  /** @type {(() => void)[]} */
  const postponed = [];
  const whenSettled = (/** @type {() => void} */ act) => (isLoading ? postponed.push(act) : act());
  /** Stop waiting for the later script, loaded or not. If it loads after that, it is still used. */
  const settle = () => {
    if (signal.aborted || later) return;
    isLoading = false;
    if (parts.laterOf) {
      instructions?.remove();
      later = parts.laterOf(app, jump, send, root, Number(get("checkBelow") || CHECK_BELOW), task, clock);
      board.root.lastElementChild?.before(later.root);
      later.refresh();
    }
    refresh();
    for (const act of postponed.splice(0)) act();
  };
  const askForLater = () => void loadLater().then(settle, settle);

  const gestures = listenToPointers(stage, signal, (action) => clock.act(action));
  const { root: question, ask } = questions();
  /** @type {Record<string, string>} */
  const skipReasons =
    readAttribute(
      get,
      "skipReasons",
      (value) => isRecord(value) && Object.values(value).every((text) => typeof text === "string"),
      skeleton.problems,
    ) ?? {};
  const skipping = dialog(
    "review",
    t.skipTitle,
    h("p", {}, t.skipText),
    h(
      "div.asked",
      {},
      ...Object.entries(skipReasons).map(([reason, text]) => h("button", { onclick: () => skip(reason) }, text)),
    ),
  );

  /** @type {App} */
  const app = {
    session,
    stage,
    prefs,
    gestures,
    run(id) {
      if (id !== "placing") gestures.finish();
      commands[id]?.();
      refresh();
      speak();
    },
    after: (act, now) => (now ? act() : gestures.after(act)),
    // Brightness and contrast are for the current image only. The other preferences are saved.
    savePrefs: () => savePrefs({ ...prefs, brightness: undefined, contrast: undefined }),
    focusPoint,
    focusInstance,
    submit,
    tick,
    isSending: () => isWaiting || saving.isSending,
    canSkip: Object.keys(skipReasons).length > 0,
    skip: () => waits() || skipping.showModal(),
    copyPrevious: () =>
      whenSettled(() => gestures.after(() => (later ? later.copyPrevious(series(), image) : say(t.noLater)))),
    close(isTyped) {
      const light = /** @type {HTMLDialogElement | null} */ (shadow.querySelector(".light[open]"));
      const checks = shadow.querySelector("details[open]");
      if (isTyped) {
        if (!element.shadowRoot?.activeElement) return false;
      } else if (light) light.close();
      else if (checks) checks.removeAttribute("open");
      else if (isOpen) openPanel(false);
      else return false;
      focus();
      return true;
    },
    help: () =>
      whenSettled(() =>
        later
          ? later.help()
          : (instructions ??= root.appendChild(
              dialog("help", t.help, h("slot", { name: "instructions" })),
            )).showModal(),
      ),
    confirm: () => whenSettled(() => later?.confirmNext() || say(later ? t.nothingToCheck : t.noLater)),
    take: (index) => later?.take(index) ?? false,
    light: () => whenSettled(() => (later ? later.light() : say(t.noLater))),
  };
  const commands = commandsOf(app);

  const most = Number(get("maxAnswerBytes")) || Infinity;
  const sizeOfAnswer = bytesOf(skeleton);
  const sizeOfOriginal = memo((/** @type {import("./prelabels.js").Prelabels} */ { text }) => sentBytes(text()));
  /** The result of the last check of the answer's size. */
  let sizeNotice = "";
  /** Return a warning if the answer nears or exceeds the host's size limit, "" otherwise. @returns {string} */
  const tooLarge = () => {
    if (most === Infinity || !prelabels) return "";
    const bytes = session.doc.instances.reduce(
      (sum, instance) => sum + sizeOfAnswer(instance),
      sizeOfOriginal(prelabels),
    );
    const inMb = (/** @type {number} */ n) =>
      (n / 1e6).toLocaleString(t.lang || undefined, { maximumSignificantDigits: 2 });
    return bytes > NEARLY * most ? t.answerSize(inMb(bytes), inMb(most), bytes > most) : "";
  };
  const board = panel(app, () =>
    [
      sizeNotice,
      isLoading ? "" : later ? later.notice() : t.noLater,
      get("taskError") ?? "",
      ...(prelabels?.issues ?? []),
      ...skeleton.problems,
      ...(prelabels?.problems ?? []),
    ].filter(Boolean),
  );
  const head = h(
    "div.head",
    { role: "region", "aria-label": t.toolsRegion },
    toolbar(app),
    chip(session),
    h("button.fold", { "aria-expanded": () => String(isOpen), onclick: () => openPanel(!isOpen) }, t.labels),
    h("button.tool", { title: () => titleOf("help", prefs), onclick: () => app.run("help") }, t.help),
  );
  const live = h("div.live", { "aria-live": "polite" });
  const toast = h("div.toast");
  const note = h(
    "div.note",
    { hidden: () => !problem },
    h("h2", { textContent: () => (problem ? t.problems[problem] : "") }),
    h("p", {}, t.tryOrSubmit),
    h("button.primary", { onclick: () => loadImage() }, t.tryAgain),
    h("button", { onclick: submit }, t.submitWithout),
  );
  const waiting = h(
    "div.waiting",
    { hidden: () => Boolean(problem || session.size.width) },
    h("progress", { "aria-hidden": true }),
    h("p", { role: "status", textContent: () => (prelabels ? t.loadingImage : t.loadingLabels) }),
  );
  // A page has one main landmark: its own, otherwise the first element on the page.
  const first = document.querySelector("main, [role=main], crowd-2d-skeleton") === element;
  const root = h(
    "div.app",
    { lang: t.lang },
    head,
    h("section.work", { "aria-label": t.imageRegion, role: first ? "main" : null }, stage.root, waiting, note, toast),
    board.root,
    live,
    question,
    skipping,
  );
  shadow.append(root);

  session.onSay = say;
  session.onPlace = (index) => {
    clock.placed(skeleton.keypoints[index].label);
    speak(t.placed(labelOf(skeleton, index)));
  };
  session.onChange = (what) => {
    if (what === "preview") stage.touch();
    else {
      refresh();
      speak();
    }
    if (what === "doc") saving.later();
  };
  stage.onView = () => update(head);
  // Shortcuts work wherever the focus is, unless another element of this page has it.
  document.addEventListener(
    "keydown",
    (event) => {
      // A host makes the element inert while an answer is on its way.
      if (element.closest("[inert]")) return;
      const path = event.composedPath();
      const isElsewhere = path.some((node) => node instanceof Element && node.localName === element.localName);
      if (path.includes(element) || (!isElsewhere && current === element)) onKey(app, event, clock, board.pick);
    },
    { signal },
  );
  current ??= element;
  root.addEventListener("focusin", () => (current = element), { signal });
  // A press on a control by another finger ends the gesture of the first. "change" is not in the list: a field that
  // loses the focus to a press on the image fires it in the middle of that press.
  for (const name of ["click", "input"]) root.addEventListener(name, gestures.finish, { signal, capture: true });
  // A mouse's "back" and "forward" buttons would leave the page.
  for (const name of ["mousedown", "mouseup", "auxclick"]) {
    root.addEventListener(name, (/** @type {any} */ event) => event.button > 2 && event.preventDefault(), { signal });
  }
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.hidden) clock.pause();
      else if (session.size.width) clock.run();
    },
    { signal },
  );
  // A click on a button must not move the keyboard focus away from the image.
  root.addEventListener(
    "mousedown",
    (/** @type {MouseEvent} */ event) => {
      if (/** @type {Element} */ (event.target).closest("dialog, input, textarea, select, label, .note")) return;
      event.preventDefault();
      focus();
    },
    { signal },
  );

  // A host that does not show problems itself can have the element show them.
  document.addEventListener(
    "answer-failed",
    (/** @type {any} */ { detail }) => detail?.problem && say(String(detail.problem)),
    { signal },
  );

  loadImage(false);
  // The image loads first. The later script follows earlier only if the image takes longer than LATEST.
  const timers = [setTimeout(askForLater, LATEST), setTimeout(settle, PATIENCE)];

  return {
    ...app,
    answer,
    focus,
    loadImage,

    /** Attach to the form again after the element was moved, perhaps into another form. */
    attach: form.attach,

    /** @returns {Work | null} for the next app of the same task */
    work: () => (prelabels ? { session, clock, prelabels, own: saving.own, stored } : null),

    destroy() {
      gestures.finish();
      clock.pause();
      saving.destroy();
      removed.abort();
      if (current === element) current = null;
      clearTimeout(toastTimer);
      clearTimeout(speechTimer);
      timers.forEach(clearTimeout);
      form.destroy();
      img.onload = img.onerror = null;
      stage.destroy();
      root.remove();
    },
  };
}

/** @param {import("./drafts.js").Draft} draft @returns {string} when it was saved */
const timeOf = ({ at }) =>
  new Date(at).toLocaleString(t.lang, { weekday: "short", hour: "2-digit", minute: "2-digit" });

/** @param {import("./drafts.js").Draft} draft @returns {string} a description of its content, and when it was saved */
const draftText = (draft) => t.draftState(placedIn(draft), timeOf(draft), draft.sent ?? false);
