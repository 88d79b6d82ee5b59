import { startServers } from "../support/servers.ts";
import { writeFileSync } from "node:fs";
import { migrate, openDatabase, openPool } from "../../src/persistence/database.ts";
const s = await startServers();
const pool = openPool(s.database); const db = openDatabase(pool); await migrate(db); await db.destroy();
writeFileSync("/tmp/scratch-servers.json", JSON.stringify({ database: s.database, temporal: s.temporal }));
console.log("up");
process.on("SIGTERM", () => void s.stop().then(() => process.exit(0)));
setInterval(() => {}, 1e6);
