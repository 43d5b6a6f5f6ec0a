/** Bringing one answer to the server, whatever became of earlier tries. */
/** @import {Content} from "./types.js" */
import { ApiError } from "./api.js";

/** The server's limit for the time of one answer. Seconds. */
const MOST_SECONDS = 86_400;

/** @param {Content} content @returns {number} seconds that the worker took, as the element counted them */
export const secondsOf = (content) => Math.min(MOST_SECONDS, Math.max(0, Number(content.total_time_in_seconds) || 0));

/** @param {Content} content @param {string} person whose answer it is @returns {{content: Content, seconds: number, person: string}} the request's body */
export const bodyOf = (content, person) => ({ content, seconds: secondsOf(content), person });

/**
 * Deliver an answer. If the server has one of this worker already, an earlier try arrived whose acknowledgement did not.
 * Unless all earlier tries were of this very content, this one corrects it.
 *
 * @param {(method: "POST" | "PUT") => Promise<{verdict: string}>} send
 * @param {string} text of the content
 * @param {ReadonlySet<string>} tried texts that this page sent before, without being told what became of them
 * @returns {Promise<"accepted" | "earlier">} "earlier" where an earlier version counts and can no longer be replaced
 */
export async function deliver(send, text, tried) {
  const { verdict } = await send("POST");
  if (verdict !== "repeated" || (tried.size === 1 && tried.has(text))) return "accepted";
  try {
    await send("PUT");
    return "accepted";
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return "earlier";
    throw error;
  }
}
