import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { AskId } from "#src/kernel/ids.ts";
import type { ApplyRequest, ApplyRequestId } from "../request.ts";

interface RequestRow {
  readonly id: ApplyRequestId;
  readonly state: ApplyRequest["state"];
  readonly ask_id: AskId | null;
  readonly digest: string;
  readonly base: string;
  readonly files: Readonly<Record<string, string>>;
  readonly target: number | null;
  readonly author: string;
  readonly note: string;
  readonly revision: number | null;
  readonly reason: string | null;
  readonly created_at: Date;
}

const toRequest = ({ ask_id: askId, created_at: at, ...row }: RequestRow): ApplyRequest => ({ ...row, askId, createdAtMs: at.getTime() });

export type NewApplyRequest = Omit<ApplyRequest, "createdAtMs" | "revision" | "reason"> & { readonly revision?: number };

/** False when the same person asks for the very same files already. */
export async function insertRequest(tx: Transaction, request: NewApplyRequest): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    insert into apply_requests (id, state, ask_id, digest, base, files, target, author, note, revision, settled_at)
    values (${request.id}, ${request.state}, ${request.askId}, ${request.digest}, ${request.base}, ${JSON.stringify(request.files)}::jsonb, ${request.target},
            ${request.author}, ${request.note}, ${request.revision ?? null}, case when ${request.state} <> 'open' then loop_now() end)
    on conflict (digest, author) where state = 'open' do nothing returning id`.execute(tx);
  return rows.length === 1;
}

export interface Settlement {
  readonly id: ApplyRequestId;
  readonly to: "applied" | "refused" | "denied";
  readonly revision: number | null;
  readonly reason: string | null;
}

/** The one way out of `open`. The guard is in the statement: of two who settle it the second is told false. */
export async function settleRequest(tx: Db | Transaction, { id, to, revision, reason }: Settlement): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update apply_requests set state = ${to}, revision = ${revision}, reason = ${reason}, settled_at = loop_now() where id = ${id} and state = 'open' returning id`.execute(
    tx,
  );
  return rows.length === 1;
}

const COLUMNS = sql`r.id, r.state, r.ask_id, r.digest, r.base, r.files, r.target, r.author, r.note, r.revision, r.reason, r.created_at`;

/** Open requests whose ask is settled, oldest first; 100 at most. */
export async function selectDecided(db: Db): Promise<ApplyRequest[]> {
  const { rows } = await sql<RequestRow>`
    select ${COLUMNS} from apply_requests r join asks k on k.id = r.ask_id where r.state = 'open' and k.state <> 'open' order by r.created_at, r.id limit 100`.execute(
    db,
  );
  return rows.map(toRequest);
}

export async function selectOpen(db: Db | Transaction, digest: string, author: string): Promise<ApplyRequest | null> {
  const { rows } = await sql<RequestRow>`select ${COLUMNS} from apply_requests r where digest = ${digest} and author = ${author} and state = 'open'`.execute(
    db,
  );
  return rows[0] ? toRequest(rows[0]) : null;
}

/** Returns to an older revision whose files the folder does not have yet, oldest first. */
export async function selectUnwritten(db: Db): Promise<ApplyRequest[]> {
  const { rows } = await sql<RequestRow>`
    select ${COLUMNS} from apply_requests r where state = 'applied' and target is not null and written_at is null order by settled_at, id`.execute(db);
  return rows.map(toRequest);
}

export async function markWritten(db: Db, id: ApplyRequestId): Promise<void> {
  await sql`update apply_requests set written_at = loop_now() where id = ${id} and written_at is null`.execute(db);
}

/** The last request of all. */
export async function selectLatest(db: Db): Promise<ApplyRequest | null> {
  const { rows } = await sql<RequestRow>`select ${COLUMNS} from apply_requests r order by created_at desc, id desc limit 1`.execute(db);
  return rows[0] ? toRequest(rows[0]) : null;
}
