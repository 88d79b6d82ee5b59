import type { EventFeed } from "./event-feed.ts";

/** A client that was just given a project has this long to start watching it, in milliseconds. */
const CLAIM_MS = 10_000;

/** Which projects a client is attached to: it watches the events, or was given the project a moment ago. */
export class Attachments {
  readonly #feed: EventFeed;
  readonly #claims = new Map<string, number>();

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  claim(projectId: string): void {
    const now = Date.now();
    for (const [id, until] of this.#claims) if (until <= now) this.#claims.delete(id);
    this.#claims.set(projectId, now + CLAIM_MS);
  }

  attached(projectId: string): boolean {
    return this.#feed.watched(projectId) || (this.#claims.get(projectId) ?? 0) > Date.now();
  }
}
