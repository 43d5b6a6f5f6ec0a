/** Leads' view of one job: who works on it, and actions on it. */
/** @import {Api} from "../api.js" */
/** @import {JobReport, LeadJob, PersonRow, ResultFile, Skip, WorkerRow} from "../types.js" */
import { h } from "../../lib/dom.js";
import { dayAndTime, duration, moment, number, percent, size } from "../format.js";
import { ask, finder, newId, progressBar, share, statusOf, table, worker } from "../parts.js";
import { LEAD } from "../route.js";
import { t } from "../texts.js";

/** Default extension of a deadline, in hours. */
const HOURS = 24;
const MOST_HOURS = 24 * 365;
/** Name of the result file that a lead reads. The others are for programs. */
const REPORT = "report.html";

/**
 * @param {Pick<Api, "call" | "now">} api
 * @param {JobReport} job
 * @param {PersonRow[]} people
 * @param {{ready: boolean, files: ResultFile[]}} results
 * @param {() => Promise<unknown>} reload the view
 * @returns {import("../parts.js").View}
 */
export function leadJobView(api, job, people, results, reload) {
  const path = `lead/jobs/${job.name}`;
  const said = h("p.said", { role: "status", "data-key": "said" });
  const say = (/** @type {string} */ text) => (said.textContent = text);
  const names = new Map([
    ...people.map(({ id, name }) => /** @type {const} */ ([id, name])),
    ...job.workers.map(({ id, name }) => /** @type {const} */ ([id, name])),
  ]);

  const send = (/** @type {string} */ action, /** @type {unknown} */ body = {}) => {
    say("");
    return api.call("POST", `${path}/${action}`, body);
  };
  // "Pause" and "Resume" replace each other, and share a key so that the focus stays.
  const act = (/** @type {string} */ text, /** @type {string} */ action, tag = "button") =>
    worker(text, () => send(action).then(reload), say, tag, "pause job");

  const extend = () => {
    const id = newId();
    const hours = h("input", {
      id,
      type: "number",
      required: true,
      min: "1",
      step: "any",
      max: String(MOST_HOURS),
      value: String(HOURS),
      inputMode: "decimal",
    });
    ask(
      t.extendTitle,
      t.extend,
      () => send("extend", { hours: Number(hours.value) }),
      reload,
      h("p", {}, t.extendText(dayAndTime(job.deadline))),
      h("p.field", {}, h("label", { for: id }, t.hours), hours),
    );
  };
  const finish = () =>
    ask(
      t.finishTitle,
      t.finish,
      () => send("finish"),
      reload,
      h("p", {}, t.finishText(number(job.images - job.complete))),
    );
  const reopen = () => ask(t.reopenTitle, t.reopen, () => send("reopen"), reload, h("p", {}, t.reopenText));
  const button = (/** @type {string} */ text, /** @type {() => void} */ run) =>
    h("button", { type: "button", "data-key": text, onclick: run }, text);

  const isOver = job.ended;
  const actions = isOver
    ? [button(t.reopen, reopen)]
    : job.status === "InProgress"
      ? [
          job.paused ? act(t.resumeJob, "resume", "button.primary") : act(t.pauseJob, "pause"),
          button(t.extend, extend),
          button(t.finish, finish),
        ]
      : [];

  const stats = /** @type {[string, string][]} */ ([
    [t.stats.complete, `${number(job.complete)} / ${number(job.images)}`],
    [t.stats.answers, number(job.answers)],
    [t.stats.workers, number(job.workersPerImage)],
  ]);
  if (!isOver) {
    stats.push([t.stats.pace, job.pacePerHour ? number(Math.round(job.pacePerHour)) : t.unknown]);
    stats.push([t.stats.end, job.estimatedEnd ? dayAndTime(job.estimatedEnd) : t.unknown]);
    stats.push([t.stats.deadline, dayAndTime(job.deadline)]);
  }
  const resultFiles = h("section.card", {}, h("h2", {}, t.results), files(results));

  const root = h(
    "div.wide",
    {},
    h("p", {}, h("a.quiet", { href: LEAD, "data-key": "all jobs" }, `‹ ${t.allJobs}`)),
    h("div.head", {}, h("h1", { tabindex: -1 }, job.title || job.name), statusOf(job)),
    h("p.soft", {}, job.name),
    job.problem && h("p.problem", { role: "alert" }, job.problem),
    h("div.row.start", {}, ...actions),
    said,
    h(
      "section.card",
      {},
      h("h2", {}, t.progress),
      progressBar(job.complete, job.images, `${t.stats.complete}: ${share(job)}`),
      h("dl.stats", {}, ...stats.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    ),
    isOver && resultFiles,
    h(
      "section.card",
      {},
      h("h2", {}, t.atWork),
      atWork(
        job,
        (row) =>
          !isOver &&
          worker(
            row.paused ? t.resume : t.pause,
            () => send(`workers/${row.id}/${row.paused ? "resume" : "pause"}`).then(reload),
            say,
            "button",
            `pause worker ${row.id}`,
          ),
        api.now(),
      ),
    ),
    h(
      "section.card",
      {},
      h("h2", {}, t.access),
      access(job, people, (change) => api.call("PUT", `${path}/members`, change)),
    ),
    h("section.card", {}, h("h2", {}, t.skippedImages), skipped(job, names, api.now())),
    !isOver && resultFiles,
  );
  return { root, title: job.title || job.name };
}

/** @param {WorkerRow} row @returns {number} from 0 to 1; more than 1 without gold, so that these rows come last */
const goldSimilarityOrLast = ({ goldSimilarity }) => goldSimilarity ?? 2;
/** @param {WorkerRow} row @returns {number} from 0 to 1 */
const skipShare = ({ skips, answers }) => skips / Math.max(1, skips + answers);

/** @param {JobReport} job @param {(row: WorkerRow) => Node | false} action @param {number} now */
function atWork({ workers }, action, now) {
  if (!workers.length) return h("p.soft", {}, t.nobodyAtWork);
  const rows = [...workers]
    .sort(
      (a, b) =>
        goldSimilarityOrLast(a) - goldSimilarityOrLast(b) || skipShare(b) - skipShare(a) || b.answers - a.answers,
    )
    .map((row) => [
      h(
        "span.who",
        {},
        row.name || row.id,
        row.name && h("code", {}, row.id),
        row.paused && h("span.status", { "data-status": "paused" }, t.status.paused),
      ),
      number(row.answers),
      row.answers ? duration(row.seconds / row.answers) : "–",
      number(row.skips),
      row.goldAnswers && row.goldSimilarity !== null
        ? t.goldOf(percent(row.goldSimilarity), row.goldAnswers)
        : t.noGold,
      row.last ? moment(row.last, now) : "–",
      action(row),
    ]);
  return h("div.list", {}, h("p.soft", {}, t.atWorkOrder), table(t.atWork, Object.values(t.columns), rows));
}

/** @param {JobReport} job @param {PersonRow[]} people @param {(change: {everyone: boolean, members: string[]}) => Promise<LeadJob>} save */
function access(job, people, save) {
  const group = newId();
  const said = h("span.soft", { role: "status", "data-key": "access said" });
  const radio = (/** @type {string} */ text, /** @type {boolean} */ checked) =>
    h("input", { type: "radio", name: group, checked, oninput: () => show(), "data-key": text, "aria-label": text });
  const everyone = radio(t.everyone, job.everyone);
  const only = radio(t.onlyThese, !job.everyone);
  const isMember = (/** @type {PersonRow} */ { id }) => job.members.includes(id);
  const boxes = [...people]
    .sort((a, b) => Number(isMember(b)) - Number(isMember(a)))
    .map((person) => ({
      person,
      box: h("input", { type: "checkbox", checked: isMember(person), "data-key": `member ${person.id}` }),
    }));
  const entries = boxes.map(({ person, box }) =>
    h("li", {}, h("label", {}, box, h("span", {}, person.name || person.email || person.id))),
  );
  const list = h("div.list", {}, finder(t.access, entries), h("ul.people", {}, ...entries));
  const show = () => {
    list.hidden = everyone.checked;
    said.textContent = "";
  };
  show();
  const send = () =>
    save({
      everyone: everyone.checked,
      members: boxes.filter(({ box }) => box.checked).map(({ person }) => person.id),
    });
  return h(
    "div",
    {},
    h(
      "div.choices",
      { role: "radiogroup", "aria-label": t.access },
      h("label", {}, everyone, t.everyone),
      h("label", {}, only, t.onlyThese),
    ),
    list,
    h(
      "div.row.start",
      {},
      worker(
        t.save,
        async () => {
          const sent = [everyone, only, ...boxes.map(({ box }) => box)].map((field) => ({
            field,
            checked: field.checked,
          }));
          await send();
          // A field that the person changed during the request is not saved yet.
          for (const { field, checked } of sent) if (field.checked === checked) delete field.dataset.changed;
          said.textContent = t.savedNow;
        },
        (why) => (said.textContent = why),
        "button",
        "save access",
      ),
      said,
    ),
  );
}

/** @param {JobReport} job @param {Map<string, string>} names @param {number} now */
function skipped({ skips, moreSkips }, names, now) {
  if (!skips.length) return h("p.soft", {}, t.noSkips);
  const counts = /** @type {Map<number, number>} */ (new Map());
  for (const { line } of skips) counts.set(line, (counts.get(line) ?? 0) + 1);
  const skipsOf = (/** @type {Skip} */ { line }) => counts.get(line) ?? 0;
  return h(
    "div.list",
    {},
    h("p.soft", {}, moreSkips ? `${t.skipOrder} ${t.moreSkips}` : t.skipOrder),
    table(
      t.skippedImages,
      Object.values(t.skipColumns),
      [...skips]
        .sort((a, b) => skipsOf(b) - skipsOf(a) || a.line - b.line)
        .map(({ line, worker: who, reason, note, time }) => [
          t.image(number(line + 1)),
          names.get(who) || who,
          [t.shortReasons[reason] ?? reason, note].filter(Boolean).join(": "),
          moment(time, now),
        ]),
    ),
  );
}

/** @param {{ready: boolean, files: ResultFile[]}} results */
function files({ ready, files: list }) {
  if (!ready || !list.length) return h("p.soft", {}, t.noResults);
  const link = (/** @type {ResultFile} */ { name, url }, text = name, kind = "a") =>
    h(kind, { href: url, target: "_blank", rel: "noopener noreferrer", "data-key": name }, text);
  const report = list.find(({ name }) => name === REPORT);
  return h(
    "div",
    {},
    report && h("p", {}, link(report, t.qualityReport, "a.button.primary")),
    h(
      "ul.files",
      {},
      ...list
        .filter((file) => file !== report)
        .map((file) => h("li", {}, link(file), h("span.soft", {}, size(file.size)))),
    ),
  );
}
