import { sql } from "kysely";
import { type Instant, msOf } from "#src/database/instant.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";

export interface Report {
  /** Below reports/, such as `fix-login.md`. */
  readonly path: string;
  /** SHA-256 of the content, in hex. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** When this content was first seen. */
  readonly keptAtMs: number;
}

interface ReportRow extends Omit<Report, "keptAtMs"> {
  readonly kept_at: Instant;
}

/** False: this very content was kept before. */
export async function keepReport(tx: Transaction, { path, digest, content }: Pick<Report, "path" | "digest"> & { readonly content: Buffer }): Promise<boolean> {
  const { rows } = await sql<{ path: string }>`
    insert into reports as r (path, digest, content, kept_at) values (${path}, ${digest}, ${content}, loop_now())
    on conflict (path) do update set digest = excluded.digest, content = excluded.content, kept_at = excluded.kept_at where r.digest <> excluded.digest
    returning r.path`.execute(tx);
  return rows.length === 1;
}

/** Those that changed last come first. */
export async function listReports(db: Db): Promise<Report[]> {
  const { rows } = await sql<ReportRow>`
    select path, digest, length(content) as "sizeBytes", kept_at from reports order by kept_at desc, path collate "C" limit 1000`.execute(db);
  return rows.map(({ kept_at, ...row }) => ({ ...row, keptAtMs: msOf(kept_at) }));
}

/** @throws LoopError report_unknown */
export async function readReport(db: Db, path: string): Promise<Report & { readonly content: Buffer }> {
  const { rows } = await sql<ReportRow & { readonly content: Buffer }>`
    select path, digest, length(content) as "sizeBytes", kept_at, content from reports where path = ${path}`.execute(db);
  const [row] = rows;
  if (row) return { path: row.path, digest: row.digest, sizeBytes: row.sizeBytes, keptAtMs: msOf(row.kept_at), content: row.content };
  throw new LoopError("report_unknown", `There is no report ${path.slice(0, 80)}. \`loop reports\` lists those there are.`, {
    facts: { path: path.slice(0, 80) },
  });
}
