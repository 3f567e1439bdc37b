import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { Embedder } from "#src/acts/ports/embedder.ts";

export interface EmbedderSuite {
  readonly name: string;
  readonly subject: (t: TestContext) => Promise<Embedder>;
}

const TEXTS = ["The pump drips.", "冷氣漏水", "", "น้ำรั่ว", "The pump drips.", "x".repeat(5_000)];

/** What every embedder owes the brain. */
export function embedderSuite({ name, subject }: EmbedderSuite): void {
  const never = new AbortController().signal;

  describe(`an embedder: ${name}`, () => {
    test("each text gets a vector of the declared length, in order, and of unit length where the text says anything", async (t) => {
      const embedder = await subject(t);
      assert.ok(embedder.id.length > 0);
      const vectors = await embedder.embed(TEXTS, never);
      assert.deepEqual(
        vectors.map((vector) => vector.length),
        TEXTS.map(() => embedder.dimensions),
      );
      for (const [index, vector] of vectors.entries()) if (TEXTS[index] !== "") assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3, `text ${index}`);
      assert.deepEqual(await embedder.embed([], never), []);
    });

    test("the same text is the same vector, in whatever company, and other texts are others", async (t) => {
      const embedder = await subject(t);
      const [first, second, , , again] = await embedder.embed(TEXTS, never);
      const [alone] = await embedder.embed([TEXTS[0]!], never);
      assert.deepEqual([again, alone], [first, first]);
      assert.notDeepEqual(second, first);
    });

    test("it does not go on once it is told to stop", async (t) => {
      const embedder = await subject(t);
      await assert.rejects(async () => embedder.embed(TEXTS, AbortSignal.abort()));
    });
  });
}
