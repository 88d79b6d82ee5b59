import type { PlannerHeuristics } from "../domain/heuristics.ts";
import { ModelError } from "../domain/model.ts";
import { PlanningError } from "../domain/planning.ts";
import { excerpt } from "../platform/text.ts";
import type { LanguageModel, ModelMessage, ObjectAnswer } from "../ports/model.ts";
import { requestTokens } from "./model-tokens.ts";
import type { PlanningAccount } from "./planning-account.ts";

/** With less there is no plan in an answer, so that asking for one would be money thrown away. */
const OUTPUT_TOKENS_MIN = 200;
/** Problems that go back to the model, and characters of its answer that it sees again. */
const PROBLEMS_MAX = 40;
const ANSWER_CHARACTERS_MAX = 20_000;

export interface DialogueTerms {
  instructions: string;
  message: string;
  schema: Record<string, unknown>;
  limits: PlannerHeuristics["model"];
  account: PlanningAccount;
  /** When planning began, by `performance.now()`: the time limit counts from there. */
  started_ms: number;
  signal: AbortSignal | undefined;
}

/** What is wrong with an answer, and what helps to mend it. */
export interface Rejected {
  problems: string[];
  help?: string | undefined;
}

/** Question, answer, problems, next answer: within rounds, seconds and tokens. */
export class Dialogue {
  readonly #model: LanguageModel;
  readonly #terms: DialogueTerms;
  readonly #messages: ModelMessage[];
  readonly #deadline: number;
  readonly #account: PlanningAccount;
  #problems: string[] = [];

  constructor(model: LanguageModel, terms: DialogueTerms) {
    this.#model = model;
    this.#terms = terms;
    this.#account = terms.account;
    this.#messages = [{ role: "user", content: terms.message }];
    this.#deadline = terms.started_ms + terms.limits.seconds_max * 1_000;
  }

  /** The first answer that `check` makes something of. */
  async until<T extends object>(check: (text: string) => Promise<T | Rejected>): Promise<T> {
    const { rounds_max } = this.#terms.limits;
    while (this.#account.rounds < rounds_max) {
      const answer = await this.#ask();
      const result = answer.end === "truncated" ? this.#truncated() : await check(answer.text);
      if (!("problems" in result)) return result;
      this.#problems = result.problems.slice(0, PROBLEMS_MAX);
      this.#messages.push(
        { role: "assistant", content: excerpt(answer.text, ANSWER_CHARACTERS_MAX) },
        { role: "user", content: repairOf(this.#problems, result.help) },
      );
    }
    throw this.#failed(
      `The model ${this.#model.reference} gave no plan that keeps the rules in ${rounds_max} rounds.`,
      "plan_invalid",
      "Name the capsule in the spec, state the goals more plainly, or configure a more capable model (KAMACHIQ_MODEL). The last answer's problems are above.",
      this.#problems,
    );
  }

  async #ask(): Promise<ObjectAnswer> {
    const { instructions, schema, signal } = this.#terms;
    const content = { instructions, messages: this.#messages, schema };
    const counted = requestTokens(content);
    const output_tokens_max = this.#affordable(counted);
    const timeout_ms = Math.round(this.#deadline - performance.now());
    if (timeout_ms <= 0) throw this.#timedOut("No time was left to ask again.");
    this.#account.rounds += 1;
    try {
      const answer = await this.#model.generateObject({
        ...content,
        schema_name: "plan",
        output_tokens_max,
        timeout_ms,
        signal,
      });
      this.#account.charge(answer.usage, counted);
      if (answer.end !== "refused") return answer;
      throw this.#failed(
        `The model ${this.#model.reference} refused to plan: ${excerpt(answer.text, 300)}`,
        "model_refused",
        "Reword the goals or attachments that it objects to, or configure another model (KAMACHIQ_MODEL).",
      );
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      this.#account.charge(error.usage, counted);
      if (error.code === "model_timeout") throw this.#timedOut(error.message);
      const { code, remedy, status } = error;
      throw new PlanningError(
        `Planning failed in ${this.#doing()}. ${error.message}`,
        { code, remedy, status, cause: error },
        this.#account.spent(),
      );
    }
  }

  /** Tokens that the answer may have, after the reserve has paid for the question. */
  #affordable(counted: number): number {
    const { limits } = this.#terms;
    const { reserve_tokens } = this.#account;
    const question = this.#account.price(counted);
    const left = this.#account.left();
    if (left - question >= OUTPUT_TOKENS_MIN) return Math.min(limits.output_tokens_max, left - question);
    throw this.#failed(
      `Planning may use ${reserve_tokens} tokens (${limits.reserve_share * 100} % of the budget), and ${left} are left: too few for the next question to the model ${this.#model.reference}, of about ${question} tokens, and an answer.`,
      "planning_budget_exhausted",
      "Raise budget.tokens in the spec, shorten the attachments, or name a capsule so that no model is needed.",
      this.#problems,
    );
  }

  #truncated(): Rejected {
    return {
      problems: [
        "The answer was cut off at the limit of its length. Answer more briefly: shorter reasons, fewer deliverables.",
      ],
    };
  }

  /** What the model was last asked for. */
  #doing(): string {
    const count = this.#problems.length;
    const round = `round ${Math.max(1, this.#account.rounds)} of ${this.#terms.limits.rounds_max}`;
    if (count === 0) return `${round}, its first answer`;
    return `${round}, in which it was to mend ${count} problem${count === 1 ? "" : "s"} (${excerpt(this.#problems[0] ?? "", 200)})`;
  }

  #timedOut(doing: string): PlanningError {
    return this.#failed(
      `Planning with the model ${this.#model.reference} did not end within ${this.#terms.limits.seconds_max} s; it was in ${this.#doing()}. ${doing}`,
      "planning_timeout",
      "Configure a faster model (KAMACHIQ_MODEL), shorten the attachments, or name a capsule so that no model is needed.",
      this.#problems,
      504,
    );
  }

  #failed(message: string, code: string, remedy: string, problems: string[] = [], status = 502): PlanningError {
    return new PlanningError(message, { code, remedy, problems, status }, this.#account.spent());
  }
}

function repairOf(problems: readonly string[], help: string | undefined): string {
  const said = [
    "That answer can't be used:",
    ...problems.map((problem) => `- ${problem}`),
    ...(help === undefined ? [] : [help]),
    "Answer again with the whole JSON object, corrected.",
  ];
  return said.join("\n");
}
