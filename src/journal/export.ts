import { createHash } from "node:crypto";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { GENESIS } from "./chain.ts";
import { endBytes, endLine, eventLine, EXPORT_FORMAT, type ExportEnd, type ExportHeader, headerLine, sealLine } from "./export-format.ts";
import type { Signer } from "./signing.ts";
import { listKeys } from "./store/keys.ts";
import { type Extent, readEventTexts, readExtent, readHashAt, readLastSeals, type Stretch } from "./store/pages.ts";

const PAGE = { events: 5_000, sizeBytes: 8_388_608 };

export interface ExportOptions {
  /** The name of the workspace, as it is to stand in the export. */
  readonly workspace: string;
  readonly signer: Signer;
  /** Positions; from the first and to the last sealed one by default. */
  readonly from?: number;
  readonly to?: number;
}

export type Exported = Pick<ExportHeader, "from" | "to"> & Pick<ExportEnd, "count" | "hash">;

/** Takes one piece of the file at a time: whole lines, line feeds included. */
export type WriteLines = (lines: string) => Promise<void> | void;

/**
 * Writes sealed events as a file that `verifyExport` checks without the database. Pages; nothing is held meanwhile, and what is sealed after the call is
 * not in it. @throws LoopError input_invalid when the positions do not exist; journal_broken when an event is missing
 */
export async function exportJournal(db: Db, options: ExportOptions, write: WriteLines): Promise<Exported> {
  const extent = await readExtent(db);
  const header = await headerOf(db, options, extent);
  const digest = createHash("sha256");
  const put = async (lines: string): Promise<void> => {
    digest.update(lines);
    await write(lines);
  };
  await put(`${headerLine(header)}\n`);
  let last = { position: header.from - 1, hash: header.before };
  while (last.position < header.to) {
    const page = await readPage(db, { after: last.position, to: header.to });
    await put(page.lines);
    last = page.last;
  }
  const end = {
    format: EXPORT_FORMAT,
    count: header.to - header.from + 1,
    ...last,
    digest: digest.digest("hex"),
    at: extent.at.toISOString(),
    keyId: options.signer.keyId,
  } as const;
  await write(`${endLine(end, options.signer.sign(endBytes(end)))}\n`);
  return { from: header.from, to: header.to, count: end.count, hash: end.hash };
}

async function headerOf(db: Db, { workspace, from = 1, to, signer }: ExportOptions, extent: Extent): Promise<ExportHeader> {
  const last = to ?? extent.position;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(last) || from < 1 || last > extent.position || last < from - 1) {
    throw new LoopError("input_invalid", `The journal has the positions 1 to ${extent.position}; ${from} to ${last} was asked for.`, {
      facts: { from, to: last, position: extent.position },
    });
  }
  const before = from === 1 ? GENESIS : await readHashAt(db, from - 1);
  if (!before) throw missing(from - 1);
  const keys = (await listKeys(db)).map(({ keyId, publicKey, host, revokedAt }) => ({ keyId, publicKey, host, revokedAt: revokedAt?.toISOString() ?? null }));
  if (!keys.some((key) => key.keyId === signer.keyId)) {
    throw new LoopError(
      "signing_key_unusable",
      `The key ${signer.keyId} is not registered in this record, so nobody could check its signature. Export on a machine that serves this home.`,
    );
  }
  return { format: EXPORT_FORMAT, workspace, from, to: last, before: before.toString("hex"), keys };
}

async function readPage(db: Db, stretch: Stretch): Promise<{ lines: string; last: { position: number; hash: string } }> {
  const events = await readEventTexts(db, stretch, PAGE);
  const last = events.at(-1);
  if (!last || last.position !== stretch.after + events.length) throw missing(stretch.after + 1);
  const seals = await readLastSeals(db, { after: stretch.after, to: last.position });
  let next = 0;
  let lines = "";
  for (const event of events) {
    lines += `${eventLine({ ...event, hash: event.hash.toString("hex") })}\n`;
    for (; seals[next]?.position === event.position; next += 1) {
      const { position, hash, at, keyId, signature } = seals[next]!;
      lines += `${sealLine({ position, hash: hash.toString("hex"), at: at.toISOString(), keyId }, signature)}\n`;
    }
  }
  return { lines, last: { position: last.position, hash: last.hash.toString("hex") } };
}

function missing(position: number): LoopError {
  return new LoopError(
    "journal_broken",
    `An event is missing from the journal, at position ${position} or after. \`loop audit verify\` says what else is wrong; restore from a backup.`,
    { facts: { position } },
  );
}
