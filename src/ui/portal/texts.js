/** Texts: everything that people read on the portal's page, in English. The other languages are in languages/. */
import german from "./languages/de.js";
import { isTransient } from "./retry.js";

/** @typedef {typeof english} Texts */

/** @param {number} n @param {string} one @param {string} [more] */
const count = (n, one, more = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;

export const english = {
  lang: "en",
  language: "English",

  // signing in
  welcome: "Label images with your team",
  welcomeText: "Sign in with the account that your team’s lead invited.",
  signIn: "Sign in",
  notSignedIn: "You are not signed in. Please try again, or ask your lead whether you are invited.",
  signInAgain: "Sign in again",
  signOut: "Sign out",
  signedInAs: (/** @type {string} */ name) => `Signed in as ${name}`,
  signedIn: "You are signed in",
  signedInText: "You can close this window and go on with your image.",
  sessionOver: "Your session has ended",
  sessionOverText: "Your work is kept. Sign in again in a new window, and this page goes on by itself.",
  sessionEnds: (/** @type {string} */ time) =>
    `Your session ends at ${time}. Sign in again in a new window to go on without a break.`,
  somebodyElse: (/** @type {string} */ name) => `You are now signed in as ${name}`,
  somebodyElseText: "The open image belongs to somebody else. Their work stays in this browser.",
  goOnAs: (/** @type {string} */ name) => `Go on as ${name}`,

  // around all views
  skipToContent: "To the content",
  views: "Views",
  account: "Account",
  languageChoice: "Language",
  label: "Label",
  lead: "Lead",
  people: "People",
  log: "Log",
  loading: "Loading …",
  tryAgain: "Try again",
  cancel: "Cancel",
  close: "Close",
  search: "Search",
  searchOf: (/** @type {string} */ list) => `Search in: ${list}`,
  showAll: "Show all",
  shown: (/** @type {string} */ some, /** @type {string} */ all) => `${some} of ${all}`,
  failed: "This page could not be loaded",
  errors: /** @type {Record<string, string>} */ ({
    "no-answer": "The server did not answer.",
    busy: "The server is busy.",
    "try-again": "Something failed at the server. Please try again in a minute.",
    "signed-out": "Your session has ended. Please sign in again.",
    "other-person": "Somebody else is signed in now.",
    "not-found": "There is no such job, or you may not work on it.",
    forbidden: "Only leads may see this.",
    "no-person": "There is no such person.",
    "other-site": "The server takes nothing from this address. Please open the portal at its own address.",
    "too-late": "This image has gone to somebody else, or has its label already.",
    changed: "You or this page corrected this answer meanwhile, for example in another window.",
    closed: "This job takes no answers at present. Your work is kept on this computer.",
    gold: "This image cannot be skipped. Please label it.",
    "too-large": "The answer is too large. Delete a part of it, and tell your lead.",
    "bad-input": "The server could not read what this page sent. Please tell your lead.",
    "wrong-method": "The server could not read what this page sent. Please tell your lead.",
    ended: "This job has ended. You can reopen it.",
    ending: "This job is being ended. You can reopen it when it has ended.",
    "not-ended": "This job has not ended.",
    changing: "Others are changing this job at the same time. Please try again.",
    "bad-email": "This is no e-mail address that can be invited.",
    "no-more-mail": "No more e-mails can be sent at present. Please try again tomorrow.",
    company: "Your company’s own sign-in decides who may use the portal.",
  }),
  status: /** @type {Record<string, string>} */ ({
    Initializing: "Being prepared",
    InProgress: "Open",
    Completed: "Finished",
    Stopped: "Stopped",
    Stopping: "Ending",
    Reopening: "Being reopened",
    Failed: "Failed",
    paused: "Paused",
  }),

  // the list of jobs
  yourJobs: "Your jobs",
  noJobs: "There is nothing to label yet",
  noJobsText: "When your lead gives you a job, it appears here.",
  endedJobs: "Finished jobs",
  start: "Start labelling",
  goOn: "Go on",
  seeAnswers: "Your answers",
  complete: (/** @type {string} */ done, /** @type {string} */ all) =>
    `${done} of ${all} ${all === "1" ? "image" : "images"} complete`,
  yours: (/** @type {number} */ answers) => count(answers, "answer of yours", "answers of yours"),
  time: (/** @type {string} */ time) => `${time} of labelling`,
  skips: (/** @type {number} */ n) => count(n, "skipped", "skipped"),

  // labelling
  jobs: "Jobs",
  instructions: "Instructions",
  guide: "Labeller’s guide",
  noInstructions: "This job has no instructions of its own. The guide explains how keypoints are placed.",
  saved: (/** @type {number} */ answers) => `Saved. ${count(answers, "answer", "answers")}`,
  skipped: "Skipped",
  corrected: "Corrected",
  yourCount: (/** @type {number} */ answers) => count(answers, "answer", "answers"),
  saving: "Saving …",
  notSaved: "Not saved yet",
  nextTry: (/** @type {string} */ time) => `Your work is kept on this computer. Next try in ${time}.`,
  tryNow: "Try now",
  keepEditing: "Keep editing",
  notAccepted: "This answer was not accepted",
  lost: "You had this image for too long without a change, so somebody else may have it now.",
  earlierCounts: "An earlier version of this answer counts, because the image has its label.",
  nextImage: "Next image",
  backToJobs: "Back to your jobs",
  keepWorking: "Keep it open",
  elsewhere: "You label this job in another window",
  elsewhereText: "Only one window at a time can label a job, so that no image gets two answers from you.",
  labelHere: "Label here instead",
  reasons: /** @type {Record<string, string>} */ ({
    unusable: "The image is unusable: broken, black or blurred",
    nothing: "Nothing of what this job is about is in the image",
    "too-hard": "Too hard for me: somebody else should do it",
    other: "Another reason (say it in the image note first)",
  }),
  shortReasons: /** @type {Record<string, string>} */ ({
    unusable: "Unusable",
    nothing: "Nothing to label",
    "too-hard": "Too hard",
    other: "Other",
  }),
  why: /** @type {Record<string, [string, string]>} */ ({
    paused: ["This job is paused", "Your lead has paused it. This page goes on by itself as soon as it is open again."],
    "you are paused": [
      "You are paused in this job",
      "Please ask your lead. This page goes on by itself when you may label again.",
    ],
    ended: ["This job is finished", "Thank you. All answers are in."],
    waiting: [
      "No image for you at the moment",
      "The last images are with other people. If one comes back, it appears here by itself.",
    ],
    done: [
      "You have done all of it",
      "There is no image left for you in this job. You can still correct your latest answers.",
    ],
    "nothing done": ["No image is left", "There is no image left for you in this job."],
  }),

  // own answers
  yourAnswers: "Your latest answers",
  yourAnswersText:
    "You can correct an answer until its image has its label, which takes a few minutes after the last worker’s answer.",
  noAnswers: "You have not answered an image of this job yet.",
  image: (/** @type {string} */ line) => `Image ${line}`,
  correct: "Correct",
  final: "Final",
  correcting: (/** @type {string} */ line, /** @type {string} */ time) => `Correcting image ${line}, answered ${time}`,
  stopCorrecting: "Leave it as it was",
  replaceIt: "Replace it",
  cannotCorrect: "This answer can no longer be corrected: its image has its label.",

  // leads
  allJobs: "All jobs",
  noLeadJobs: "There is no job yet",
  noLeadJobsText: "Create one with create_labeling_job.py --outside-ground-truth.",
  stats: {
    complete: "Images complete",
    answers: "Answers",
    pace: "Answers per hour",
    end: "Estimated end",
    deadline: "Deadline",
    workers: "Workers per image",
  },
  unknown: "not known yet",
  pause: "Pause",
  resume: "Resume",
  pauseJob: "Pause the job",
  resumeJob: "Resume the job",
  extend: "More time",
  extendTitle: "Give this job more time",
  extendText: (/** @type {string} */ deadline) =>
    `It ends by itself on ${deadline}. Images without enough answers then have no label.`,
  hours: "Hours more",
  finish: "Finish now",
  finishTitle: "Finish this job now?",
  finishText: (/** @type {string} */ open) =>
    `Images that still need answers: ${open}. They get no label unless somebody has answered them. You can reopen the job later.`,
  reopen: "Reopen",
  reopenTitle: "Reopen this job?",
  reopenText: "Images without a label are offered again. Labels that are there stay.",
  progress: "Progress",
  results: "Results",
  qualityReport: "Quality report",
  noResults: "The results appear here a few minutes after the job has ended.",
  atWork: "People at work",
  atWorkOrder:
    "First come those whose answers are least similar to gold images, then those who skip the largest share of images.",
  nobodyAtWork: "Nobody has labelled an image of this job yet.",
  columns: {
    name: "Name",
    answers: "Answers",
    perAnswer: "Time per answer",
    skips: "Skips",
    gold: "Gold",
    last: "Last answer",
    action: "",
  },
  goldOf: (/** @type {string} */ similarity, /** @type {number} */ n) => `${similarity} in ${count(n, "image")}`,
  noGold: "none",
  access: "Who may label",
  everyone: "Everyone who can sign in",
  onlyThese: "Only these people",
  save: "Save",
  savedNow: "Saved",
  skippedImages: "Skipped images",
  skipOrder: "Images with the most skips come first.",
  moreSkips: "There are more skips than this page can list. The order counts only those listed.",
  noSkips: "Nobody has skipped an image.",
  skipColumns: { image: "Image", who: "Who", why: "Why", when: "When" },
  peopleText: "Results name a person by pseudonym only. This list is the only place that says who is who.",
  invite: "Invite",
  inviteTitle: "Invite somebody",
  email: "E-mail address",
  asLead: "As a lead: sees everybody’s work and may pause and finish jobs",
  invited: (/** @type {string} */ email) => `Invited: ${email}`,
  personColumns: {
    name: "Name",
    email: "E-mail",
    role: "Role",
    signedIn: "Last sign-in",
    pseudonym: "Name in results",
  },
  neverSignedIn: "Invited, not yet signed in",
  roles: { lead: "Lead", worker: "Labels" },
  noPeople: "Nobody has been invited yet.",
  logText: "What leads have done, the latest first.",
  logColumns: { when: "When", who: "Who", what: "What", subject: "To what" },
  noLog: "No lead has changed anything yet.",
  actions: /** @type {Record<string, string>} */ ({
    pause: "Paused the job",
    resume: "Resumed the job",
    finish: "Finished the job",
    reopen: "Reopened the job",
    extend: "Gave more time",
    members: "Changed who may label",
    "pause worker": "Paused a person",
    "resume worker": "Resumed a person",
    invite: "Invited a person",
  }),
  refused: (/** @type {string} */ why) => `(not done: ${why})`,
};

/** By language. @type {Record<string, Texts>} */
export const languages = { en: english, de: german };

/** The texts of the page's language. @type {Texts} */
export let t = english;

/**
 * @param {readonly string[]} wanted language tags, the best first
 * @returns {string} the first available language, else English
 */
export function bestLanguage(wanted) {
  const names = wanted.map((tag) => tag.toLowerCase().split("-")[0]);
  return names.find((name) => Object.hasOwn(languages, name)) ?? "en";
}

/**
 * @param {unknown} error
 * @returns {string} why a request failed, in the language of the page; for a fault of the page, its message
 */
export function reasonOf(error) {
  const { code = "", status = 0, message = "" } = /** @type {Partial<import("./api.js").ApiError>} */ (error);
  if (Object.hasOwn(t.errors, code)) return t.errors[code];
  // A host in front of the server responds without a code.
  if (status >= 400) return t.errors[isTransient(status) ? "try-again" : status === 413 ? "too-large" : "bad-input"];
  return message || String(error);
}

/** @param {string} language one of `languages` */
export function setLanguage(language) {
  t = languages[bestLanguage([language])];
}
