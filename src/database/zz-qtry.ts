import { launchPostgres } from "#src/database/launch.ts";
import { openDatabase } from "#src/database/open.ts";
import { migrate } from "#src/database/migrate.ts";
import { createQueue } from "#src/database/queue.ts";
import { mkdtemp, chmod, rm, readFile } from "node:fs/promises";
import { silentLog } from "#src/testing/silent-log.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
const folder = await mkdtemp("/tmp/lw-q-"); await chmod(folder, 0o711);
const pgs = await launchPostgres({ folder: folder + "/postgres", log: silentLog, fsync: false });
const admin = new pg.Client({connectionString: pgs.url}); await admin.connect();
const at = (n: string) => { const u = new URL(pgs.url); u.pathname = "/" + n; return u.toString(); };
const open = (n: string) => openDatabase({ url: at(n), poolSize: 10, prepare: true, transactionTimeoutMs: 30000, onIdleError: () => {} });
await admin.query("create database withq"); await admin.query("create database noq");
for (const n of ["withq", "noq"]) { const d = open(n); await migrate(d.db); if (n === "noq") { const c = new pg.Client({connectionString: at(n)}); await c.connect(); await c.query("drop schema pgboss cascade"); await c.end(); } await d.close(); }
for (let round = 0; round < 3; round++) for (const n of ["noq", "withq"]) { const t = performance.now(); for (let i = 0; i < 5; i++) await admin.query(`create database c_${n}_${round}_${i} template ${n}`); console.log(n, "create ms each", (performance.now() - t) / 5); const t2 = performance.now(); for (let i = 0; i < 5; i++) await admin.query(`drop database c_${n}_${round}_${i}`); console.log(n, "drop ms each", (performance.now() - t2) / 5); }
if (process.argv[2] === "idle") {
const d = open("withq"); 
const cpu = async () => { const m = new Map<number, number>(); const { rows } = await admin.query("select pid, coalesce(application_name,'') || ' ' || backend_type as w from pg_stat_activity"); for (const {pid} of [{pid: pgs.processId}, ...rows]) { try { const s = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" "); m.set(pid, (Number(s[11]) + Number(s[12])) * 10); } catch {} } return m; };
const span = async (label: string) => { const a = await cpu(), c0 = process.cpuUsage(), w0 = performance.now(); await sleep(60000); const b = await cpu(), c = process.cpuUsage(c0), w = performance.now() - w0; let sum = 0; for (const [p, v] of b) sum += v - (a.get(p) ?? 0); console.log(label, "node %", ((c.user + c.system) / 10 / w).toFixed(3), "postgres %", (sum * 100 / w).toFixed(3)); };
await span("without queue");
const q = createQueue({ db: d.db, url: at("withq"), log: silentLog, clock: systemClock, supervises: true });
await q.start();
for (const n of ["learn", "embed", "backup", "retention"] as const) await q.work(n, async () => {}, { concurrency: n === "learn" ? 2 : 1 });
await span("with queue, 5 slots");
await q.stop(); await d.close();
}
await admin.end(); await pgs.stop(); await rm(folder, { recursive: true, force: true });
