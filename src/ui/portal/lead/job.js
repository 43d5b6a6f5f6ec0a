/** Leads' view of one job: who works on it, and actions on it. */
/** @import {Api} from "../api.js" */
/** @import {JobReport, LeadJob, PersonRow, ResultFile, Skip, WorkerRow} from "../types.js" */
import { h } from "../../lib/dom.js";
import { dayAndTime, duration, moment, number, percent, size } from "../format.js";
import { newId, openDialog, progressBar, share, statusOf, table, worker } from "../parts.js";
import { LEAD } from "../route.js";
import { t } from "../texts.js";

/** Default extension of a deadline, in hours. */
const HOURS = 24;
const MOST_HOURS = 24 * 365;
/** Name of the result file that a lead reads. The others are for programs. */
const REPORT = "report.html";

/**
 * @param {Api} api
 * @param {JobReport} job
 * @param {PersonRow[]} people
 * @param {{ready: boolean, files: ResultFile[]}} results
 * @param {() => Promise<unknown>} reload the view
 * @returns {import("../parts.js").View}
 */
export function leadJobView(api, job, people, results, reload) {
  const path = `lead/jobs/${job.name}`;
  const said = h("p.said", { role: "status" });
  const say = (/** @type {string} */ text) => (said.textContent = text);
  const names = new Map([
    ...people.map(({ id, name }) => /** @type {const} */ ([id, name])),
    ...job.workers.map(({ id, name }) => /** @type {const} */ ([id, name])),
  ]);

  /** @param {string} text @param {string} action @param {string} [tag] */
  const act = (text, action, tag) => worker(text, () => api.call("POST", `${path}/${action}`).then(reload), say, tag);

  /** @param {string} title @param {string} text @param {string} name of the button @param {() => Promise<unknown>} send @param {...Node} fields */
  const ask = (title, text, name, send, ...fields) => {
    const problem = h("p.problem", { role: "alert" });
    const go = worker(
      name,
      () =>
        send().then(() => {
          dialog.close();
          return reload();
        }),
      (why) => (problem.textContent = why),
      "button.primary",
    );
    const dialog = openDialog(
      title,
      h("p", {}, text),
      ...fields,
      problem,
      h("div.row", {}, h("button", { type: "button", onclick: () => dialog.close() }, t.cancel), go),
    );
  };

  const extend = () => {
    const id = newId();
    const hours = h("input", {
      id,
      type: "number",
      min: "1",
      max: String(MOST_HOURS),
      value: String(HOURS),
      inputMode: "numeric",
    });
    ask(
      t.extendTitle,
      t.extendText(dayAndTime(job.deadline)),
      t.extend,
      () => api.call("POST", `${path}/extend`, { hours: Number(hours.value) }),
      h("p.field", {}, h("label", { for: id }, t.hours), hours),
    );
  };
  const finish = () =>
    ask(t.finishTitle, t.finishText(number(job.images - job.complete)), t.finish, () =>
      api.call("POST", `${path}/finish`),
    );
  const reopen = () => ask(t.reopenTitle, t.reopenText, t.reopen, () => api.call("POST", `${path}/reopen`));
  const button = (/** @type {string} */ text, /** @type {() => void} */ run) =>
    h("button", { type: "button", onclick: run }, text);

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
    h("p", {}, h("a.quiet", { href: LEAD }, `‹ ${t.allJobs}`)),
    h("div.head", {}, h("h1", { tabIndex: -1 }, job.title || job.name), statusOf(job)),
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
            () => api.call("POST", `${path}/workers/${row.id}/${row.paused ? "resume" : "pause"}`).then(reload),
            say,
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
    h("section.card", {}, h("h2", {}, t.skippedImages), skipped(job.skips, names, api.now())),
    !isOver && resultFiles,
  );
  return { root, title: job.title || job.name };
}

/** @param {JobReport} job @param {(row: WorkerRow) => Node | false} action @param {number} now */
function atWork({ workers }, action, now) {
  if (!workers.length) return h("p.soft", {}, t.nobodyAtWork);
  const rows = [...workers]
    .sort((a, b) => b.answers - a.answers)
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
  return table(t.atWork, Object.values(t.columns), rows);
}

/** @param {JobReport} job @param {PersonRow[]} people @param {(change: {everyone: boolean, members: string[]}) => Promise<LeadJob>} save */
function access(job, people, save) {
  const group = newId();
  const said = h("span.soft", { role: "status" });
  const radio = (/** @type {string} */ text, /** @type {boolean} */ checked) =>
    h("input", { type: "radio", name: group, checked, onchange: () => show(), "aria-label": text });
  const everyone = radio(t.everyone, job.everyone);
  const only = radio(t.onlyThese, !job.everyone);
  const boxes = people.map((person) => ({
    person,
    box: h("input", { type: "checkbox", checked: job.members.includes(person.id) }),
  }));
  const list = h(
    "ul.people",
    {},
    ...boxes.map(({ person, box }) =>
      h("li", {}, h("label", {}, box, h("span", {}, person.name || person.email || person.id))),
    ),
  );
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
        () => send().then(() => (said.textContent = t.savedNow)),
        (why) => (said.textContent = why),
      ),
      said,
    ),
  );
}

/** @param {Skip[]} skips @param {Map<string, string>} names @param {number} now */
function skipped(skips, names, now) {
  if (!skips.length) return h("p.soft", {}, t.noSkips);
  return table(
    t.skippedImages,
    Object.values(t.skipColumns),
    skips.map(({ line, worker: who, reason, note, time }) => [
      t.image(number(line + 1)),
      names.get(who) || who,
      [t.shortReasons[reason] ?? reason, note].filter(Boolean).join(": "),
      moment(time, now),
    ]),
  );
}

/** @param {{ready: boolean, files: ResultFile[]}} results */
function files({ ready, files: list }) {
  if (!ready || !list.length) return h("p.soft", {}, t.noResults);
  const link = (/** @type {ResultFile} */ { name, url }, text = name, kind = "a") =>
    h(kind, { href: url, target: "_blank", rel: "noopener noreferrer" }, text);
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
