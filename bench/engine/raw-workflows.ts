import { condition, continueAsNew, executeChild, proxyActivities, workflowInfo } from "@temporalio/workflow";

const SLOTS = 10;
const { work } = proxyActivities<{ work(padding: string): Promise<string> }>({ startToCloseTimeout: "1 minute" });

interface RawTask {
  id: string;
  dependencies: string[];
}

/** First come, first served. Where the history grows too long, it waits for what runs and continues as new. */
export async function RawGraph({ tasks, done = [] }: { tasks: RawTask[]; done?: string[] }): Promise<number> {
  const ended = new Set(done);
  const missing = new Map(tasks.map((task) => [task.id, task.dependencies.filter((id) => !ended.has(id)).length]));
  const below = new Map<string, string[]>();
  for (const { id, dependencies } of tasks)
    for (const above of dependencies) below.set(above, [...(below.get(above) ?? []), id]);
  const ready = tasks.filter(({ id }) => missing.get(id) === 0 && !ended.has(id)).map(({ id }) => id);
  let running = 0;
  while (ended.size < tasks.length) {
    const full = workflowInfo().continueAsNewSuggested;
    if (full && running === 0) await continueAsNew<typeof RawGraph>({ tasks, done: [...ended] });
    while (!full && running < SLOTS && ready.length > 0) {
      const id = ready.shift() as string;
      running += 1;
      void executeChild(RawTask, { workflowId: `${workflowInfo().workflowId}/${id}`, args: ["x".repeat(200)] }).then(
        () => {
          running -= 1;
          ended.add(id);
          for (const next of below.get(id) ?? []) {
            const left = (missing.get(next) ?? 0) - 1;
            missing.set(next, left);
            if (left === 0) ready.push(next);
          }
        },
      );
    }
    const before = ended.size;
    await condition(() => ended.size > before);
  }
  return ended.size;
}

export async function RawTask(padding: string): Promise<number> {
  return (await work(padding)).length;
}
