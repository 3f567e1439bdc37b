import type { Db, Transaction } from "#src/database/open.ts";
import type { Layer } from "./item.ts";

export interface Nearest {
  /** Of unit length, from the embedder that the index is of. */
  readonly vector: Float32Array;
  readonly layers: readonly Layer[];
  readonly scopes: readonly string[];
  readonly limitPerLayer: number;
}

/**
 * Finds the items whose vectors lie nearest. It proposes: whoever asks reads the items again under their scope and their present vector, so an index
 * may still hold what was forgotten a moment ago.
 */
export interface VectorIndex {
  /** Ids, for each layer the nearest first, at most `limitPerLayer` of a layer. */
  nearest(db: Db | Transaction, asked: Nearest): Promise<string[]>;
}
