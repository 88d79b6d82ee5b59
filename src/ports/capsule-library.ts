import type { Capsule, LoadedCapsule } from "../domain/capsule.ts";

export interface CapsuleLibrary {
  /** Every capsule, by id. */
  list(): Promise<Capsule[]>;
  /** The capsule of this id and, where given, exactly this version. Fails with NotFoundError, which names those there are. */
  get(id: string, version?: string): Promise<LoadedCapsule>;
}
