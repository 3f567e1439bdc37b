import type { Embedder } from "#src/acts/ports/embedder.ts";
import { wordsOf } from "#src/brain/words.ts";

const DIMENSIONS = 64;

/** Texts with words in common are near each other, and nothing else is known of meaning. The same text always gives the same vector. */
export const hashEmbedder: () => Embedder = () => ({
  id: `hash-${DIMENSIONS}`,
  dimensions: DIMENSIONS,
  embed(texts, signal) {
    signal.throwIfAborted();
    return Promise.resolve(texts.map(vectorOf));
  },
});

function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  for (const word of wordsOf(text)) {
    const hash = hashOf(word);
    vector[hash % DIMENSIONS]! += (hash & 0x8000_0000) === 0 ? 1 : -1;
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** FNV-1a over UTF-16 code units. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at += 1) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
