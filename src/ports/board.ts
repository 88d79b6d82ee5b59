export interface Card {
  task_id: string;
  title: string;
  column: "todo" | "doing" | "review" | "done" | "failed";
}

export interface Board {
  readonly adapter: string;
  /** Creates the board and its cards, or completes the one that is there. Returns its reference. */
  create(
    projectId: string,
    deliverableId: string,
    title: string,
    cards: Card[],
  ): Promise<{ reference: string; created: boolean }>;
  cards(projectId: string, deliverableId: string): Promise<Card[]>;
}
