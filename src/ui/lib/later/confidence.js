/**
 * Confidence: pre-labelled keypoints with a low score. They have a ring, and the worker is led to them to check them.
 */
/** @import {Instance, Point} from "../types.js" */
import { findInstance, isPlaced, labelOf, memo } from "../document.js";
import { isNumber } from "../json.js";
import { outline } from "../painter.js";
import { t } from "../texts.js";

/** Radius of the ring around a keypoint, in screen pixels. */
const RING = 7;
/** Maximum number of rings painted in one pass. In a crowd, more could not be told apart. */
const MOST_RINGS = 2000;

/** @typedef {ReturnType<typeof confidenceOf>} Confidence */

/**
 * @param {import("../session.js").Session} session
 * @param {import("../stage.js").Stage} stage
 * @param {number} checkBelow keypoints with a lower score are to be checked
 */
export function confidenceOf(session, stage, checkBelow) {
  const { view } = stage;
  const lowIn = memo((/** @type {Instance} */ { points }) =>
    points.flatMap((point, i) => (isNumber(point?.extra?.score) && point.extra.score < checkBelow ? [i] : [])),
  );

  /**
   * Return whether position and visibility are unchanged. A changed note does not count: it may be a question.
   * @param {Point | null} a
   * @param {Point | null} b
   */
  const isUntouched = (a, b) => a?.x === b?.x && a?.y === b?.y && a?.v === b?.v;

  /**
   * Keypoints to check: low-score ones not yet confirmed, moved, marked or deleted, and open offers.
   * @type {(instance: Instance) => number[]}
   */
  const doubtsIn = memo((/** @type {Instance} */ instance) => {
    const before = findInstance(session.original, instance.id);
    if (!before || instance.locked) return [];
    const { points, confirmed } = instance;
    const low = lowIn(before).filter((i) => !confirmed?.includes(i) && isUntouched(points[i], before.points[i]));
    return [...low, ...offersOf(instance)].sort((a, b) => a - b);
  });

  /** List the offers that were neither accepted nor refused. @param {Instance} instance @returns {number[]} */
  const offersOf = ({ points, offers }) =>
    Object.keys(offers ?? {})
      .map(Number)
      .filter((i) => points[i] === null);

  /** @returns {Instance[]} all instances, starting at the active one */
  const inOrder = () => {
    const { instances } = session.doc;
    const at = Math.max(
      0,
      instances.findIndex(({ id }) => id === session.active),
    );
    return [...instances.slice(at), ...instances.slice(0, at)];
  };

  /** Select the next keypoint to check. If it is outside the view, centre the view on it. */
  const goOn = () => {
    const [first, ...rest] = inOrder();
    const own = first ? doubtsIn(first) : [];
    const index = own.find((i) => i > session.selected) ?? own[0];
    const instance = index === undefined ? rest.find((one) => doubtsIn(one).length) : first;
    if (!instance) return false;
    const next = index ?? doubtsIn(instance)[0];
    session.hidden.delete(instance.id);
    session.select(instance.id, next);
    const at = placeOf(instance, next);
    const { x, y } = view.toScreen(at);
    if (x < 0 || y < 0 || x > view.stage.width || y > view.stage.height) view.show(view.scale, at);
    return true;
  };

  /** @param {Instance} instance @param {number} index of a doubt @returns {Point} */
  const placeOf = ({ points, offers }, index) => /** @type {Point} */ (points[index] ?? offers?.[index]);

  /** Confirm keypoints, and place those that are offered. @param {string} id of the instance @param {number[]} indexes @returns {boolean} */
  const confirm = (id, indexes) => {
    const instance = findInstance(session.doc, id);
    const sure = instance ? doubtsIn(instance).filter((i) => indexes.includes(i)) : [];
    if (!instance || !sure.length || !session.editable(instance)) return false;
    const made = {
      points: instance.points.map((point, i) => (sure.includes(i) ? placeOf(instance, i) : point)),
      confirmed: [...(instance.confirmed ?? []), ...sure],
    };
    const what = sure.length === 1 ? labelOf(session.skeleton, sure[0]) : t.many(sure.length);
    // Confirming a keypoint is not a change: "No changes needed" stays ticked.
    const isChange = sure.some((i) => !instance.points[i]);
    session.commit({ ...session.with(made, id), noChanges: session.doc.noChanges && !isChange }, t.steps.confirm(what));
    for (const index of sure) if (!instance.points[index]) session.onPlace(index);
    return true;
  };

  session.doubt = (instance, index) =>
    !doubtsIn(instance).includes(index) ? "" : isPlaced(instance.points[index]) ? t.doubtful : t.offered;

  /** Paint a dashed ring and a question mark at each keypoint to check. An offer has the same ring, but no marker. */
  stage.over = (ctx, instances, strong) => {
    const rings = new Path2D();
    /** @type {import("../types.js").XY[]} */
    const marks = [];
    let left = MOST_RINGS;
    for (const instance of instances) {
      for (const index of doubtsIn(instance)) {
        const isOffer = !isPlaced(instance.points[index]);
        if (left <= 0 || (isOffer && !strong) || session.isHidden(instance.id, index)) continue;
        const at = view.toScreen(placeOf(instance, index));
        rings.moveTo(at.x + RING, at.y);
        rings.arc(at.x, at.y, RING, 0, 7);
        if (strong) marks.push(at);
        left -= 1;
      }
    }
    if (left === MOST_RINGS) return;
    ctx.lineCap = "butt";
    outline(ctx, rings, 1.5, 3);
    ctx.font = `700 ${stage.fontSize}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = "#080c12";
    ctx.fillStyle = "#fff";
    ctx.setLineDash([]);
    for (const { x, y } of marks) {
      ctx.strokeText("?", x - 12, y - 12);
      ctx.fillText("?", x - 12, y - 12);
    }
  };
  if (session.doc.instances.some((instance) => doubtsIn(instance).length)) stage.repaint();

  return {
    confirm,

    /** Confirm the selected keypoint, if it is to be checked, and go to the next one to check. */
    confirmNext() {
      const isDone = confirm(`${session.active}`, [session.selected]);
      return goOn() || isDone;
    },

    /**
     * Place a keypoint of the active instance at its offered position.
     * @param {number} index
     * @returns {boolean} whether there was one
     */
    take(index) {
      if (session.instance?.points[index] || !confirm(`${session.active}`, [index])) return false;
      session.select(session.active, index);
      return true;
    },

    /** @returns {import("./checks.js").Finding[]} */
    findings: () =>
      session.doc.instances.flatMap((instance) => {
        const doubts = doubtsIn(instance);
        const offers = offersOf(instance);
        return /** @type {const} */ ([
          ["low_confidence", doubts.filter((i) => !offers.includes(i))],
          ["offered_keypoints", doubts.filter((i) => offers.includes(i))],
        ])
          .filter(([, indexes]) => indexes.length)
          .map(([check, indexes]) => ({
            check,
            level: /** @type {const} */ ("info"),
            id: instance.id,
            indexes,
            text: t.checks[check],
            names: indexes.map((i) => labelOf(session.skeleton, i)).join(", "),
          }));
      }),

    /** Return, for the answer, what the worker did with the keypoints of each pre-label. */
    details() {
      const labels = (/** @type {(index: number) => unknown} */ isOne) => {
        const found = session.skeleton.keypoints.filter((_, index) => isOne(index)).map(({ label }) => label);
        return found.length ? found : undefined;
      };
      const entries = session.original.instances.flatMap((before) => {
        const now = findInstance(session.doc, before.id);
        const was = (/** @type {number} */ i) => before.points[i] ?? before.offers?.[i];
        const is = (/** @type {number} */ i) => (isPlaced(now?.points[i]) ? now.points[i] : null);
        const isMoved = (/** @type {number} */ i) =>
          was(i) && is(i) && (was(i)?.x !== is(i)?.x || was(i)?.y !== is(i)?.y);
        const entry = {
          offered: labels((i) => before.offers?.[i]),
          confirmed: labels((i) => is(i) && !isMoved(i) && now?.confirmed?.includes(i)),
          moved: labels(isMoved),
          added: labels((i) => is(i) && !was(i)),
          removed: labels((i) => was(i) && !is(i)),
        };
        return Object.values(entry).some(Boolean) ? [{ id: before.id, ...entry }] : [];
      });
      return entries.length ? entries : undefined;
    },
  };
}
