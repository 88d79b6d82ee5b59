export interface Memory {
  readonly adapter: string;
  /** Seeds the project's snapshot; the same key is written once. Returns its row id. */
  snapshot(
    projectId: string,
    tenant: string,
    key: string,
    content: Record<string, unknown>,
  ): Promise<{ reference: string; created: boolean }>;
}
