import assert from "node:assert/strict";
import { test } from "node:test";
import { chainHash, GENESIS, sealBytes } from "./chain.ts";

test("the chain is SHA-256 over the hash before, the position as eight bytes and the head, as any other program computes it", () => {
  const first = chainHash(GENESIS, 1, '{"kind":"one.said"}');
  const second = chainHash(first, 2, '{"kind":"二"}');
  const far = chainHash(second, 2 ** 40 + 5, "{}");
  assert.deepEqual(
    [first, second, far].map((hash) => hash.toString("hex")),
    [
      "9d984b20a90847c3ed671a9189ce735f56b4322db87985a1e9282ea3e50a96de",
      "23865f1aaeb521c03c23bff8f6e90a89d8ed49f95d73077f198c67fa6bccecfb",
      "111e82fdb4f85399e24514c0bec79b4c352e1d95d5ba63dc0d07e62126b579c2",
    ],
  );
});

test("a seal signs its canonical form", () => {
  const seal = { position: 7, keyId: "sgn_x", hash: "00ff", at: "2026-03-01T12:00:00.000Z" } as const;
  assert.equal(sealBytes(seal).toString(), '{"at":"2026-03-01T12:00:00.000Z","hash":"00ff","keyId":"sgn_x","position":7}');
});
