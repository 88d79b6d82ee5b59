import { KamachiqError, TransientError } from "../domain/errors.ts";
import { fromProblem, type ProblemDetails } from "./errors.ts";

const REQUEST_TIMEOUT_MS = 60_000;

/** A server that answers nothing or nonsense: the caller may start it again. */
export class UnreachableError extends TransientError {}

export interface RequestOptions {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The HTTP API with one principal's token. Problems come out as the KamachiqErrors that they were. */
export class ApiClient {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async get<T>(path: string, query: RequestOptions["query"] = {}): Promise<T> {
    const response = await this.request("GET", path, { query });
    return (await this.#body(response)) as T;
  }

  async post<T>(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<T> {
    const response = await this.request("POST", path, { body, headers });
    return (await this.#body(response)) as T;
  }

  /** The answer as it is; throws for anything but success. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const url = new URL(path, this.url);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(options.body === undefined ? {} : { "content-type": "application/json" }),
          ...options.headers,
        },
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        signal: options.signal ?? AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
    } catch (error) {
      throw new UnreachableError(`The server at ${this.url} does not answer.`, error);
    }
    if (response.ok) return response;
    throw await problemOf(response);
  }

  async #body(response: Response): Promise<unknown> {
    try {
      return await response.json();
    } catch (error) {
      throw new UnreachableError(`The server at ${this.url} broke off its answer.`, error);
    }
  }
}

async function problemOf(response: Response): Promise<KamachiqError> {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text) as ProblemDetails;
    if (typeof problem.detail === "string" && typeof problem.code === "string") return fromProblem(problem);
  } catch {
    // not a problem document
  }
  return new KamachiqError(`The server answered ${response.status}.`, { code: "unexpected_answer" });
}
