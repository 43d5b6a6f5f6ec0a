/** The page's addresses. The fragment names the view, so that the page is a single file. */

/**
 * @typedef {{view: "home" | "signed-in" | "lead" | "people" | "log"} | {view: "job" | "lead-job", job: string} | {view: "answer", job: string, line: number}} Route
 */

/** A job's name, by the rules of AWS. */
const JOB = "([a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)";
const JOB_VIEW = new RegExp(`^/jobs/${JOB}$`);
const ANSWER_VIEW = new RegExp(`^/jobs/${JOB}/answers/(0|[1-9][0-9]{0,8})$`);
const LEAD_JOB_VIEW = new RegExp(`^/lead/jobs/${JOB}$`);
/** @type {Record<string, Route>} */
const PLAIN = {
  "/signed-in": { view: "signed-in" },
  "/lead": { view: "lead" },
  "/lead/people": { view: "people" },
  "/lead/log": { view: "log" },
};

/** @param {string} hash of the address @returns {Route} the view; for an unknown address, the home view */
export function routeOf(hash) {
  const path = hash.replace(/^#/, "");
  const [, answerJob, line] = ANSWER_VIEW.exec(path) ?? [];
  if (answerJob) return { view: "answer", job: answerJob, line: Number(line) };
  const [, job] = JOB_VIEW.exec(path) ?? [];
  if (job) return { view: "job", job };
  const [, leadJob] = LEAD_JOB_VIEW.exec(path) ?? [];
  if (leadJob) return { view: "lead-job", job: leadJob };
  return Object.hasOwn(PLAIN, path) ? PLAIN[path] : { view: "home" };
}

export const HOME = "#/";
export const LEAD = "#/lead";
export const PEOPLE = "#/lead/people";
export const LOG = "#/lead/log";

/** @param {string} job */
export const jobLink = (job) => `#/jobs/${job}`;

/** @param {string} job @param {number} line */
export const answerLink = (job, line) => `#/jobs/${job}/answers/${line}`;

/** @param {string} job */
export const leadLink = (job) => `#/lead/jobs/${job}`;

/** @param {string} hash of the current view @returns {string} the address of a sign-in that returns to it */
export const signInLink = (hash) => `/api/sign-in?return=${encodeURIComponent(`/portal/index.html${hash}`)}`;
