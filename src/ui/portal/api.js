/** Requests to the portal's function. */
import { delayOf, isTransient } from "./retry.js";

/** Timeout of a request, in milliseconds. The function itself ends after 30 s. */
const PATIENCE = 35_000;

/** An error for a failed request: the server's reason, or status 0 if there was no response. */
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

  /** Whether nobody is signed in, or a person other than the one whose work was sent. */
  get isSignedOut() {
    return this.status === 401 || this.code === "other-person";
  }
}

/**
 * Return a body's SHA-256 digest. CloudFront needs it to sign a request to the function.
 * @param {string} text
 * @returns {Promise<string>} in hex
 */
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
 * Options of `keepTrying`.
 * @typedef {object} Trying
 * @property {AbortSignal} [signal] gives up
 * @property {(error: ApiError, milliseconds: number) => Promise<unknown>} wait until the next try
 * @property {() => Promise<unknown>} [signIn] resolves when the same person is signed in again; without it, a
 *     signed-out request fails
 */

export class Api {
  /** @param {typeof fetch} [fetching] @param {string} [base] the function's server, by default the page's own */
  constructor(fetching = (...request) => fetch(...request), base = "") {
    this.fetching = fetching;
    this.base = base;
    /**
     * Difference between the server's clock and this computer's, in milliseconds; positive if the server's is ahead.
     */
    this.ahead = 0;
  }

  /** @returns {number} the server's time, in seconds since 1970 */
  now() {
    return (Date.now() + this.ahead) / 1000;
  }

  /**
   * Send a request once.
   * @param {string} method
   * @param {string} path below /api/
   * @param {unknown} [body] for methods other than GET
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>} the response's JSON
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
   * Send a request until it succeeds, fails permanently, or is aborted.
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
