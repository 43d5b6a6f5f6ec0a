/** The list of jobs that the signed-in person may work on. */
/** @import {OwnJobCard} from "./types.js" */
import { h } from "../lib/dom.js";
import { duration, number } from "./format.js";
import { message, progressBar, share, statusOf } from "./parts.js";
import { jobLink } from "./route.js";
import { t } from "./texts.js";

/** @param {OwnJobCard} job */
function card(job) {
  const { name, title, description, images, complete, mine, hasWork } = job;
  const done = t.complete(number(complete), number(images));
  const own = [
    mine.answers > 0 && t.yours(mine.answers),
    mine.seconds >= 60 && t.time(duration(mine.seconds)),
    mine.skips > 0 && t.skips(mine.skips),
  ];
  return h(
    "li.card",
    {},
    h("div.head", {}, h("h2", {}, title || name), statusOf(job)),
    description && h("p.soft.lines", {}, description),
    progressBar(complete, images, done),
    h(
      "p.facts",
      {},
      h("span", {}, `${done} (${share(job)})`),
      ...own.filter(Boolean).map((text) => h("span.soft", {}, text)),
    ),
    (hasWork || mine.answers > 0) &&
      h(
        "a.button",
        { href: jobLink(name), ".primary": hasWork && !job.paused },
        !hasWork ? t.seeAnswers : mine.answers ? t.goOn : t.start,
      ),
  );
}

/** @param {OwnJobCard[]} jobs @returns {import("./parts.js").View} */
export function homeView(jobs) {
  const open = jobs.filter(({ ended }) => !ended).sort((a, b) => Number(a.paused) - Number(b.paused));
  const ended = jobs.filter(({ ended }) => ended);
  const root =
    open.length || ended.length
      ? h(
          "div.narrow",
          {},
          h("h1", { tabindex: -1 }, t.yourJobs),
          open.length ? h("ul.cards", {}, ...open.map(card)) : h("p.soft", {}, t.noJobsText),
          ended.length > 0 &&
            h(
              "details",
              {},
              h("summary", {}, `${t.endedJobs} (${number(ended.length)})`),
              h("ul.cards", {}, ...ended.map(card)),
            ),
        )
      : message(t.noJobs, t.noJobsText);
  return { root, title: t.yourJobs };
}
