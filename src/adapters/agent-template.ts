import { BudgetError, InputError, KamachiqError } from "../domain/errors.ts";
import { claimCovers } from "../domain/paths.ts";
import { countTokens } from "../platform/tokens.ts";
import type { AgentOutcome, AgentTask, CodingAgent } from "../ports/coding-agent.ts";
import { briefOf, capsuleWork } from "./capsule-work.ts";
import { readBelow, writeBelow } from "./workspace-files.ts";

const SUMMARY_MAX = 8_000;

/**
 * The deterministic agent: writes the files that the capsule's templates make of the parameters, and reviews by
 * reading. Its tokens are a tokenizer's count of what it reads and writes, and cost no money.
 * Throws KamachiqError `no_template` for a task that has none, BudgetError before a write that the budget does not cover.
 */
export function createTemplateAgent(): CodingAgent {
  return {
    name: "template",
    async run(request) {
      const { capsule, task, parameters, spec, workspace } = request;
      const { files } = capsuleWork(capsule, task.id, parameters, spec);
      if (files.length === 0 && task.type !== "review") {
        throw new KamachiqError(`The capsule ${capsule.capsule.id} has no template for task ${task.id}.`, {
          code: "no_template",
          remedy: "Give the task files in the capsule, or run it with an agent that has a model.",
        });
      }
      const meter = new Meter(request);
      meter.read(
        `the task ${task.id}`,
        [briefOf(task, parameters), ...request.feedback.map(({ message }) => message)].join("\n"),
      );
      const read = await readInputs(request, meter);
      for (const { path, content } of files) {
        if (!task.paths.some((claim) => claimCovers(claim, path))) {
          throw new InputError(`Task ${task.id} may not write ${path}.`, {
            code: "path_invalid",
            remedy: "Name it in the task's paths.",
          });
        }
        meter.write(path, content);
        await writeBelow(workspace, path, content);
      }
      const written = files.map(({ path }) => path);
      return { summary: summarize(request, read, written), usage: meter.usage(), files: written };
    },
  };
}

async function readInputs({ task, workspace }: AgentTask, meter: Meter): Promise<string[]> {
  const paths = (task.inputs["reads"] ?? []) as string[];
  for (const path of paths) {
    const content = await readBelow(workspace, path);
    if (content === null) {
      throw new KamachiqError(`Task ${task.id} reads ${path}, which is not in its workspace.`, {
        code: "input_missing",
        remedy: "Let the task depend on the one that writes it.",
      });
    }
    meter.read(path, content);
  }
  return paths;
}

function summarize({ task, feedback }: AgentTask, read: readonly string[], written: readonly string[]): string {
  const lines = [
    ...(read.length === 0 ? [] : [`Read: ${read.join(", ")}.`]),
    ...(written.length === 0 ? ["Wrote nothing."] : [`Wrote: ${written.join(", ")}.`]),
    ...feedback.map(({ check, message }) => `Feedback of ${check}: ${message.slice(0, 500)}`),
  ];
  return [`${task.id}: ${task.description}`, ...lines].join("\n").slice(0, SUMMARY_MAX);
}

/** Counts tokens and steps, and stops before the budget is overdrawn. */
class Meter {
  private readonly task: AgentTask;
  private input = 0;
  private output = 0;
  private step = 0;

  constructor(task: AgentTask) {
    this.task = task;
  }

  read(name: string, text: string): void {
    this.input += this.take(`read ${name}`, text);
  }

  write(path: string, text: string): void {
    this.output += this.take(`write ${path}`, text);
  }

  usage(): AgentOutcome["usage"] {
    return { input_tokens: this.input, output_tokens: this.output, source: "tokenizer", usd: 0 };
  }

  private take(message: string, text: string): number {
    const { signal, budget_tokens, task } = this.task;
    signal.throwIfAborted();
    const tokens = countTokens(text);
    const left = budget_tokens - this.input - this.output;
    if (tokens > left) {
      throw new BudgetError(
        `Task ${task.id} stopped before it could ${message}: that takes ${tokens} tokens, and ${left} of ${budget_tokens} are left.`,
        "Raise budget.tokens in the spec.",
      );
    }
    this.step += 1;
    this.task.progress({ step: this.step, message, tokens: this.input + this.output + tokens });
    return tokens;
  }
}
