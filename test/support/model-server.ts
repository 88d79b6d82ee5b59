import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const PROCESS = fileURLToPath(new URL("model-process.ts", import.meta.url));
const READY_MS_MAX = 30_000;
const BODY_BYTES_MAX = 1_000_000;

/** To the process that holds the model. */
export type ToModel =
  | {
      type: "complete";
      id: number;
      prompt: string;
      /** What the model may write: one text, or whatever fits a JSON Schema. */
      grammar: { type: "text"; text: string } | { type: "schema"; schema: unknown };
      tokens_max: number;
      /** Pause after each token, in milliseconds. */
      token_ms: number;
    }
  | { type: "cancel"; id: number };

/** From it. */
export type FromModel =
  | { type: "ready" }
  | { type: "text"; id: number; text: string }
  | { type: "end"; id: number; finish: "stop" | "length"; input_tokens: number; output_tokens: number }
  | { type: "overflow"; id: number; tokens: number; context: number }
  | { type: "failed"; id: number; message: string };

/** How one request is answered. Text is decoded by the model under a grammar that allows nothing else. */
export type Reply =
  | { text: string; token_ms?: number; without_usage?: true; cut_after_characters?: number; refused?: true }
  /** Whatever the model makes of the schema that the client sent. */
  | { schema: true }
  | { status: number; message?: string; headers?: Record<string, string>; body?: string };

/** A reply, or what answers a request with one. */
export type Answering = Reply | ((body: SeenRequest["body"]) => Reply);

/** A request as it came. */
export interface SeenRequest {
  authorization: string | undefined;
  body: {
    model: string;
    messages: { role: string; content: string }[];
    max_tokens?: number;
    temperature?: number;
    seed?: number;
    response_format?: { type: string; json_schema?: { schema: unknown; strict?: boolean } };
  };
}

/** An OpenAI-compatible server on loopback with a model behind it that really computes. */
export class ModelServer {
  readonly #child: ChildProcess;
  readonly #server: Server;
  readonly #scripts = new Map<string, Answering[]>();
  readonly #listeners = new Map<number, (message: FromModel) => void>();
  readonly seen: SeenRequest[] = [];
  #next = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message: FromModel) => {
      if ("id" in message) this.#listeners.get(message.id)?.(message);
    });
    child.on("exit", (code) => {
      for (const [id, listener] of this.#listeners) {
        listener({ type: "failed", id, message: `the model's process ended with ${code}` });
      }
    });
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  /** Starts it on a free port of the loopback interface. */
  static async start({ path, runtime }: { path: string; runtime: string }): Promise<ModelServer> {
    const child = fork(PROCESS, [path, runtime], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const server = new ModelServer(child);
    await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the model's process ended with ${code}`))),
      new Promise((_, reject) => setTimeout(reject, READY_MS_MAX, new Error("the model does not load")).unref()),
    ]);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** Replies to the requests for a model, in order; the last one is for all that follow. */
  script(model: string, ...replies: Answering[]): void {
    this.#scripts.set(model, replies);
    this.seen.length = 0;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    if (this.#child.exitCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, "exit");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await read(request)) as SeenRequest["body"];
    this.seen.push({ authorization: request.headers.authorization, body });
    const replies = this.#scripts.get(body.model);
    const next = replies !== undefined && replies.length > 1 ? replies.shift() : replies?.[0];
    const reply = typeof next === "function" ? next(body) : next;
    if (reply === undefined)
      return fail(response, { status: 404, message: `The model '${body.model}' does not exist` });
    if ("status" in reply) return fail(response, reply);
    await this.#stream(body, reply, response);
  }

  async #stream(
    body: SeenRequest["body"],
    reply: Exclude<Reply, { status: number }>,
    response: ServerResponse,
  ): Promise<void> {
    const id = (this.#next += 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const chunk = (choices: unknown[], more: object = {}): void => {
      if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
      const frame = {
        id: `chatcmpl-${id}`,
        object: "chat.completion.chunk",
        created: 0,
        model: body.model,
        choices,
        ...more,
      };
      response.write(`data: ${JSON.stringify(frame)}\n\n`);
    };
    const field = "refused" in reply ? "refusal" : "content";
    let written = 0;
    this.#listeners.set(id, (message) => {
      if (message.type === "text") {
        chunk([{ index: 0, delta: { role: "assistant", [field]: message.text }, finish_reason: null }]);
        written += message.text.length;
        if ("cut_after_characters" in reply && written >= (reply.cut_after_characters ?? Infinity)) response.destroy();
        return;
      }
      if (message.type === "end") {
        chunk([{ index: 0, delta: {}, finish_reason: message.finish }]);
        const { input_tokens: prompt_tokens, output_tokens: completion_tokens } = message;
        const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
        if (!("without_usage" in reply)) chunk([], { usage });
        response.end("data: [DONE]\n\n");
      } else if (message.type === "overflow") {
        const told = `This model's maximum context length is ${message.context} tokens; the request has ${message.tokens}`;
        fail(response, { status: 400, message: told });
      } else if (message.type === "failed") {
        fail(response, { status: 500, message: message.message });
      }
      resolve();
    });
    response.on("close", () => {
      if (this.#child.connected) this.#child.send({ type: "cancel", id } satisfies ToModel);
      resolve();
    });
    const grammar: Extract<ToModel, { type: "complete" }>["grammar"] =
      "schema" in reply
        ? { type: "schema", schema: body.response_format?.json_schema?.schema }
        : { type: "text", text: reply.text };
    this.#child.send({
      type: "complete",
      id,
      prompt: `${body.messages.map(({ role, content }) => `<|${role}|>\n${content}\n`).join("")}<|assistant|>\n`,
      grammar,
      tokens_max: body.max_tokens ?? 4_096,
      token_ms: ("token_ms" in reply ? reply.token_ms : undefined) ?? 0,
    } satisfies ToModel);
    await promise;
    this.#listeners.delete(id);
  }
}

function fail(
  response: ServerResponse,
  { status, message = "", headers = {}, body }: Extract<Reply, { status: number }>,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(body ?? JSON.stringify({ error: { message, type: "error", code: null } }));
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error("the request is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
