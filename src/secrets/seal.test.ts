import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_BYTES, sealingKey } from "./key-file.ts";
import { seal, unseal } from "./seal.ts";

const key = sealingKey(Buffer.alloc(KEY_BYTES, 7));
const where = { workspaceId: "home", name: "github", version: 3 };

test("what was sealed opens again, and no two seals are alike", () => {
  const [one, two] = [seal(key, where, "Grüße, 秘密"), seal(key, where, "Grüße, 秘密")];
  assert.deepEqual([unseal(key, where, one), unseal(key, where, two)], ["Grüße, 秘密", "Grüße, 秘密"]);
  assert.notDeepEqual(one, two);
  assert.ok(!one.ciphertext.includes("Grüße"));
});

test("it opens nowhere else: another workspace, name, version or key", () => {
  const sealed = seal(key, where, "value-of-the-secret");
  const others = [{ workspaceId: "other" }, { name: "gitlab" }, { version: 4 }, { workspaceId: "home\0github", name: "" }];
  for (const other of others) assert.equal(unseal(key, { ...where, ...other }, sealed), null);
  assert.equal(unseal(sealingKey(Buffer.alloc(KEY_BYTES, 8)), where, sealed), null);
});

test("a changed bit, or a cut end, opens to nothing", () => {
  const sealed = seal(key, where, "value-of-the-secret");
  for (let at = 0; at < sealed.ciphertext.length; at += 1) {
    const changed = Buffer.from(sealed.ciphertext);
    changed[at]! ^= 1;
    assert.equal(unseal(key, where, { ...sealed, ciphertext: changed }), null);
  }
  assert.equal(unseal(key, where, { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 12) }), null);
  assert.equal(unseal(key, where, { ...sealed, nonce: sealed.nonce.subarray(0, 8) }), null);
});
