import { addUsage, type ModelUsage, NO_USAGE, tokensOf } from "../domain/model.ts";

/** What a planning may spend and has spent, on whatever it asked the model. */
export class PlanningAccount {
  /** As configured, e.g. `openai/gpt-5-mini`. */
  readonly model: string;
  readonly reserve_tokens: number;
  usage: ModelUsage = NO_USAGE;
  /** Times that the model was asked for a plan. */
  rounds = 0;
  /** How many of the provider's tokens one of ours is, as far as it has reported any. */
  #ratio = 1;

  constructor(model: string, reserve_tokens: number) {
    this.model = model;
    this.reserve_tokens = reserve_tokens;
  }

  left(): number {
    return this.reserve_tokens - tokensOf(this.usage);
  }

  /** About what the provider will count for a question of so many of our tokens. */
  price(counted: number): number {
    return Math.ceil(counted * this.#ratio);
  }

  /** Adds what a question of `counted` of our tokens cost with its answer. */
  charge(usage: ModelUsage, counted: number): void {
    this.usage = addUsage(this.usage, usage);
    if (usage.source === "provider" && usage.input_tokens > 0)
      this.#ratio = Math.max(1, usage.input_tokens / Math.max(1, counted));
  }

  spent(): { model: string; rounds: number; usage: ModelUsage; reserve_tokens: number } {
    const { model, rounds, usage, reserve_tokens } = this;
    return { model, rounds, usage, reserve_tokens };
  }
}
