import { LoopError } from "#src/kernel/errors.ts";

/** What the brain asks of an embedder: the members of the port in `acts/`, which stands below this part. */
export interface BrainEmbedder {
  /** Names model and dimensions; vectors of different ids are never compared. */
  readonly id: string;
  readonly dimensions: number;
  /** One vector per text, in order. @throws LoopError embedder_unavailable */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
}

/** A vector of unit length as signed bytes: the value of each is the byte times the scale. */
export interface PackedVector {
  readonly bytes: Int8Array;
  readonly scale: number;
}

/** Embeds, and holds the embedder to its promise. @throws LoopError embedder_unavailable */
export async function embedAll(embedder: BrainEmbedder, texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]> {
  const vectors = await embedder.embed(texts, signal);
  const sound = vectors.length === texts.length && vectors.every((vector) => vector.length === embedder.dimensions && vector.every(Number.isFinite));
  if (sound) return vectors.map(toUnitLength);
  const facts = { embedder: embedder.id, texts: texts.length, vectors: vectors.length, dimensions: embedder.dimensions };
  throw new LoopError(
    "embedder_unavailable",
    `The embedder ${embedder.id} gave something else than ${texts.length} vectors of ${embedder.dimensions} numbers. Check its model.`,
    { facts },
  );
}

function toUnitLength(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector : vector.map((value) => value / length);
}

const LARGEST_BYTE = 127;

/** A quarter of the memory; of 384 dimensions the cosine is off by less than 0.001. */
export function packed(vector: Float32Array): PackedVector {
  const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = largest / LARGEST_BYTE;
  return { bytes: Int8Array.from(vector, (value) => (scale === 0 ? 0 : Math.round(value / scale))), scale };
}

/** Of two vectors of unit length; 0 where either says nothing. */
export function cosine(vector: Float32Array, other: PackedVector): number {
  let sum = 0;
  for (let at = 0; at < vector.length; at += 1) sum += vector[at]! * other.bytes[at]!;
  return Math.max(-1, Math.min(1, sum * other.scale));
}
