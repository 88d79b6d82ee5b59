import type { Capsule } from "../domain/capsule.ts";
import { InputError, KamachiqError } from "../domain/errors.ts";
import type { GraphCatalogue } from "../domain/graph.ts";
import { PlannerHeuristics } from "../domain/heuristics.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import { tokensOf } from "../domain/model.ts";
import type { Plan } from "../domain/plan.ts";
import { validatePlan } from "../domain/plan-rules.ts";
import { PlanningError } from "../domain/planning.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import type { LanguageModel } from "../ports/model.ts";
import type { Planner } from "../ports/planner.ts";
import type { Summariser } from "../ports/summariser.ts";
import type { TaskHistory } from "../ports/task-history.ts";
import { meteredModel } from "./model-metered.ts";
import { type AttachmentText, attachmentText } from "./planner-attachments.ts";
import { type AnswerRules, type CheckedAnswer, checkAnswer } from "./planner-answer.ts";
import { PLANNER, planOf } from "./planner-capsule.ts";
import { Dialogue } from "./planner-dialogue.ts";
import { unfoldDrafts } from "./planner-drafts.ts";
import { schemasOf } from "./planner-offer.ts";
import { dataOf, deliveryCapsules, type PlannerCatalogue, promptOf } from "./planner-prompt.ts";
import { PlanningAccount } from "./planning-account.ts";

export interface ModelPlannerOptions {
  library: CapsuleLibrary;
  model: LanguageModel;
  /** The names that a plan may use. */
  catalogue: Required<Pick<GraphCatalogue, "personas" | "tools" | "capsules">>;
  /** Shortens long attachments, by itself or with the model that it is given, whose requests planning pays for. */
  summariser: (model: LanguageModel) => Summariser;
  /** Past tasks, for the estimates. */
  history?: TaskHistory;
}

/**
 * Plans with a model: it chooses capsules and sets their parameters, and everything else follows from the capsules as
 * without one. What it says is checked by schema, catalogue, capsule and graph rules, and problems go back to it.
 * Throws PlanningError, which says what was spent: `plan_invalid`, `planning_budget_exhausted`, `planning_timeout`,
 * `model_refused`, `no_capsule` when the model finds no capsule for any goal, or the code of what failed (`model_…`).
 */
export function createModelPlanner(options: ModelPlannerOptions): Planner {
  return {
    name: "model",
    async plan(spec, signal) {
      const { capsule } = await options.library.get(PLANNER);
      const heuristics = PlannerHeuristics.parse(capsule.heuristics);
      const reserve_tokens = Math.floor(spec.budget.tokens * heuristics.model.reserve_share);
      const account = new PlanningAccount(options.model.reference, reserve_tokens);
      try {
        return await planWith(options, { capsule, heuristics, account, spec, signal });
      } catch (error) {
        throw withSpend(error, account, signal);
      }
    },
  };
}

interface Planned {
  /** The planner's own. */
  capsule: Capsule;
  heuristics: PlannerHeuristics;
  account: PlanningAccount;
  spec: VisibleSpec;
  signal: AbortSignal | undefined;
}

async function planWith(options: ModelPlannerOptions, planned: Planned): Promise<Plan> {
  const started_ms = performance.now();
  const { library, model, catalogue, history } = options;
  const { capsule, heuristics, account, spec, signal } = planned;
  const limits = heuristics.model;
  const offered = { capsules: await deliveryCapsules(library), personas: catalogue.personas };
  const attachments = await readAttachments(options, planned, started_ms);
  const summary = attachments.parts && { usage: account.usage, parts: attachments.parts };
  const { instructions, message, detailed } = promptOf(capsule, spec, offered, heuristics, attachments.text);
  const schema = schemaOf(capsule);
  const dialogue = new Dialogue(model, { instructions, schema, message, limits, account, started_ms, signal });
  const rules: AnswerRules = {
    spec,
    catalogue: offered,
    library,
    schema,
    deliverables_max: heuristics.deliverables_max,
  };
  return dialogue.until<Plan>(async (answer) => {
    const checked = await checkAnswer(answer, rules);
    if ("problems" in checked) {
      const misused = [...checked.misused].filter((id) => !detailed.has(id));
      return { problems: checked.problems, help: schemaHelp(misused, offered, limits.catalogue_tokens_max, detailed) };
    }
    if (checked.drafts.length === 0) throw nothingFits(model.reference, checked);
    const terms = {
      heuristics,
      history,
      available_tokens: Math.max(0, spec.budget.tokens - tokensOf(account.usage)),
      planner: `${capsule.id} ${capsule.version}`,
    };
    const expanded = await expandChecked(checked, spec, library, terms, catalogue);
    if ("problems" in expanded) return expanded;
    return { ...expanded, planning: { ...account.spent(), uncovered: checked.uncovered, summary } };
  });
}

/** The attachments' text, put in short where it is long, within a share of planning's tokens and seconds. */
async function readAttachments(
  { model, summariser }: ModelPlannerOptions,
  { heuristics, account, spec, signal }: Planned,
  started_ms: number,
): Promise<AttachmentText> {
  const { summary_share, seconds_max, attachment_tokens_max } = heuristics.model;
  const metered = meteredModel(model, {
    account,
    tokens_max: Math.floor(account.reserve_tokens * summary_share),
    deadline_ms: started_ms + seconds_max * summary_share * 1_000,
  });
  const caller = signal ?? new AbortController().signal;
  return attachmentText(spec.attachments, attachment_tokens_max, summariser(metered), caller);
}

/** The parameters' schemas of capsules that were used wrongly and were shown in short; `detailed` gets their ids. */
function schemaHelp(
  misused: readonly string[],
  { capsules }: PlannerCatalogue,
  tokens_max: number,
  detailed: Set<string>,
): string | undefined {
  const schemas = schemasOf(
    misused.flatMap((id) => capsules.get(id) ?? []),
    tokens_max,
  );
  for (const id of schemas.keys()) detailed.add(id);
  return schemas.size === 0 ? undefined : `JSON Schemas of parameters:\n${dataOf(Object.fromEntries(schemas))}`;
}

/** Whatever stops planning after the model was asked says what that cost. */
function withSpend(error: unknown, account: PlanningAccount, signal: AbortSignal | undefined): unknown {
  if (error instanceof PlanningError || tokensOf(account.usage) === 0) return error;
  if (error instanceof KamachiqError) {
    const { message, code, remedy, status, exit_code, problems } = error;
    return new PlanningError(message, { code, remedy, status, exit_code, problems, cause: error }, account.spent());
  }
  if (signal?.aborted === true) {
    const why = error instanceof Error ? error.message : String(error);
    return new PlanningError(
      `Planning was given up: ${why}`,
      { code: "planning_cancelled", status: 499, cause: error },
      account.spent(),
    );
  }
  const remedy = "The server's log has the details.";
  return new PlanningError("Planning broke off.", { code: "internal", remedy, cause: error }, account.spent());
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
