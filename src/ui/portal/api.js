/** Requests to the portal's function. */
import { delayOf, isTransient } from "./retry.js";

/** A request without an answer for so long has failed. Milliseconds: the function itself ends after 30 s. */
const PATIENCE = 35_000;

/** A request that failed: the server's reason, or status 0 where no answer came. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retryAfter] seconds */
  constructor(status, code, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  get isTransient() {
    return isTransient(this.status);
  }

  /** Whether nobody is signed in, or somebody else than the person whose work was sent. */
  get isSignedOut() {
    return this.status === 401 || this.code === "other-person";
  }
}

/** CloudFront signs a request for the function only with the digest of its body. @param {string} text @returns {Promise<string>} in hex */
export async function digestOf(text) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Response} response @returns {Promise<ApiError>} */
async function errorOf(response) {
  const error = (await response.json().catch(() => null))?.error;
  const retryAfter = Number(response.headers.get("retry-after")) || 0;
  return new ApiError(
    response.status,
    String(error?.code ?? "unknown"),
    String(error?.message ?? response.statusText),
    retryAfter,
  );
}

/**
 * What a caller of `keepTrying` decides.
 * @typedef {object} Trying
 * @property {AbortSignal} [signal] gives up
 * @property {(error: ApiError, milliseconds: number) => Promise<unknown>} wait until the next try
 * @property {() => Promise<unknown>} [signIn] ends when the same person is signed in again; without it, being signed out is an error
 */

export class Api {
  /** @param {typeof fetch} [fetching] @param {string} [base] where the function is, if not on the page's own server */
  constructor(fetching = (...request) => fetch(...request), base = "") {
    this.fetching = fetching;
    this.base = base;
    /** How far the server's clock is ahead of this computer's. Milliseconds. */
    this.ahead = 0;
  }

  /** @returns {number} the time, in seconds since 1970, as the server sees it */
  now() {
    return (Date.now() + this.ahead) / 1000;
  }

  /**
   * Send a request once.
   * @param {string} method
   * @param {string} path below /api/
   * @param {unknown} [body] of anything but GET
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>} the answer's JSON
   * @throws {ApiError}
   */
  async call(method, path, body, signal) {
    const text = method === "GET" ? undefined : JSON.stringify(body ?? {});
    const headers =
      text === undefined
        ? undefined
        : { "content-type": "application/json", "x-amz-content-sha256": await digestOf(text) };
    const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
    try {
      const response = await this.fetching(`${this.base}/api/${path}`, {
        method,
        headers,
        body: text,
        credentials: "same-origin",
        redirect: "error",
        cache: "no-store",
        signal: AbortSignal.any(signals),
      });
      const date = Date.parse(response.headers.get("date") ?? "");
      if (date) this.ahead = date - Date.now();
      if (!response.ok) throw await errorOf(response);
      return await response.json();
    } catch (error) {
      throw error instanceof ApiError ? error : new ApiError(0, "no-answer", String(error));
    }
  }

  /**
   * Send a request until it succeeds, is refused for good, or is given up.
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   * @param {Trying} trying
   * @returns {Promise<any>}
   * @throws {ApiError}
   */
  async keepTrying(method, path, body, { signal, wait, signIn }) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.call(method, path, body, signal);
      } catch (caught) {
        const error = /** @type {ApiError} */ (caught);
        if (signal?.aborted) throw error;
        if (error.isSignedOut && signIn) {
          await signIn();
          attempt = -1;
        } else if (error.isTransient) await wait(error, delayOf(attempt, error.retryAfter));
        else throw error;
        if (signal?.aborted) throw error;
      }
    }
  }
}
