import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

/** A whole set of files, as it was put in force. */
export interface Revision {
  /** Rises, with gaps. */
  readonly number: number;
  /** The revision that it was made from; 0 for the first. */
  readonly parent: number;
  /** Over the paths and the digests of the contents. */
  readonly digest: string;
  /** `apply`: power may have changed. `live`: only direction and knowledge did. */
  readonly kind: "apply" | "live";
  readonly author: string;
  readonly note: string;
  readonly atMs: number;
}

interface RevisionRow extends Omit<Revision, "atMs"> {
  readonly at: Date;
}

const toRevision = ({ at, ...row }: RevisionRow): Revision => ({ ...row, atMs: at.getTime() });

/** The revision in force, or null before the first. One look at the end of an index. */
export async function selectCurrent(db: Db | Transaction): Promise<Revision | null> {
  const { rows } = await sql<RevisionRow>`select number, parent, digest, kind, author, note, at from revisions order by number desc limit 1`.execute(db);
  return rows[0] ? toRevision(rows[0]) : null;
}

export async function selectRevision(db: Db | Transaction, number: number): Promise<Revision | null> {
  const { rows } = await sql<RevisionRow>`select number, parent, digest, kind, author, note, at from revisions where number = ${number}`.execute(db);
  return rows[0] ? toRevision(rows[0]) : null;
}

/** Newest first. */
export async function selectRevisions(db: Db, { limit, before }: { readonly limit: number; readonly before?: number }): Promise<Revision[]> {
  const { rows } = await sql<RevisionRow>`
    select number, parent, digest, kind, author, note, at from revisions
    where ${before ?? null}::bigint is null or number < ${before ?? null}::bigint order by number desc limit ${limit}`.execute(db);
  return rows.map(toRevision);
}

/** Path to digest; empty for an unknown revision. */
export async function selectDigests(db: Db | Transaction, number: number): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql<{ files: Record<string, string> }>`select files from revisions where number = ${number}`.execute(db);
  return rows[0]?.files ?? {};
}

export interface RevisionInsert extends Omit<Revision, "number" | "atMs"> {
  readonly files: Readonly<Record<string, string>>;
}

/** Null when `parent` is no longer the newest. The guard is in the statement: a second writer waits for the first at the unique parent, and then goes away empty. */
export async function insertRevision(tx: Transaction, row: RevisionInsert): Promise<Revision | null> {
  const { rows } = await sql<RevisionRow>`
    insert into revisions (parent, digest, kind, author, note, files)
    select ${row.parent}::bigint, ${row.digest}::text, ${row.kind}::text, ${row.author}::text, ${row.note}::text, ${JSON.stringify(row.files)}::jsonb
    where coalesce((select max(number) from revisions), 0) = ${row.parent}::bigint
    on conflict (parent) do nothing
    returning number, parent, digest, kind, author, note, at`.execute(tx);
  return rows[0] ? toRevision(rows[0]) : null;
}

/** One text that a file had, and since which revision. */
export interface FileVersion extends Pick<Revision, "number" | "author" | "atMs"> {
  readonly digest: string;
}

const REVISIONS_LOOKED_AT = 2_000;

/** What a file said, newest first; times at which it was not there are left out. Of long histories the last 2,000 revisions. */
export async function selectFileVersions(db: Db, path: string, limit: number): Promise<FileVersion[]> {
  const { rows } = await sql<Omit<FileVersion, "atMs"> & { readonly at: Date }>`
    select number, author, at, digest from (
      select number, author, at, files ->> ${path} as digest, lag(files ->> ${path}) over (order by number) as before
      from (select number, author, at, files from revisions order by number desc limit ${REVISIONS_LOOKED_AT}) lately
    ) versions where digest is not null and digest is distinct from before order by number desc limit ${limit}`.execute(db);
  return rows.map(({ at, ...version }) => ({ ...version, atMs: at.getTime() }));
}
