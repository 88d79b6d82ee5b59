import { setTimeout as sleep } from "node:timers/promises";
import { KamachiqError } from "../domain/errors.ts";
import { ApiClient } from "./api-client.ts";
import type { CliDeps, Output } from "./deps.ts";
import { EXIT } from "./exit-code.ts";
import { ensureServer, findServer } from "./server-process.ts";

/** A server that has died is started again at most this often while a command runs. */
const RESTARTS_MAX = 5;
/** A server that is busy for a moment is not dead: tries, and the time between them in milliseconds. */
const PATIENCE = { tries: 4, wait_ms: 250 };

export interface GlobalOptions {
  home?: string | undefined;
  as?: string | undefined;
  json?: boolean | undefined;
}

/** One run of a command: its options, where it writes, and its connection to the server. */
export class Session {
  readonly deps: CliDeps;
  readonly options: GlobalOptions;
  /** Set by a command that deals with Ctrl-C itself. */
  handlesInterrupt = false;
  #restarts = 0;
  #sandbox: string | undefined;

  constructor(deps: CliDeps, options: GlobalOptions) {
    this.deps = deps;
    this.options = options;
  }

  get json(): boolean {
    return this.options.json === true;
  }

  get stdout(): Output {
    return this.deps.stdout;
  }

  /** Lines for people while something takes long; never on stdout. */
  readonly progress = (line: string): void => this.note(line);

  /** Where progress goes; a view that redraws itself puts it above. */
  note = (line: string): void => void this.deps.stderr.write(`${line}\n`);

  home(): Promise<string> {
    return this.deps.installation.home(this.options.home);
  }

  /** One JSON document for programs, or text for people. */
  print(document: unknown, text: () => string): void {
    this.stdout.write(this.json ? `${JSON.stringify(document)}\n` : text());
  }

  /** Connects to this home's server and starts it when it does not run. */
  async connect(sandbox?: string): Promise<ApiClient> {
    this.#sandbox = sandbox ?? this.#sandbox;
    const home = await this.home();
    const { version, installation, entries, env } = this.deps;
    const { url } = await ensureServer({
      home,
      version,
      installation,
      entry: entries.server,
      sandbox: this.#sandbox,
      env,
      progress: this.progress,
    });
    return new ApiClient(url, await installation.token(home, this.options.as ?? "admin"));
  }

  /** Connects again after a loss; a server that has died is started again, and the user is told. */
  async reconnect(): Promise<ApiClient> {
    const home = await this.home();
    for (let attempt = 0; attempt < PATIENCE.tries; attempt++) {
      if ((await findServer({ home, ...this.deps })) !== null) return this.connect();
      await sleep(PATIENCE.wait_ms);
    }
    let why = "The server ended";
    for (;;) {
      this.#restarts += 1;
      if (this.#restarts > RESTARTS_MAX) throw unstable(why, home);
      this.progress(`${why}; starting it again (${this.#restarts} of ${RESTARTS_MAX}).`);
      try {
        return await this.connect();
      } catch (error) {
        // It ran in this home a moment ago, so that only what the user has to change is final.
        if (!(error instanceof KamachiqError) || error.exit_code !== EXIT.failed) throw error;
        why = [error.message, ...error.problems].join(" ").replace(/\.$/, "");
        await sleep(PATIENCE.wait_ms * 2 ** this.#restarts);
      }
    }
  }
}

function unstable(why: string, home: string): KamachiqError {
  return new KamachiqError(`The server ended ${RESTARTS_MAX + 1} times.`, {
    code: "server_unstable",
    problems: [why],
    remedy: `Its log is in ${home}/logs. The project goes on with \`kamachiq resume\`.`,
  });
}
