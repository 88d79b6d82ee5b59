/**
 * Errors that carry what happens next. Each is mapped once to Temporal (`retryable`), once to HTTP (`status`)
 * and once to an exit code of the command line (`exit_code`).
 */
export interface ErrorDetails {
  /** Stable, machine-readable name: `spec_invalid`, `component_missing`, … */
  code: string;
  /** What to do about it, in one or two sentences. */
  remedy?: string | undefined;
  /** Whether trying the same again can help. */
  retryable?: boolean;
  /** HTTP status, 400 to 599. */
  status?: number;
  /** Exit code of the command line: 1 failed, 2 bad input, 3 waits for a person, 4 blocked by policy. */
  exit_code?: number;
  /** One line a problem, each naming its line or field. */
  problems?: string[] | undefined;
  cause?: unknown;
}

export class KamachiqError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  readonly retryable: boolean;
  readonly status: number;
  readonly exit_code: number;
  readonly problems: string[];

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.remedy = details.remedy;
    this.retryable = details.retryable ?? false;
    this.status = details.status ?? 500;
    this.exit_code = details.exit_code ?? 1;
    this.problems = details.problems ?? [];
  }
}

/** The caller's input can't be accepted: 422 and exit code 2. Trying again changes nothing. */
export class InputError extends KamachiqError {
  constructor(message: string, details: Omit<ErrorDetails, "retryable" | "status" | "exit_code">) {
    super(message, { ...details, status: 422, exit_code: 2 });
  }
}

/** A component that the product stands on is not there. The remedy says how to get it. */
export class ComponentMissingError extends KamachiqError {
  readonly component: string;
  constructor(component: string, message: string, remedy: string, cause?: unknown) {
    super(message, { code: "component_missing", remedy, status: 503, cause });
    this.component = component;
  }
}

/** The named thing does not exist: 404 and exit code 2. */
export class NotFoundError extends KamachiqError {
  constructor(kind: string, id: string, remedy?: string) {
    super(`There is no ${kind} "${id}".`, { code: "not_found", status: 404, exit_code: 2, remedy });
  }
}

/** The thing is in a state that does not allow this: 409. */
export class ConflictError extends KamachiqError {
  constructor(message: string, remedy?: string) {
    super(message, { code: "conflict", status: 409, exit_code: 2, remedy });
  }
}

/** Policy forbids the step: 403 and exit code 4. */
export class PolicyError extends KamachiqError {
  constructor(message: string, problems: string[], remedy?: string) {
    super(message, { code: "policy_denied", status: 403, exit_code: 4, problems, remedy });
  }
}

/** The budget does not cover the step. */
export class BudgetError extends KamachiqError {
  constructor(message: string, remedy?: string) {
    super(message, { code: "budget_exceeded", status: 409, remedy });
  }
}

/** An agent crashed or gave nothing usable. It is executed again, until `problems` has one line for each time it may. */
export class AgentError extends KamachiqError {
  constructor(message: string, problems: string[], retryable: boolean, cause: unknown) {
    super(message, { code: "agent_failed", problems, retryable, cause });
  }
}

/** Something outside failed in a way that may pass: the engine retries it. */
export class TransientError extends KamachiqError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: "transient", retryable: true, status: 503, cause });
  }
}
