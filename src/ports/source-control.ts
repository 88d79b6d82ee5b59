export interface FileToCommit {
  path: string;
  content: string;
  executable?: boolean;
}

export interface CommitInfo {
  subject: string;
  /** Trailers such as `Kamachiq-Task`, by which a repeated step finds what it already did. */
  trailers: Record<string, string>;
  author: { name: string; email: string };
  /** ISO 8601. Fixed by the caller, so that a repeated step makes the same commit. */
  date: string;
}

/** Repositories by id. Every method may be repeated with the same arguments and then changes nothing. */
export interface SourceControl {
  readonly adapter: string;
  /** Creates the repository with its first commit on `main`, or returns the one that is there. */
  createRepository(
    id: string,
    files: FileToCommit[],
    info: CommitInfo,
  ): Promise<{ url: string; tip: string; created: boolean }>;
  exists(id: string): Promise<boolean>;
  url(id: string): string;
  tip(id: string, ref?: string): Promise<string>;
  /** A worktree for one attempt, at `base` or the tip; an existing one of that name is reset to its base. */
  openWorkspace(id: string, name: string, base?: string): Promise<{ path: string; base: string }>;
  /** Commits all changes of the workspace below `paths` to the branch of its name. Null: nothing changed. A change outside `paths` is an InputError. */
  commitWorkspace(
    id: string,
    name: string,
    paths: string[],
    info: CommitInfo,
  ): Promise<{ commit: string; files: string[] } | null>;
  closeWorkspace(id: string, name: string): Promise<void>;
  /** Writes the tree of `commit` into the empty folder `into`, without `.git`. */
  materialize(id: string, commit: string, into: string): Promise<void>;
  /** A merge commit of `commits` in this order onto `onto`, made without touching any branch. */
  prepareMerge(
    id: string,
    onto: string,
    commits: { commit: string; info: CommitInfo }[],
  ): Promise<{ status: "merged"; tip: string } | { status: "conflict"; commit: string; files: string[] }>;
  /** Moves `main` from `from` to `to`; false when it no longer stands at `from`. */
  advance(id: string, from: string, to: string): Promise<boolean>;
  /** The merge commit on `main` that has this trailer, if there is one. */
  findByTrailer(id: string, trailer: string, value: string): Promise<string | null>;
  changedPaths(id: string, from: string, to: string): Promise<string[]>;
  readFile(id: string, commit: string, path: string): Promise<string | null>;
  listFiles(id: string, commit: string): Promise<string[]>;
  tag(id: string, name: string, commit: string, message: string, info: CommitInfo): Promise<void>;
}
