import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { KamachiqError } from "../domain/errors.ts";
import type { CliDeps } from "./deps.ts";
import { asKamachiqError, InterruptedError, reportError } from "./errors.ts";
import { EXIT } from "./exit-code.ts";
import { type GlobalOptions, Session } from "./session.ts";

type Action = (session: Session) => Promise<number>;

/**
 * Runs one command line (without `node` and the script) and answers its exit code. Never throws and never exits.
 * Commands are loaded when they are called, so that `--help` and `--version` stay quick.
 */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  let session = new Session(deps, { json: argv.includes("--json") });
  let exitCode: number = EXIT.delivered;
  const program = createProgram(deps, async (options, action) => {
    session = new Session(deps, options);
    exitCode = await untilInterrupted(session, action(session));
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usageResult(error, session);
    const problem = asKamachiqError(error);
    reportError(problem, session.json, deps);
    return problem.exit_code;
  }
}

/** A command that does not deal with Ctrl-C itself ends at once. */
function untilInterrupted(session: Session, work: Promise<number>): Promise<number> {
  const { interrupt } = session.deps;
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (): void => {
      if (!session.handlesInterrupt) reject(new InterruptedError());
    };
    if (interrupt.aborted) stop();
    interrupt.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([work, interrupted]);
}

/** Help and version were printed; everything else is a mistake in how the command was called. */
function usageResult(error: CommanderError, session: Session): number {
  if (error.exitCode === 0) return EXIT.delivered;
  const message = error.message.replace(/^error: /, "");
  if (error.code !== "commander.help") {
    const problem = new KamachiqError(message, {
      code: "usage",
      status: 422,
      exit_code: EXIT.usage,
      remedy: "kamachiq --help lists the commands, kamachiq COMMAND --help its options.",
    });
    reportError(problem, session.json, session.deps);
  }
  return EXIT.usage;
}

type Run = (options: GlobalOptions, action: Action) => Promise<void>;

function createProgram(deps: CliDeps, runWith: Run): Command {
  const program = new Command("kamachiq")
    .description("State an outcome, get a repository that works.")
    .version(deps.version, "-V, --version", "print the version")
    .option("--home <dir>", "state folder (default: KAMACHIQ_HOME, else in your home)")
    .option("--as <principal>", "who acts: admin, operator, reviewer, or another configured name")
    .option("--json", "machine output on stdout")
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void deps.stdout.write(text),
      writeErr: (text) => void deps.stderr.write(text),
      outputError: () => {}, // reported once, in our own form
    });
  const perform = (action: Action): Promise<void> => runWith(program.opts<GlobalOptions>(), action);
  addProjectCommands(program, perform);
  addCapsuleCommands(program, perform);
  addControlCommands(program, perform);
  addPeopleCommands(program, perform);
  addServerCommands(program, perform);
  for (const command of withDescendants(program)) command.copyInheritedSettings(program);
  return program;
}

function withDescendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...withDescendants(child)]);
}

type Perform = (action: Action) => Promise<void>;

function sandboxOption(): Option {
  return new Option("--sandbox <kind>", "where agents' work is executed").choices(["bubblewrap", "none"]);
}

function addProjectCommands(program: Command, perform: Perform): void {
  const load = () => import("./commands/run.ts");
  program
    .command("run")
    .description("deliver what a spec asks for, and show it while it happens")
    .argument("[spec]", "YAML or JSON file; may be left out when the plan holds it")
    .option("--plan <file>", "carry out this plan or planner output exactly")
    .option("--approve", "wait for a person's approval of the plan before anything is done for it")
    .option("--dry-run", "plan only; make nothing")
    .option("--detach", "start it and return")
    .option("--new", "start another project even if one with this spec is unfinished")
    .addOption(sandboxOption())
    .option("--max-concurrency <n>", "agents at once", wholeNumber)
    .action((spec: string | undefined, options) =>
      perform(async (session) => (await load()).run(session, spec, options)),
    );
  program
    .command("submit")
    .description("start a project and return: run --detach")
    .requiredOption("--project-spec <file>", "YAML or JSON file")
    .action(({ projectSpec }: { projectSpec: string }) =>
      perform(async (session) => (await load()).run(session, projectSpec, { detach: true })),
    );
  program
    .command("plan")
    .description("show what would be done")
    .argument("<spec>", "YAML or JSON file")
    .option("--out <file>", "keep the plan, for run --plan")
    .addOption(new Option("--format <format>", "how it is shown").choices(["text", "mermaid"]).default("text"))
    .action((spec: string, options) =>
      perform(async (session) => (await import("./commands/plan.ts")).plan(session, spec, options)),
    );
  const graph = program.command("graph").description("task graphs in files, without a server");
  graph
    .command("validate")
    .description("check a task graph, a planner output or a plan against the rules")
    .argument("<file>", "YAML or JSON file")
    .action((file: string) =>
      perform(async (session) => (await import("./commands/graph.ts")).validate(session, file)),
    );
  graph
    .command("import")
    .description("spec-kit's tasks.md or a planner output, as a document of ours on stdout")
    .argument("<file>", "tasks.md, or JSON or YAML")
    .option("--out <file>", "write it there instead")
    .option("--budget <tokens>", "of the whole graph", tokenCount)
    .action((file: string, options) =>
      perform(async (session) => (await import("./commands/graph-import.ts")).importGraph(session, file, options)),
    );
  program
    .command("status")
    .description("the last projects, or one in full")
    .argument("[id]")
    .action((id?: string) => perform(async (session) => (await import("./commands/status.ts")).status(session, id)));
  program
    .command("logs")
    .description("what the server wrote about a project (default: the newest)")
    .argument("[id]")
    .option("-f, --follow", "go on until the project ends")
    .action((id: string | undefined, options) =>
      perform(async (session) => (await import("./commands/logs.ts")).logs(session, id, options)),
    );
}

function addCapsuleCommands(program: Command, perform: Perform): void {
  const offline = () => import("./commands/capsule-author.ts");
  const online = () => import("./commands/capsule.ts");
  const capsule = program
    .command("capsule")
    .description("what projects are delivered from: look, write, test, publish");
  const tenant = (): Option => new Option("--tenant <id>", "whose capsules").default("default");
  capsule
    .command("list")
    .description("the capsules that there are, and which a tenant plans with")
    .addOption(tenant())
    .action((options) => perform(async (session) => (await online()).list(session, options)));
  capsule
    .command("show")
    .description("one capsule: parameters, tasks, versions, digest")
    .argument("<id>", "ID or ID@VERSION")
    .addOption(tenant())
    .action((id: string, options) => perform(async (session) => (await online()).show(session, id, options)));
  capsule
    .command("new")
    .description("write a small capsule that works, to be changed; needs no server")
    .argument("<id>")
    .option("--dir <dir>", "where to", ".")
    .action((id: string, options) => perform(async (session) => (await offline()).create(session, id, options)));
  capsule
    .command("validate")
    .description("every problem of a capsule, with file and line; needs no server")
    .argument("<path>", "its YAML file")
    .action((path: string) => perform(async (session) => (await offline()).validate(session, path)));
  capsule
    .command("test")
    .description("deliver and grade every case of a capsule; needs no server")
    .argument("<path>", "its YAML file, or the id of one that comes with the product")
    .action((path: string) => perform(async (session) => (await offline()).test(session, path)));
  capsule
    .command("publish")
    .description("put this version into the repository, where it never changes")
    .argument("<path>", "its YAML file")
    .action((path: string) => perform(async (session) => (await online()).publish(session, path)));
  capsule
    .command("install")
    .description("let a tenant plan with a published version (default: the newest)")
    .argument("<id>", "ID or ID@VERSION")
    .addOption(tenant())
    .action((id: string, options) => perform(async (session) => (await online()).install(session, id, options)));
  capsule
    .command("rollback")
    .description("go back to what was installed before")
    .argument("<id>")
    .addOption(tenant())
    .action((id: string, options) => perform(async (session) => (await online()).rollback(session, id, options)));
}

function addControlCommands(program: Command, perform: Perform): void {
  const load = () => import("./commands/control.ts");
  program
    .command("resume")
    .description("go on with a project (default: the newest unfinished one) and show it")
    .argument("[id]")
    .option("--detach", "return at once")
    .action((id: string | undefined, options) =>
      perform(async (session) => (await load()).resume(session, id, options)),
    );
  program
    .command("pause")
    .description("start nothing new; what runs goes on to its end")
    .argument("<id>")
    .action((id: string) => perform(async (session) => (await load()).pause(session, id)));
  program
    .command("cancel")
    .description("stop a project and its running agents")
    .argument("<id>")
    .option("--reason <text>", "stands in the report")
    .action((id: string, options) => perform(async (session) => (await load()).cancel(session, id, options)));
}

function addPeopleCommands(program: Command, perform: Perform): void {
  const reviews = () => import("./commands/review.ts");
  const review = program.command("review").description("work that waits for a person's judgement");
  review
    .command("list")
    .description("open reviews")
    .action(() => perform(async (session) => (await reviews()).listReviews(session)));
  review
    .command("show")
    .description("one review with its evidence")
    .argument("<id>")
    .action((id: string) => perform(async (session) => (await reviews()).showReview(session, id)));
  review
    .command("approve")
    .description("let it through")
    .argument("<id>")
    .option("--comment <text>")
    .action((id: string, options) =>
      perform(async (session) => (await reviews()).decideReview(session, id, "approve", options)),
    );
  review
    .command("reject")
    .description("send it back")
    .argument("<id>")
    .requiredOption("--comment <text>", "what to change")
    .action((id: string, options) =>
      perform(async (session) => (await reviews()).decideReview(session, id, "reject", options)),
    );
  addPlanCommands(program, perform);
  const requeues = () => import("./commands/requeue.ts");
  const requeue = program.command("requeue").description("deliverables that policy blocked");
  requeue
    .command("list")
    .description("what is blocked, why, and the way out")
    .action(() => perform(async (session) => (await requeues()).listRequeue(session)));
  requeue
    .command("resolve")
    .description("ask policy again, or let it through")
    .argument("<id>")
    .addOption(new Option("--allow", "let it through in spite of policy; recorded as an override"))
    .option("--reason <text>", "why; needed with --allow")
    .action((id: string, options) =>
      perform(async (session) => (await requeues()).resolveRequeue(session, id, options)),
    );
}

function addPlanCommands(program: Command, perform: Perform): void {
  const load = () => import("./commands/plans.ts");
  const plans = program.command("plans").description("plans that wait for a person's approval");
  plans
    .command("show")
    .description("a project's plan, its digest and its approvals")
    .argument("<id>")
    .action((id: string) => perform(async (session) => (await load()).showPlan(session, id)));
  for (const decision of ["approve", "reject"] as const) {
    const command = plans
      .command(decision)
      .description(`${decision} the plan with this digest`)
      .argument("<id>")
      .requiredOption("--digest <digest>", "of the plan that you saw; at least its first 12 characters");
    if (decision === "approve") command.option("--comment <text>");
    else command.requiredOption("--comment <text>", "why not");
    command.action((id: string, options: { digest: string; comment?: string }) =>
      perform(async (session) => (await load()).decidePlan(session, id, decision, options)),
    );
  }
  plans
    .command("revise")
    .description("put another plan in the place of the one that waits")
    .argument("<id>")
    .requiredOption("--plan <file>", "what plan --out wrote, changed")
    .option("--comment <text>", "what was changed")
    .action((id: string, options) => perform(async (session) => (await load()).revisePlan(session, id, options)));
}

function addServerCommands(program: Command, perform: Perform): void {
  const processes = () => import("./commands/processes.ts");
  program
    .command("up")
    .description("the server in the foreground")
    .addOption(sandboxOption())
    .action((options) => perform(async (session) => (await processes()).up(session, options)));
  program
    .command("worker")
    .description("another worker for the running server, or for the servers that the environment names")
    .option("--region <region>", "region whose work it takes")
    .action((options) => perform(async (session) => (await processes()).worker(session, options)));
  program
    .command("down")
    .description("stop the server; unfinished projects go on when it starts again")
    .action(() => perform(async (session) => (await processes()).down(session)));
  program
    .command("setup")
    .description("gets what is missing, which every command that needs it does as well")
    .action(() => perform(async (session) => (await import("./commands/setup.ts")).setup(session)));
  program
    .command("doctor")
    .description("what is there, what is missing and how to get it")
    .action(() => perform(async (session) => (await import("./commands/doctor.ts")).doctor(session)));
}

function tokenCount(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 9999999999.");
  return Number(text);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 9999.");
  return Number(text);
}
