/**
 * The types of the portal's page: the responses of its function. This module has no code.
 *
 * @typedef {{answers: number, seconds: number, skips: number}} Mine the signed-in person's totals in a job
 *
 * @typedef {object} JobCard
 * @property {string} name
 * @property {string} title
 * @property {string} description
 * @property {string} status
 * @property {boolean} ended
 * @property {boolean} paused
 * @property {number} images
 * @property {number} complete
 * @property {number} workersPerImage
 * @property {Mine} mine
 *
 * @typedef {JobCard & {hasWork: boolean}} OwnJobCard `hasWork` says whether some worker may still get an image
 *
 * @typedef {{id: string, name: string, lead: boolean}} Person
 * @typedef {{person: Person, jobs: OwnJobCard[], expires: number}} Me `expires` in seconds since 1970
 *
 * @typedef {object} JobPage the data that all tasks of a job share
 * @property {string} name
 * @property {string} title
 * @property {string} description
 * @property {Record<string, string>} attributes of the labelling element
 * @property {string} language of the instructions
 * @property {string} instructions HTML from the job's template, untrusted
 *
 * @typedef {object} Task
 * @property {number} line
 * @property {string} image a signed link
 * @property {string | null} smallImage
 * @property {string | null} prelabels
 * @property {Record<string, string>} input the task input that the job's pre-annotation function made from the manifest
 *     line
 * @property {number} until when the lease ends, in seconds since 1970
 * @property {number} since
 *
 * @typedef {"paused" | "you are paused" | "ended" | "waiting" | "done"} Why the reason why there is no task
 * @typedef {{tasks: Task[], why: Why | null, mine: Mine}} Tasks
 * @typedef {{line: number, time: number, canCorrect: boolean}} OwnAnswer
 * @typedef {Record<string, string>} Content the fields of an answer, as crowd-form sends them
 *
 * @typedef {JobCard & {everyone: boolean, members: string[], deadline: number, created: number, answers: number, open: number}} LeadJob
 *
 * @typedef {object} WorkerRow
 * @property {string} id
 * @property {string} name
 * @property {number} answers
 * @property {number} seconds
 * @property {number} skips
 * @property {number} goldAnswers
 * @property {number | null} goldSimilarity 0 to 1
 * @property {boolean} paused
 * @property {number | null} last time of the last answer, in seconds since 1970
 *
 * @typedef {{line: number, worker: string, reason: string, note: string, time: number}} Skip
 * @typedef {LeadJob & {workers: WorkerRow[], skips: Skip[], moreSkips: boolean, pacePerHour: number | null, estimatedEnd: number | null, problem: string}} JobReport
 * @typedef {{name: string, url: string, size: number}} ResultFile
 * @typedef {{id: string, name: string, email: string, lead: boolean, signedIn: number | null}} PersonRow
 * @typedef {object} LogEntry
 * @property {number} time
 * @property {string} lead the pseudonym
 * @property {string} action
 * @property {string} subject a job, a job and a pseudonym with a slash between, or a pseudonym
 * @property {{hours?: number}} detail
 * @property {string} [refused] the reason, if the action was refused
 */

export {};
