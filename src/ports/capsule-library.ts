import type { Capsule, LoadedCapsule } from "../domain/capsule.ts";

export interface CapsuleLibrary {
  /** What may be planned with: of every capsule the version in force, by id. */
  list(): Promise<Capsule[]>;
  /**
   * The capsule of this id: the version in force, or exactly this version, or exactly this version with this content.
   * Fails with NotFoundError, which names those there are.
   */
  get(id: string, version?: string, digest?: string): Promise<LoadedCapsule>;
}

/**
 * The capsules that come with the product and those that were published. A version with its digest, as plans name it,
 * is found whatever has been installed, rolled back or changed on disk since.
 */
export interface CapsuleRepository extends CapsuleLibrary {
  /** What a tenant may plan with: the product's own capsules, and what is installed for the tenant in their place. */
  of(tenant: string): CapsuleLibrary;
}
