import { styleText } from "node:util";
import type { KamachiqEvent } from "../../domain/events.ts";
import type { Output } from "../deps.ts";
import { type Paint, renderFrame } from "./frame.ts";
import { eventLine } from "./events.ts";
import type { ViewModel } from "./model.ts";
import { duration, line } from "./text.ts";

/** Shows a watched project in one of three ways. */
export interface Renderer {
  event(event: KamachiqEvent, model: ViewModel): void;
  /** Called after every change, and about ten times a second. */
  update(model: ViewModel): void;
  /** Shows a line that stays, where the way of showing needs a say in it. */
  note?(line: string): void;
  /** Leaves the screen in order; nothing is shown after it. */
  close(): void;
}

const PLAIN_COLUMNS_MAX = 500;

export function painter(output: Output): Paint {
  const colours = output.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
  return colours ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

/** Events as they are, one JSON document a line. */
export function jsonRenderer(output: Output): Renderer {
  return {
    event: (event) => void output.write(`${JSON.stringify(event)}\n`),
    update() {},
    close() {},
  };
}

/** A line for every change, for logs and pipes. */
export function plainRenderer(output: Output): Renderer {
  return {
    event(event, { project }) {
      const text = eventLine(event);
      if (text === null) return;
      const clock = duration(Date.parse(event.time) - Date.parse(project.created_at));
      output.write(`${line(`${clock}  ${text}`, PLAIN_COLUMNS_MAX).trimEnd()}\n`);
    },
    update() {},
    close() {},
  };
}

/** A block that is redrawn in place. Loads log-update, which only a terminal needs. */
export async function terminalRenderer(output: Output & NodeJS.WritableStream): Promise<Renderer> {
  const { createLogUpdate } = await import("log-update");
  const log = createLogUpdate(output);
  const paint = painter(output);
  return {
    event() {},
    update(model) {
      const { columns = 80, rows = 24 } = output;
      log(renderFrame(model, { columns, rows, now: Date.now(), paint }).join("\n"));
    },
    note(text) {
      log.persist(text);
    },
    close() {
      log.done();
    },
  };
}
