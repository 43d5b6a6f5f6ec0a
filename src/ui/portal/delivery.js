/** Delivers one answer to the server, also if earlier attempts may have arrived. */
/** @import {Content} from "./types.js" */
import { ApiError } from "./api.js";

/** The server's limit for the time of one answer, in seconds. */
const MOST_SECONDS = 86_400;

/** @param {Content} content @returns {number} the worker's time in seconds, measured by the element */
const secondsOf = (content) => Math.min(MOST_SECONDS, Math.max(0, Number(content.total_time_in_seconds) || 0));

/** @param {Content} content @param {string} person whose answer it is @returns {{content: Content, seconds: number, person: string}} the request's body */
export const bodyOf = (content, person) => ({ content, seconds: secondsOf(content), person });

/**
 * Deliver an answer. If the server already has one from this worker, an earlier attempt arrived, but its
 * acknowledgement was lost. In that case the answer is sent as a correction, unless all earlier attempts had the same
 * content.
 *
 * @param {(method: "POST" | "PUT") => Promise<{verdict: string}>} send
 * @param {string} text of the content
 * @param {ReadonlySet<string>} tried texts that this page sent before without an acknowledgement
 * @returns {Promise<"accepted" | "earlier">} "earlier" if an earlier version counts and can no longer be replaced
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
