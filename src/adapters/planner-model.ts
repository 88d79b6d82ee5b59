import type { Capsule } from "../domain/capsule.ts";
import { InputError } from "../domain/errors.ts";
import type { GraphCatalogue } from "../domain/graph.ts";
import { PlannerHeuristics } from "../domain/heuristics.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import { tokensOf } from "../domain/model.ts";
import type { Plan } from "../domain/plan.ts";
import { validatePlan } from "../domain/plan-rules.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import type { LanguageModel } from "../ports/model.ts";
import type { Planner } from "../ports/planner.ts";
import type { Summariser } from "../ports/summariser.ts";
import type { TaskHistory } from "../ports/task-history.ts";
import { attachmentText } from "./planner-attachments.ts";
import { type AnswerRules, type CheckedAnswer, checkAnswer } from "./planner-answer.ts";
import { PLANNER, planOf } from "./planner-capsule.ts";
import { Dialogue } from "./planner-dialogue.ts";
import { unfoldDrafts } from "./planner-drafts.ts";
import { deliveryCapsules, promptOf } from "./planner-prompt.ts";

export interface ModelPlannerOptions {
  library: CapsuleLibrary;
  model: LanguageModel;
  /** The names that a plan may use. */
  catalogue: Required<Pick<GraphCatalogue, "personas" | "tools" | "capsules">>;
  /** Shortens long attachments. */
  summariser: Summariser;
  /** Past tasks, for the estimates. */
  history?: TaskHistory;
}

/**
 * Plans with a model: it chooses capsules and sets their parameters, and everything else follows from the capsules as
 * without one. What it says is checked by schema, catalogue, capsule and graph rules, and problems go back to it.
 * Throws PlanningError: `plan_invalid`, `planning_budget_exhausted`, `planning_timeout`, `model_refused`, or the code of
 * the request that failed (`model_…`); and InputError `no_capsule` when the model finds no capsule for any goal.
 */
export function createModelPlanner({ library, model, catalogue, summariser, history }: ModelPlannerOptions): Planner {
  return {
    name: "model",
    async plan(spec, signal) {
      const started_ms = performance.now();
      const { capsule } = await library.get(PLANNER);
      const heuristics = PlannerHeuristics.parse(capsule.heuristics);
      const offered = { capsules: await deliveryCapsules(library), personas: catalogue.personas };
      const { attachment_tokens_max } = heuristics.model;
      const caller = signal ?? new AbortController().signal;
      const attachments = await attachmentText(spec.attachments, attachment_tokens_max, summariser, caller);
      const { instructions, message } = promptOf(capsule, spec, offered, heuristics, attachments);
      const schema = schemaOf(capsule);
      const dialogue = new Dialogue(model, {
        instructions,
        schema,
        message,
        limits: heuristics.model,
        reserve_tokens: Math.floor(spec.budget.tokens * heuristics.model.reserve_share),
        started_ms,
        signal,
      });
      const { deliverables_max } = heuristics;
      const rules: AnswerRules = { spec, catalogue: offered, library, schema, deliverables_max };
      return dialogue.until(async (answer) => {
        const checked = await checkAnswer(answer, rules);
        if ("problems" in checked) return checked;
        if (checked.drafts.length === 0) throw nothingFits(model.reference, checked);
        const terms = {
          heuristics,
          history,
          available_tokens: Math.max(0, spec.budget.tokens - tokensOf(dialogue.usage)),
          planner: `${capsule.id} ${capsule.version}`,
        };
        const expanded = await expandChecked(checked, spec, library, terms, catalogue);
        if ("problems" in expanded) return expanded;
        return { ...expanded, planning: { ...dialogue.spent(), uncovered: checked.uncovered } };
      });
    },
  };
}

async function expandChecked(
  { drafts }: CheckedAnswer,
  spec: VisibleSpec,
  library: CapsuleLibrary,
  terms: Parameters<typeof planOf>[3],
  catalogue: GraphCatalogue,
): Promise<Plan | { problems: string[] }> {
  try {
    const plan = await planOf(await unfoldDrafts(drafts, spec, library), spec, library, terms);
    const { problems } = validatePlan(plan, catalogue);
    return problems.length > 0 ? { problems } : plan;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problems: [error.message, ...error.problems] };
  }
}

function schemaOf({ id, outputs }: Capsule): Record<string, unknown> {
  if (!Array.isArray(outputs)) return outputs;
  throw new InputError(`${id}.yaml: "outputs" is no JSON Schema, so that no model can be asked for them.`, {
    code: "capsule_invalid",
    remedy: "Mend the planner's capsule.",
  });
}

function nothingFits(reference: string, { uncovered }: CheckedAnswer): InputError {
  return new InputError(`The model ${reference} finds no capsule for any of the goals.`, {
    code: "no_capsule",
    problems: uncovered.map(({ source, reason }) => `${source}: ${reason}`),
    remedy: "State goals that the capsules deliver, or add a capsule.",
  });
}
