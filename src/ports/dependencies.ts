/** Registries that delivered projects may draw from: PyPI and npm. */
export type DependencyKind = "python" | "node";

export interface DependencyFile {
  path: string;
  content: string;
}

export interface InstalledDependencies {
  kind: DependencyKind;
  /** SHA-256 of what was asked for and for which interpreter; names the folder. */
  digest: string;
  /** Absolute. `python`: a folder of importable packages; `node`: a `node_modules` folder. */
  folder: string;
  packages: number;
  /** False when an earlier installation of the same digest was found. */
  created: boolean;
}

/** Gets what a lock file with hashes names, and nothing else. The only step of a delivery that has a network. */
export interface DependencyInstaller {
  /**
   * Installs once and finds it again afterwards; safe to call from several processes at once. `files` are the lock file
   * and, for `node`, the package.json beside it. No code of a package is run. Fails with KamachiqError
   * `dependencies_failed`, whose problems say what the registry or the installer said.
   */
  install(kind: DependencyKind, files: readonly DependencyFile[], signal?: AbortSignal): Promise<InstalledDependencies>;
}
