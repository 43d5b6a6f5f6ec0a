/** Leads' view of all jobs. */
/** @import {LeadJob} from "../types.js" */
import { h } from "../../lib/dom.js";
import { number } from "../format.js";
import { message, progressBar, share, statusOf } from "../parts.js";
import { leadLink } from "../route.js";
import { t } from "../texts.js";

/** @param {LeadJob} job */
function card(job) {
  const done = t.complete(number(job.complete), number(job.images));
  return h(
    "li.card",
    {},
    h(
      "div.head",
      {},
      h("h2", {}, h("a.whole", { href: leadLink(job.name), "data-key": job.name }, job.title || job.name)),
      statusOf(job),
    ),
    h("p.soft", {}, job.name),
    progressBar(job.complete, job.images, done),
    h(
      "p.facts",
      {},
      h("span", {}, `${done} (${share(job)})`),
      h("span.soft", {}, `${t.stats.answers}: ${number(job.answers)}`),
    ),
  );
}

/** @param {LeadJob[]} jobs @returns {import("../parts.js").View} */
export const leadJobsView = (jobs) => ({
  title: t.allJobs,
  root: jobs.length
    ? h(
        "div.narrow",
        {},
        h("h1", { tabindex: -1 }, t.allJobs),
        h(
          "ul.cards",
          {},
          ...[...jobs].sort((a, b) => Number(a.ended) - Number(b.ended) || b.created - a.created).map(card),
        ),
      )
    : message(t.noLeadJobs, t.noLeadJobsText),
});
