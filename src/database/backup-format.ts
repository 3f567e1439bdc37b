import { damaged } from "./backup-tar.ts";

/*
 * A backup is a gzipped tar with, in this order:
 *
 *   head.json                        what is coming, and what it takes to read it
 *   keys.sealed                      the keys of the home under a passphrase; only when one was given
 *   tables/<schema>.<table>/<n>      rows as COPY writes them as text, in pieces of whole rows
 *   workspace/<path>                 the files and folders of the workspace
 *   manifest.json                    what everything before it must add up to
 *
 * All rows are of one snapshot of the database. The files of the workspace are read after it.
 */
export const BACKUP_FORMAT = "loopwright.backup/1";

export const HEAD_NAME = "head.json";
export const KEYS_NAME = "keys.sealed";
export const TABLES_FOLDER = "tables/";
export const WORKSPACE_FOLDER = "workspace/";
export const MANIFEST_NAME = "manifest.json";

export interface BackupTable {
  readonly schema: "public" | "pgboss";
  readonly name: string;
  readonly columns: readonly string[];
  /** `columns`: a row is the columns, in this order. `json`: a row is one JSON object, since the columns are not ours and may change. */
  readonly rows: "columns" | "json";
}

export interface BackupHead {
  readonly format: typeof BACKUP_FORMAT;
  /** Of the program that wrote it. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** The sealed secrets belong to this home: a restored home goes by the same id. */
  readonly homeId: string;
  /** In the order they ran. */
  readonly migrations: readonly string[];
  /** Null: there was no job queue. */
  readonly queueVersion: number | null;
  readonly keys: "sealed" | "left out";
  readonly tables: readonly BackupTable[];
}

export interface TableDigest {
  /** `<schema>.<table>` */
  readonly table: string;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface FileDigest {
  /** In the workspace, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface Sequence {
  readonly table: string;
  readonly column: string;
  /** A whole number as text: it may be larger than a number holds. */
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** Sums over the record, computed in the snapshot and again after a restore. Numbers as text: they may be larger than a number holds. */
export interface BackupFacts {
  readonly journalPosition: string;
  /** Hex. */
  readonly journalHash: string;
  readonly runs: string;
  readonly receipts: string;
  readonly ledgerRows: string;
  readonly ledgerCostNanos: string;
  readonly ledgerReservedNanos: string;
}

export interface BackupManifest extends BackupHead {
  readonly digests: readonly TableDigest[];
  readonly sequences: readonly Sequence[];
  readonly files: readonly FileDigest[];
  /** What stood in the workspace and is not in the backup, and why. */
  readonly skipped: readonly string[];
  readonly facts: BackupFacts;
}

export const tableKey = ({ schema, name }: Pick<BackupTable, "schema" | "name">): string => `${schema}.${name}`;

/** @throws LoopError backup_invalid */
export function readHead(text: string): BackupHead {
  const head = parse(text) as Partial<BackupHead>;
  const tables = Array.isArray(head.tables) && head.tables.every(isTable);
  const texts = [head.version, head.createdAt, head.homeId].every((value) => typeof value === "string");
  const queue = head.queueVersion === null || Number.isInteger(head.queueVersion);
  if (!tables || !texts || !queue || !isTexts(head.migrations) || (head.keys !== "sealed" && head.keys !== "left out"))
    throw damaged(`its ${HEAD_NAME} is not complete`);
  if (!/^[0-9a-f-]{1,64}$/.test(head.homeId!)) throw damaged("its home has an id that is none");
  return head as BackupHead;
}

/** The format that a text claims to have; undefined when it claims none. */
export const formatOf = (text: string): unknown => (parse(text) as { format?: unknown }).format;

/** @throws LoopError backup_invalid also when the manifest does not begin with the head */
export function readManifest(text: string, head: BackupHead): BackupManifest {
  const manifest = parse(text) as Partial<BackupManifest>;
  const { digests, sequences, files, skipped, facts, ...start } = manifest;
  const complete =
    Array.isArray(digests) && Array.isArray(sequences) && Array.isArray(files) && isTexts(skipped) && typeof facts === "object" && facts !== null;
  if (!complete || JSON.stringify(start) !== JSON.stringify(head)) throw damaged(`its ${MANIFEST_NAME} does not belong to its ${HEAD_NAME}`);
  return manifest as BackupManifest;
}

function parse(text: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw damaged("a part of it that should be JSON is none", cause);
  }
  throw damaged("a part of it that should be a JSON object is none");
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === "string");

function isTable(value: unknown): boolean {
  const table = value as Partial<BackupTable> | null;
  const known = table?.schema === "public" || table?.schema === "pgboss";
  return known && typeof table.name === "string" && isTexts(table.columns) && table.columns!.length > 0 && (table.rows === "columns" || table.rows === "json");
}
