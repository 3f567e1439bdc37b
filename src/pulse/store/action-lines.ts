import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { RunId } from "#src/kernel/ids.ts";

const LONGEST_LINE = 500;

export interface ActionNote {
  /** Who did it. */
  readonly caller: { readonly id: string; readonly runId?: RunId | null; readonly actKey?: string };
  /** What was done, in a few words: `write-goal fix-login`. Becomes one line of 500 characters at most. */
  readonly line: string;
  /** Left out: the run that the caller is. */
  readonly runId?: RunId | null;
}

export interface ActionLine {
  readonly id: number;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly actor: string;
  readonly line: string;
}

/** One line in the journal that people and whoever decides read: one for each thing that was done by a verb of the contract. */
export async function noteAction(tx: Db | Transaction, clock: Clock, { caller, line, runId = caller.runId ?? null }: ActionNote): Promise<void> {
  await append(tx, clock, [
    {
      kind: "loop.action",
      actor: caller.id,
      ...(runId === null ? {} : { runId }),
      payload: { line: oneLine(line), ...(caller.actKey === undefined ? {} : { act: caller.actKey }) },
    },
  ]);
}

/** White space and what a terminal would obey become single spaces. */
function oneLine(line: string): string {
  const plain = line
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
  return plain.length > LONGEST_LINE ? `${plain.slice(0, LONGEST_LINE - 1)}…`.toWellFormed() : plain;
}

/** The last lines, oldest first. One that was erased is left out. */
export async function actionLines(db: Db | Transaction, limit: number): Promise<ActionLine[]> {
  const { rows } = await sql<LineRow>`
    select e.id, e.at, e.actor, p.body
    from (select id, at, actor from events where kind = 'loop.action' order by id desc limit ${limit}) e
      left join lateral (select body from payloads where event_id = e.id offset 0) p on true
    order by e.id`.execute(db);
  return toLines(rows);
}

/** All after this id, oldest first; 5,000 at most. */
export async function actionLinesAfter(db: Db, id: number): Promise<ActionLine[]> {
  const { rows } = await sql<LineRow>`
    select e.id, e.at, e.actor, p.body
    from (select id, at, actor from events where kind = 'loop.action' and id > ${id} order by id limit 5000) e
      left join lateral (select body from payloads where event_id = e.id offset 0) p on true
    order by e.id`.execute(db);
  return toLines(rows);
}

interface LineRow {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly body: string | null;
}

const toLines = (rows: readonly LineRow[]): ActionLine[] =>
  rows.flatMap(({ id, at, actor, body }) => (body === null ? [] : [{ id, at: at.toISOString(), actor, line: lineOf(body) }]));

const lineOf = (body: string): string => (JSON.parse(body) as { line: string }).line;
