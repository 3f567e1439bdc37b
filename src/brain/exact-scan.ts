import type { Db, Transaction } from "#src/database/open.ts";
import type { BrainEmbedder } from "./embedder.ts";
import { countVectors, readVectors, readVersion } from "./store/vectors.ts";
import type { Nearest, VectorIndex } from "./vector-index.ts";
import { VectorTable } from "./vector-table.ts";

const VECTORS_OF_A_PAGE = 5_000;
/** Vectors of items that are gone stay in memory up to this share, and this number. */
const STALE_SHARE = 0.1;
const STALE_VECTORS = 1_000;

interface Loaded {
  readonly version: number;
  readonly table: VectorTable;
}

/** By database, since one process may hold several; of each the last state that was read, or is being read. */
const loadedOf = new WeakMap<BrainEmbedder, Map<string, Promise<Loaded>>>();

/**
 * Compares with every vector, in this process: 100,000 of 384 dimensions take some 3 ms and 40 MB. Loaded at the first question, later only what is new.
 */
export function exactScan(embedder: BrainEmbedder): VectorIndex {
  return {
    async nearest(db: Db | Transaction, asked: Nearest): Promise<string[]> {
      const { table } = await current(db, embedder);
      return table.nearest(asked);
    },
  };
}

async function current(db: Db | Transaction, embedder: BrainEmbedder): Promise<Loaded> {
  const { database, version } = await readVersion(db);
  const byDatabase = loadedOf.get(embedder) ?? new Map<string, Promise<Loaded>>();
  loadedOf.set(embedder, byDatabase);
  // A load that failed for somebody else is no reason to fail here: it is begun again.
  const before = byDatabase.get(database)?.then(
    (loaded) => loaded,
    () => undefined,
  );
  const now = Promise.resolve(before).then((loaded) => catchUp(db, { embedder, loaded, version }));
  byDatabase.set(database, now);
  try {
    return await now;
  } catch (error) {
    if (byDatabase.get(database) === now) byDatabase.delete(database); // the next question starts afresh
    throw error;
  }
}

async function catchUp(db: Db | Transaction, to: { embedder: BrainEmbedder; loaded: Loaded | undefined; version: number }): Promise<Loaded> {
  const { embedder, loaded, version } = to;
  if (loaded !== undefined && loaded.version >= version) return loaded;
  const table = loaded?.table ?? new VectorTable(embedder.dimensions);
  await load(db, { table, embedder: embedder.id, since: loaded?.version ?? 0, until: version });
  const stale = table.size - (await countVectors(db, embedder.id));
  if (stale <= Math.max(STALE_VECTORS, table.size * STALE_SHARE)) return { version, table };
  const fresh = new VectorTable(embedder.dimensions);
  await load(db, { table: fresh, embedder: embedder.id, since: 0, until: version });
  return { version, table: fresh };
}

async function load(db: Db | Transaction, what: { table: VectorTable; embedder: string; since: number; until: number }): Promise<void> {
  const { table, ...range } = what;
  for (let after = ""; ;) {
    const page = await readVectors(db, { ...range, after, limit: VECTORS_OF_A_PAGE });
    for (const vector of page) table.put(vector);
    if (page.length < VECTORS_OF_A_PAGE) return;
    after = page.at(-1)!.itemId;
  }
}
