import { EventSourceParserStream } from "eventsource-parser/stream";
import type { KamachiqEvent } from "../domain/events.ts";
import { type ApiClient, UnreachableError } from "./api-client.ts";

/** The server sends a comment every 10 seconds; silence for this long means that the connection is dead. */
const SILENCE_MS = 30_000;

/**
 * The project's events after `after`, in order, until the project ends. Throws UnreachableError when the connection
 * breaks: call again with the last sequence.
 */
export async function* followEvents(
  client: ApiClient,
  projectId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<KamachiqEvent> {
  const silence = new AbortController();
  const response = await client.request("GET", `/v1/projects/${projectId}/events`, {
    headers: { accept: "text/event-stream", "last-event-id": String(after) },
    signal: AbortSignal.any([signal, silence.signal]),
  });
  if (response.status === 204 || response.body === null) return;
  const watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
  const alive = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      watchdog.refresh();
      controller.enqueue(chunk);
    },
  });
  try {
    const messages = response.body
      .pipeThrough(alive)
      .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
      .pipeThrough(new EventSourceParserStream());
    for await (const message of messages) {
      const event = JSON.parse(message.data) as KamachiqEvent;
      yield event;
      if (event.type === "kamachiq.complete.finished") return;
    }
  } catch (error) {
    throw new UnreachableError("The stream of events broke off.", error);
  } finally {
    clearTimeout(watchdog);
    silence.abort();
  }
  throw new UnreachableError("The server ended the stream of events.");
}
