/** The panel: the instances, the keypoints of the active one, notes, and submission. */
/** @import {Instance, Keypoint} from "./types.js" */
import { findInstance, isChanged, labelOf, nameOf, placedCount, same, stateOf } from "./document.js";
import { details } from "./details.js";
import { h, reveal, update } from "./dom.js";
import { icon, keypointMarker } from "./icons.js";
import { titleOf } from "./shortcuts.js";
import { t } from "./texts.js";

/**
 * @param {import("./app.js").App} app
 * @param {() => string[]} notices messages about this task for the worker
 */
export function panel(app, notices) {
  const { session } = app;
  const { skeleton } = session;
  /** @type {Map<string, HTMLElement>} rows by instance id, reused so that the focus stays */
  const rows = new Map();
  /** Index of the keypoint that a click places next, at the panel's last update. */
  let target = -1;

  const instanceRow = (/** @type {string} */ id) => {
    const it = () => /** @type {Instance} */ (findInstance(session.doc, id));
    const name = () => nameOf(session.doc, id);
    const color = () => it().options.marker ?? it().color;
    const hidden = () => session.hidden.has(id);
    const news = () => {
      const before = findInstance(session.original, id);
      if (it().locked) return t.news.locked;
      return before ? isChanged(it(), before) && t.news.changed : session.original.instances.length && t.news.new;
    };
    const row = h(
      "li",
      {
        given: () => [it(), id === session.active, hidden(), name()],
        ".on": () => id === session.active,
        ".off": hidden,
      },
      h(
        "button.pick",
        { "aria-current": () => id === session.active, onclick: () => session.select(id) },
        h("svg.dot", { color, hidden: () => !color() }),
        h("span.name", { dir: "auto", translate: false, textContent: name }),
        h("span.badge", { textContent: () => news() || "" }),
        h("span.soft", { textContent: () => `${placedCount(it())}/${it().points.length}` }),
      ),
      h(
        "button.ghost",
        { title: () => (hidden() ? t.show : t.hide)(name()), onclick: () => session.toggleHidden([id]) },
        icon(() => (hidden() ? "hidden" : "hideAll")),
      ),
      h(
        "button.ghost",
        { title: () => t.delete(name()), disabled: () => it().locked, onclick: () => session.removeInstance(id) },
        icon("bin"),
      ),
    );
    rows.set(id, row);
    return row;
  };

  const pick = (/** @type {number} */ index) => {
    if (index >= skeleton.keypoints.length) return;
    if (!session.doc.instances.length) session.begin();
    session.select(session.active, index);
  };

  const pointRow = (/** @type {Keypoint} */ keypoint, /** @type {number} */ index) => {
    const point = () => session.instance?.points[index] ?? null;
    const before = () => findInstance(session.original, session.active)?.points[index];
    const isHidden = () => session.isHidden(`${session.active}`, index);
    const current = () => (session.selected >= 0 ? session.selected : target);
    return h(
      "li",
      {
        given: () => [
          point(),
          before(),
          session.instance?.color,
          session.instance?.options,
          session.instance?.confirmed,
          session.doubt,
          isHidden(),
          session.selected === index,
          target === index,
          current() < 0,
          current() === index,
          filter.value,
        ],
        hidden: () => !labelOf(skeleton, index).toLowerCase().includes(filter.value.trim().toLowerCase()),
        ".on": () => index === session.selected,
        ".next": () => index === target,
        ".changed": () => before() !== undefined && !same(point(), before()),
        ".off": isHidden,
      },
      h(
        "button.pick",
        {
          "aria-current": () => index === session.selected,
          tabIndex: () => (index === Math.max(0, current()) ? 0 : -1),
          onclick: () => pick(index),
          ondblclick: () => session.active && app.focusPoint(session.active, index),
        },
        keypointMarker(
          () => keypoint,
          () => session.instance,
          point,
        ),
        h("span.name", { dir: "auto", translate: false }, labelOf(skeleton, index)),
        h("span.soft", {
          textContent: () =>
            [
              index === target ? t.next : point() && stateOf(point()),
              session.instance && session.doubt(session.instance, index),
            ]
              .filter(Boolean)
              .join(", "),
        }),
        index < 18 && h("kbd", {}, `${index > 8 ? "⇧" : ""}${(index % 9) + 1}`),
      ),
    );
  };

  /** Move the focus in the list with the up and down keys; Tab leaves it. @param {KeyboardEvent} event */
  const walk = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = [...points.children].findIndex((row) => row.contains(/** @type {Node} */ (event.target)));
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = points.children[(at + step + points.children.length) % points.children.length];
    next.firstChild.focus({ preventScroll: true });
    reveal(points, next);
  };

  /** @type {Map<string, HTMLElement>} */
  const shownNotices = new Map();
  const noticeRows = () =>
    notices().map((text) => {
      const row = shownNotices.get(text) ?? h("p", {}, icon("info"), h("span", { dir: "auto" }, text));
      shownNotices.set(text, row);
      return row;
    });

  const filter = h("input.filter", {
    type: "search",
    placeholder: t.find,
    hidden: skeleton.keypoints.length <= 24,
    oninput: () => update(points),
  });
  const instances = h("ul.rows.instances", {
    role: "list",
    "aria-label": t.instances,
    children: () => session.doc.instances.map(({ id }) => rows.get(id) ?? instanceRow(id)),
  });
  const points = h(
    "ul.rows.points",
    { role: "list", "aria-label": t.keypoints, onkeydown: walk },
    ...skeleton.keypoints.map(pointRow),
  );
  const root = h(
    "aside.panel",
    { "aria-label": t.labels },
    h("div.notices", { role: "status", tabIndex: 0, children: noticeRows }),
    h(
      "section.instances-part",
      {},
      h(
        "header",
        {},
        h("h2", {}, t.instances),
        h("span.soft", { textContent: () => String(session.doc.instances.length || "") }),
        h(
          "button.small",
          { title: () => titleOf("new", app.prefs), onclick: () => app.run("new") },
          icon("new"),
          t.new,
        ),
      ),
      h("p.soft", { hidden: () => session.doc.instances.length > 0 }, t.noInstance),
      instances,
    ),
    h(
      "section.points-part",
      {},
      h(
        "header",
        {},
        h("h2", {}, t.keypoints),
        h("span.soft", {
          textContent: () => (session.instance ? t.of(placedCount(session.instance), skeleton.keypoints.length) : ""),
        }),
      ),
      filter,
      points,
    ),
    details(session),
    h(
      "div.details.image",
      {},
      h("input", {
        placeholder: t.imageNote,
        "aria-label": t.imageNote,
        dir: "auto",
        maxLength: 1000,
        value: () => session.doc.comment ?? "",
        oninput: (/** @type {any} */ { target: field }) => session.setComment(field.value),
      }),
      app.canSkip && h("button", { onclick: () => app.skip() }, t.skip),
    ),
    h(
      "footer",
      {},
      h(
        "label.tick",
        {},
        h("input", {
          type: "checkbox",
          checked: () => session.doc.noChanges,
          onchange: (/** @type {any} */ { target: box }) => app.tick(box.checked),
        }),
        h("span", { textContent: () => (session.original.instances.length ? t.noChanges : t.nothing) }),
      ),
      h("button.primary", {
        onclick: () => app.run("submit"),
        textContent: () => (app.isSending() ? t.sending : t.submit),
      }),
    ),
  );

  const inHand = (/** @type {Element} */ list) =>
    /** @type {HTMLElement | null} */ (list.querySelector(".on") ?? list.querySelector(".next"));
  /** @type {(Element | null)[]} the current row of each list */
  const currentRows = [];
  // Scroll to the current row after the layout: once when it changes, and when the list shrinks because the panel shows
  // more below it. Scrolling at once would lay the page out twice in a frame.
  const observer = new ResizeObserver((sizes) => {
    for (const { target: list } of sizes) {
      const row = inHand(list);
      if (row) reveal(/** @type {HTMLElement} */ (list), row);
    }
  });
  return {
    root,
    pick,
    refresh() {
      target = session.startsNew && !session.instance ? 0 : session.target;
      update(root);
      [instances, points].forEach((list, at) => {
        const row = inHand(list);
        if (currentRows[at] === row) return;
        currentRows[at] = row;
        observer.unobserve(list);
        observer.observe(list);
      });
    },
  };
}
