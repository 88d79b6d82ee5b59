import { nearest } from "./nearest.ts";

/** The parts of a spec that name each other. */
interface Named {
  milestones: readonly { id: string }[];
  workstreams: readonly { id: string }[];
  deliverables: readonly {
    id: string;
    milestone?: string | undefined;
    workstream?: string | undefined;
    sources: readonly { attachment: string; line: number; end_line: number }[];
    dependencies: readonly string[];
  }[];
  attachments: readonly { name: string }[];
  acceptance: readonly { deliverable?: string | undefined }[];
  capsule?: string | undefined;
}

interface Problem {
  path: (string | number)[];
  message: string;
}

/** Names that stand twice, and names that lead nowhere. Cycles are the plan's concern. */
export function nameProblems(spec: Named): Problem[] {
  const { milestones, workstreams, deliverables, attachments, acceptance } = spec;
  const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
  const names = attachments.map(({ name }) => name);
  return [
    ...twice("milestones", "id", ids(milestones)),
    ...twice("workstreams", "id", ids(workstreams)),
    ...twice("deliverables", "id", ids(deliverables)),
    ...twice("attachments", "name", names),
    ...(spec.capsule !== undefined && deliverables.length > 0
      ? [{ path: ["capsule"], message: "names a capsule, and so do the deliverables; name it there" }]
      : []),
    ...deliverables.flatMap((deliverable, index) => {
      const at = (...path: (string | number)[]): Problem["path"] => ["deliverables", index, ...path];
      const { milestone, workstream, sources, dependencies } = deliverable;
      return [
        ...unknown(at("milestone"), "milestone", milestone, ids(milestones)),
        ...unknown(at("workstream"), "workstream", workstream, ids(workstreams)),
        ...dependencies.flatMap((id, position) =>
          id === deliverable.id
            ? [{ path: at("dependencies", position), message: "depends on itself; remove it" }]
            : unknown(at("dependencies", position), "deliverable", id, ids(deliverables)),
        ),
        ...sources.flatMap(({ attachment, line, end_line }, position) => [
          ...unknown(at("sources", position, "attachment"), "attachment", attachment, names),
          ...(end_line < line
            ? [{ path: at("sources", position, "end_line"), message: `must not be before line ${line}` }]
            : []),
        ]),
      ];
    }),
    ...(deliverables.length === 0
      ? []
      : acceptance.flatMap(({ deliverable }, index) =>
          unknown(["acceptance", index, "deliverable"], "deliverable", deliverable, ids(deliverables)),
        )),
  ];
}

function twice(list: string, field: string, names: readonly string[]): Problem[] {
  const seen = new Set<string>();
  return names.flatMap((name, index) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path: [list, index, field], message: `"${name}" is there twice; give each a name of its own` }];
  });
}

function unknown(path: Problem["path"], noun: string, name: string | undefined, known: readonly string[]): Problem[] {
  if (name === undefined || known.includes(name)) return [];
  const guess = nearest(name, known);
  const way =
    guess === undefined
      ? known.length === 0
        ? `the spec states no ${noun}s`
        : `there are: ${known.join(", ")}`
      : `did you mean "${guess}"?`;
  return [{ path, message: `there is no ${noun} "${name}"; ${way}` }];
}
