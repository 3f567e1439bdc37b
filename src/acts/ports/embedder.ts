/** Turns texts into vectors of unit length. */
export interface Embedder {
  /** Names model and dimensions; vectors of different ids are never compared. */
  readonly id: string;
  readonly dimensions: number;
  /** One vector per text, in order. @throws LoopError embedder_unavailable */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
}
