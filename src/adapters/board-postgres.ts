import { batches } from "../persistence/batches.ts";
import type { Db } from "../persistence/database.ts";
import type { Board, Card } from "../ports/board.ts";

/** Rows of one statement. */
const ROWS_MAX = 2_000;

/** The built-in board: one card a task, in the product's own database. */
export function createPostgresBoard(db: Db): Board {
  return {
    adapter: "built-in",

    async create(project_id, deliverable_id, _title, cards) {
      const rows = cards.map(({ task_id, title, column }, position) => {
        return { project_id, deliverable_id, task_id, position, title, board_column: column };
      });
      let created = false;
      for (const part of batches(rows, ROWS_MAX)) {
        const added = await db
          .insertInto("board_cards")
          .values(part)
          .onConflict((oc) => oc.doNothing())
          .returning("task_id")
          .execute();
        created ||= added.length > 0;
      }
      return { reference: `board/${project_id}/${deliverable_id}`, created };
    },

    async cards(project_id, deliverable_id) {
      const rows = await db
        .selectFrom("board_cards")
        .select(["task_id", "title", "board_column"])
        .where("project_id", "=", project_id)
        .where("deliverable_id", "=", deliverable_id)
        .orderBy("position")
        .execute();
      return rows.map(({ task_id, title, board_column }) => ({
        task_id,
        title,
        column: board_column as Card["column"],
      }));
    },
  };
}
