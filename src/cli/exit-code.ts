import type { ProjectState } from "../domain/intake.ts";

/** What the command line answers to the shell. Source: DESIGN.md §11. */
export const EXIT = { delivered: 0, failed: 1, usage: 2, waiting: 3, blocked: 4, interrupted: 130 } as const;

const BY_STATE: Record<ProjectState, number> = {
  delivered: EXIT.delivered,
  running: EXIT.delivered,
  partial: EXIT.failed,
  failed: EXIT.failed,
  cancelled: EXIT.failed,
  waiting: EXIT.waiting,
  paused: EXIT.waiting,
  blocked: EXIT.blocked,
};

/** A project that still runs is no failure: whoever asks has let it go on by itself. */
export function exitCodeOf(state: ProjectState): number {
  return BY_STATE[state];
}
