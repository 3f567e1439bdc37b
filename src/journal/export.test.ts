import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { Db } from "#src/database/open.ts";
import type { TicketId } from "#src/kernel/ids.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { erasePayloads } from "./erase.ts";
import { exportJournal } from "./export.ts";
import { sealOnce } from "./seal.ts";
import { type Signer, signerOf } from "./signing.ts";
import { append } from "./store/append.ts";
import { registerKey } from "./store/keys.ts";
import type { Verified } from "./verification.ts";
import { type ExportTrust, verifyExport, verifyExportFile } from "./verify-export.ts";

const clock = heldClock();
const ticketId = `tkt_${"a".repeat(32)}` as TicketId;
const newSigner = (): Signer => signerOf(generateKeyPairSync("ed25519").privateKey);

/** Nine events: five seals, an erased payload, payloads with every kind of letter. */
async function journal(t: TestContext): Promise<{ db: Db; signer: Signer }> {
  const { db } = await testDatabase(t);
  const signer = newSigner();
  await registerKey(db, { ...signer, host: "here" });
  const payloads = [
    { text: 'line\nfeed "quoted" \\ \u0000 \u2028 �' },
    { text: "冷氣漏水 🛠" },
    undefined,
    { secret: "of a person" },
    { number: 1e-7, nested: [{ erased: true }] },
    { text: '","payload":{},"erased":true}' },
    null,
    [],
  ];
  for (const [index, payload] of payloads.entries()) {
    await append(db, clock, [
      { kind: "sensor.read", actor: `agent:"${index}"}`, ...(payload === undefined ? {} : { payload }), ...(index === 3 ? { ticketId } : {}) },
    ]);
    if (index % 2 === 0) await sealOnce(db, signer);
  }
  await erasePayloads(db, clock, { scope: ticketId });
  await sealOnce(db, signer);
  return { db, signer };
}

async function exported(db: Db, signer: Signer, range: { from?: number; to?: number } = {}): Promise<Buffer> {
  let text = "";
  await exportJournal(db, { workspace: "warm-stays", signer, ...range }, (lines) => void (text += lines));
  return Buffer.from(text);
}

/** In pieces that end anywhere. */
async function* inPieces(bytes: Uint8Array, pieceBytes = 97): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
}

const verify = (bytes: Uint8Array, trust: ExportTrust = {}) => verifyExportFile(inPieces(bytes), trust);

test("an export verifies without the database, and says what it covers", async (t) => {
  const { db, signer } = await journal(t);
  const bytes = await exported(db, signer);
  const verified = { kind: "verified", workspace: "warm-stays", from: 1, to: 9, events: 9, erased: 1, keyIds: [signer.keyId] };
  assert.deepEqual(await verify(bytes), { ...verified, trusted: false });
  assert.deepEqual(await verify(bytes, { trustedKeys: [signer.publicKey] }), { ...verified, trusted: true });
  assert.equal(bytes.toString().includes("of a person"), false);
  assert.ok(
    bytes
      .toString()
      .split("\n")
      .slice(0, -1)
      .every((line) => typeof JSON.parse(line) === "object"),
  );
});

test("a part of the journal verifies by itself; positions that do not exist are refused", async (t) => {
  const { db, signer } = await journal(t);
  assert.deepEqual(await verify(await exported(db, signer, { from: 3, to: 6 })), {
    kind: "verified",
    workspace: "warm-stays",
    from: 3,
    to: 6,
    events: 4,
    erased: 1,
    keyIds: [signer.keyId],
    trusted: false,
  });
  assert.equal((await verify(await exported(db, signer, { from: 10 }))).kind, "verified"); // nothing new yet
  for (const range of [{ from: 0 }, { to: 10 }, { from: 5, to: 3 }, { from: 1.5 }])
    await assert.rejects(exported(db, signer, range), { code: "input_invalid" });
  await assert.rejects(exported(db, newSigner()), { code: "signing_key_unusable" });
});

test("a change of any single byte is found", async (t) => {
  const { db, signer } = await journal(t);
  const bytes = await exported(db, signer);
  const seen: string[] = [];
  for (let index = 0; index < bytes.length; index += 1) {
    const masks = index < bytes.length - 100 ? [1 << (index % 8)] : [1, 2, 4, 8, 16, 32, 64, 128, 0x5a]; // every bit of the last signature
    for (const mask of masks) {
      const changed = Buffer.from(bytes);
      changed[index] = bytes[index]! ^ mask;
      if ((await verify(changed)).kind === "verified") seen.push(`${index} ^ ${mask}: ${bytes.subarray(index - 10, index + 10).toString()}`);
    }
  }
  assert.deepEqual(seen, []);
});

test("a byte put in or taken out anywhere is found, and so is every cut", async (t) => {
  const { db, signer } = await journal(t);
  const bytes = await exported(db, signer, { from: 3, to: 6 });
  for (let index = 0; index < bytes.length; index += 3) {
    const [before, after] = [bytes.subarray(0, index), bytes.subarray(index)];
    const others = [
      Buffer.concat([before, after.subarray(1)]),
      Buffer.concat([before, Buffer.from(" "), after]),
      Buffer.concat([before, Buffer.from("\n"), after]),
      before,
    ];
    for (const other of others) assert.equal((await verify(other)).kind, "broken", `at ${index}`);
  }
  for (const tail of ["\n", " ", "x\n", bytes.toString()]) assert.equal((await verify(Buffer.concat([bytes, Buffer.from(tail)]))).kind, "broken");
});

test("a line that is taken out, doubled or moved is found", async (t) => {
  const { db, signer } = await journal(t);
  const lines = (await exported(db, signer)).toString().split("\n").slice(0, -1);
  const verifyLines = async (some: readonly string[]) =>
    (
      await verifyExport(
        (async function* () {
          yield* some;
        })(),
      )
    ).kind;
  assert.equal(await verifyLines(lines), "verified");
  for (let index = 0; index < lines.length; index += 1) {
    assert.equal(await verifyLines(lines.toSpliced(index, 1)), "broken", `without line ${index}`);
    assert.equal(await verifyLines(lines.toSpliced(index, 0, lines[index]!)), "broken", `line ${index} twice`);
    if (index > 0) assert.equal(await verifyLines(lines.toSpliced(index - 1, 2, lines[index]!, lines[index - 1]!)), "broken", `line ${index} moved up`);
    assert.equal(await verifyLines(lines.slice(0, index)), "broken", `cut before line ${index}`);
  }
});

test("what was erased cannot be passed off as something else, nor something else as erased", async (t) => {
  const { db, signer } = await journal(t);
  const text = (await exported(db, signer)).toString();
  const erasing = text.replace(/,"payload":\{"text":"冷[^}]*\}\}/, ',"erased":true}');
  assert.notEqual(erasing, text);
  assert.deepEqual(await verify(Buffer.from(erasing)), {
    kind: "broken",
    position: 9,
    what: "the export is not the one that was signed: a line was changed, added or taken out",
  });
  const inventing = text.replace(',"erased":true}', ',"payload":{"secret":"invented"}}');
  assert.deepEqual(await verify(Buffer.from(inventing)), { kind: "broken", position: 4, what: "the event has another payload than when it was appended" });
});

test("an export that a stranger signed is broken for whoever says whom to trust, and says so otherwise", async (t) => {
  const { db, signer: stranger } = await journal(t);
  const bytes = await exported(db, stranger);
  const refused = { kind: "broken", position: 9, what: `signed by ${stranger.keyId}, which is not among the trusted keys` };
  assert.deepEqual(await verify(bytes, { trustedKeys: [newSigner().publicKey] }), refused);
  assert.deepEqual(await verify(bytes, { trustedKeys: [] }), refused);
  const { kind, trusted, keyIds } = (await verify(bytes)) as Verified;
  assert.deepEqual({ kind, trusted, keyIds }, { kind: "verified", trusted: false, keyIds: [stranger.keyId] });
});

test("bytes that are no export are an answer, not an exception", async () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}\n`;
  for (const text of ["", "\n", "{}\n", "null\n", "5\n", '"\\ud800"\n', '{"format":"loopwright.journal/1"}\n', deep]) {
    assert.equal((await verify(Buffer.from(text))).kind, "broken", text.slice(0, 40));
  }
  assert.deepEqual(await verify(Buffer.from([0x7b, 0xff, 0x0a])), { kind: "broken", position: 1, what: "there are bytes that are not UTF-8" });
  assert.deepEqual(await verify(Buffer.from("{")), { kind: "broken", position: 1, what: "the last line is cut off" });
});
