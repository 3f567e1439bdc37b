import { setImmediate as nextTick } from "node:timers/promises";
import { DotProducts, STEP } from "./dot-products.ts";
import type { Layer } from "./item.ts";
import type { StoredVector } from "./store/vectors.ts";
import type { Nearest } from "./vector-index.ts";

const FIRST_ROWS = 1_024;
/** Rows between two breaths of the event loop: well below a millisecond. */
const ROWS_A_TURN = 20_000;
const LARGEST_BYTE = 127;

/** The vectors of one embedder in one block of memory, to be read through from end to end. */
export class VectorTable {
  readonly #dimensions: number;
  /** Row length: dimensions, filled up with zeros. */
  readonly #stride: number;
  readonly #products: DotProducts;
  #scales = new Float32Array(FIRST_ROWS);
  /** For each row its place in `#groups`. */
  #groupOf = new Uint32Array(FIRST_ROWS);
  readonly #ids: string[] = [];
  readonly #rowOf = new Map<string, number>();
  readonly #groups: { layer: Layer; scope: string }[] = [];
  readonly #groupAt = new Map<string, number>();

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#stride = Math.ceil(dimensions / STEP) * STEP;
    this.#products = new DotProducts(this.#stride, ROWS_A_TURN);
    this.#products.reserve(FIRST_ROWS);
  }

  get size(): number {
    return this.#ids.length;
  }

  /** Adds the vector, or puts it in the place of the item's older one. */
  put(vector: StoredVector): void {
    let row = this.#rowOf.get(vector.itemId);
    if (row === undefined) {
      row = this.#ids.push(vector.itemId) - 1;
      this.#rowOf.set(vector.itemId, row);
      if (row === this.#scales.length) this.#grow();
    }
    this.#products.write(row, vector.bytes.subarray(0, this.#dimensions));
    this.#scales[row] = vector.scale;
    this.#groupOf[row] = this.#groupFor(vector);
  }

  /** Ids, for each layer the nearest first; equal ones by id. Lets other work in between. */
  async nearest(asked: Nearest): Promise<string[]> {
    const best = asked.layers.map(() => new Best(asked.limitPerLayer));
    const bestOf = this.#groups.map(({ layer, scope }) => (asked.scopes.includes(scope) ? best[asked.layers.indexOf(layer)] : undefined));
    const query = toWhole(asked.vector, this.#stride);
    for (let from = 0; from < this.#ids.length; from += ROWS_A_TURN) {
      if (from > 0) await nextTick();
      this.#scan({ query, bestOf, from, to: Math.min(from + ROWS_A_TURN, this.#ids.length) });
    }
    return best.flatMap((list) => list.ids());
  }

  #scan(part: { query: Int16Array; bestOf: readonly (Best | undefined)[]; from: number; to: number }): void {
    const { query, bestOf, from, to } = part;
    const products = this.#products.of(query, from, to);
    for (let row = from; row < to; row += 1) {
      const best = bestOf[this.#groupOf[row]!];
      if (best === undefined) continue;
      const score = products[row - from]! * this.#scales[row]!;
      if (score >= best.floor) best.offer(score, this.#ids[row]!);
    }
  }

  #groupFor({ layer, scope }: StoredVector): number {
    const key = `${layer} ${scope}`;
    let group = this.#groupAt.get(key);
    if (group === undefined) this.#groupAt.set(key, (group = this.#groups.push({ layer, scope }) - 1));
    return group;
  }

  #grow(): void {
    const rows = this.#scales.length * 2;
    const [scales, groupOf] = [new Float32Array(rows), new Uint32Array(rows)];
    scales.set(this.#scales);
    groupOf.set(this.#groupOf);
    [this.#scales, this.#groupOf] = [scales, groupOf];
    this.#products.reserve(rows);
  }
}

/** The query as whole numbers, as large as a sum of products with signed bytes stays within 32 bits. */
function toWhole(vector: Float32Array, stride: number): Int16Array {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const limit = Math.min(32_767, Math.floor((2 ** 31 - 1) / (LARGEST_BYTE * stride)));
  const whole = new Int16Array(stride);
  if (largest > 0) for (let at = 0; at < vector.length; at += 1) whole[at] = Math.round((vector[at]! / largest) * limit);
  return whole;
}

/** The best few that were offered. */
class Best {
  /** Nothing below it has a chance. */
  floor = Number.NEGATIVE_INFINITY;
  readonly #limit: number;
  readonly #list: { score: number; id: string }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(score: number, id: string): void {
    let at = this.#list.length;
    while (at > 0 && isBefore({ score, id }, this.#list[at - 1]!)) at -= 1;
    this.#list.splice(at, 0, { score, id });
    if (this.#list.length > this.#limit) this.#list.pop();
    if (this.#list.length === this.#limit) this.floor = this.#list.at(-1)!.score;
  }

  ids(): string[] {
    return this.#list.map((one) => one.id);
  }
}

const isBefore = (a: { score: number; id: string }, b: { score: number; id: string }): boolean => a.score > b.score || (a.score === b.score && a.id < b.id);
