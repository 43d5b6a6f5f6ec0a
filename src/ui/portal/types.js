/**
 * The vocabulary of the portal's page: what its function answers. No code.
 *
 * @typedef {{answers: number, seconds: number, skips: number}} Mine what the signed-in person has done in a job
 *
 * @typedef {object} JobCard
 * @property {string} name
 * @property {string} title
 * @property {string} description
 * @property {string} status
 * @property {boolean} paused
 * @property {number} images
 * @property {number} complete
 * @property {number} workersPerImage
 * @property {Mine} mine
 *
 * @typedef {{id: string, name: string, lead: boolean}} Person
 * @typedef {{person: Person, jobs: JobCard[], expires: number}} Me `expires` in seconds since 1970
 *
 * @typedef {object} JobPage what the tasks of a job have in common
 * @property {string} name
 * @property {string} title
 * @property {string} description
 * @property {Record<string, string>} attributes of the labelling element
 * @property {string} language of the instructions
 * @property {string} instructions HTML from the job's template, not to be trusted
 *
 * @typedef {object} Task
 * @property {number} line
 * @property {string} image a signed link
 * @property {string | null} smallImage
 * @property {string | null} prelabels
 * @property {Record<string, string>} input what the job's function made of the manifest line
 * @property {number} until when the lease ends, in seconds since 1970
 * @property {number} since
 *
 * @typedef {"paused" | "you are paused" | "ended" | "waiting" | "done"} Why there is no task
 * @typedef {{tasks: Task[], why: Why | null, mine: Mine}} Tasks
 * @typedef {{line: number, time: number, canCorrect: boolean}} OwnAnswer
 * @typedef {Record<string, string>} Content the fields of an answer, as crowd-form would send them
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
 * @property {number | null} last when the last answer came
 *
 * @typedef {{line: number, worker: string, reason: string, note: string, time: number}} Skip
 * @typedef {LeadJob & {workers: WorkerRow[], skips: Skip[], pacePerHour: number | null, estimatedEnd: number | null, problem: string}} JobReport
 * @typedef {{name: string, url: string, size: number}} ResultFile
 * @typedef {{id: string, name: string, email: string, lead: boolean, signedIn: number | null}} PersonRow
 * @typedef {object} LogEntry
 * @property {number} time
 * @property {string} lead the pseudonym
 * @property {string} action
 * @property {string} subject a job, a job and a pseudonym with a slash between, or a pseudonym
 * @property {{hours?: number}} detail
 * @property {string} [refused] why nothing was done
 */

export {};
