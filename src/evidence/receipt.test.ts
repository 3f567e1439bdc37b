import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { signerOf } from "#src/journal/signing.ts";
import { canonicalJson, type Json, sha256 } from "#src/kernel/canonical-json.ts";
import { PREDICATE_TYPE, type ReceiptAct, type ReceiptStatement, signReceipt, STATEMENT_TYPE } from "./receipt.ts";
import { preAuthEncoding } from "./receipt-envelope.ts";
import { type ReceiptTrust, verifyReceipt } from "./verify-receipt.ts";

const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
const stranger = signerOf(generateKeyPairSync("ed25519").privateKey);
const trust: ReceiptTrust = { trustedKeys: [stranger.publicKey, signer.publicKey] };

const pack = sha256("pack");
const asked: ReceiptAct = {
  id: "act_2",
  kind: "message",
  name: "vendor.dispatch",
  binding: "b2",
  decision: "ask",
  rule: "severe",
  ask: "ask_1",
  intent: "event:17",
  outcome: "done",
};
const read: ReceiptAct = {
  id: "act_1",
  kind: "tool",
  name: "brain.search",
  binding: "b1",
  decision: "allow",
  rule: "reads",
  ask: null,
  intent: "event:12",
  outcome: "done",
};
const approval = { ask: "ask_1", by: "mei", role: "approver", answer: "approve", binding: "b2", rule: "severe" };
const passed = { what: "drip.gone", command: ["check-drip"], exitCode: 0, verdict: "passed" } as const;

type Predicate = ReceiptStatement["predicate"];

function statement(change: Partial<Predicate> = {}): ReceiptStatement {
  return {
    _type: STATEMENT_TYPE,
    subject: [
      { name: "pack", digest: { sha256: pack } },
      { name: "commit", digest: { gitCommit: "a".repeat(40) } },
    ],
    predicateType: PREDICATE_TYPE,
    predicate: {
      workspace: "warm-stays",
      run: "run_1",
      ticket: "tkt_1",
      agent: "triage",
      runner: "rules",
      models: ["rules"],
      policyRevision: 3,
      at: "2026-03-01T12:00:00.000Z",
      state: "done",
      approvals: [approval],
      acts: [read, asked],
      checks: [passed],
      cost: { usd: null, source: null },
      said: "冷氣修好了",
      checked: "passed",
      sandbox: "required",
      ...change,
    },
  };
}

const receipt = signReceipt(statement(), signer);

function whyRefused(text: string, change: Partial<ReceiptTrust> = {}): string {
  const result = verifyReceipt(text, { ...trust, ...change });
  return result.kind === "refused" ? result.why : "";
}

/** The envelope written anew, with what a hostile hand changed. */
const rewritten = (change: { readonly [key: string]: Json }): string => canonicalJson({ ...(JSON.parse(receipt) as { [key: string]: Json }), ...change });

test("a signed receipt is verified, and gives back what was signed", () => {
  const verified = { kind: "verified", statement: statement(), keyId: signer.keyId };
  assert.deepEqual(verifyReceipt(receipt, trust), verified);
  assert.deepEqual(verifyReceipt(`${receipt}\n`, trust), verified);
  assert.deepEqual(verifyReceipt(receipt, { ...trust, expectWorkspace: "warm-stays", expectSubject: { pack, commit: "a".repeat(40) } }), verified);
});

test("the signature is over the DSSE encoding of type and payload, so that other tools can check it", () => {
  assert.equal(preAuthEncoding(Buffer.from("hello")).toString(), "DSSEv1 28 application/vnd.in-toto+json 5 hello");
  const { payload, payloadType, signatures } = JSON.parse(receipt) as { payload: string; payloadType: string; signatures: Json };
  assert.equal(payloadType, "application/vnd.in-toto+json");
  assert.deepEqual(JSON.parse(Buffer.from(payload, "base64").toString()), statement());
  assert.deepEqual(signatures, [{ keyid: signer.keyId, sig: signer.sign(preAuthEncoding(Buffer.from(payload, "base64"))).toString("base64") }]);
});

test("a change of any single byte is refused, and so are a byte more and a byte less", () => {
  const bytes = Buffer.from(receipt);
  for (let index = 0; index < bytes.length; index += 1) {
    for (const mask of [1, 1 << (1 + (index % 6)), 0x80]) {
      const changed = Buffer.from(bytes);
      changed[index] = bytes[index]! ^ mask;
      assert.notEqual(whyRefused(changed.toString("utf8")), "", `byte ${index} ^ ${mask}`);
    }
    const [before, after] = [receipt.slice(0, index), receipt.slice(index)];
    for (const other of [before + after.slice(1), `${before} ${after}`, before]) assert.notEqual(whyRefused(other), "", `at ${index}`);
  }
  for (const tail of ["\n\n", " ", "\r\n", "}", receipt]) assert.notEqual(whyRefused(receipt + tail), "");
});

test("what is no receipt is refused, never thrown", () => {
  for (const text of [
    "",
    "{",
    "null",
    "5",
    "[]",
    "{}",
    '{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[null]}',
    `${"[".repeat(50_000)}`,
  ]) {
    assert.match(whyRefused(text), /^This is no receipt: /, text.slice(0, 40));
  }
});

test("an envelope with more in it, in another form, or of another type is refused", () => {
  const { payload, signatures } = JSON.parse(receipt) as { payload: string; signatures: [{ keyid: string; sig: string }] };
  const [signature] = signatures;
  assert.match(whyRefused(rewritten({ publicKey: signer.publicKey })), /other members/);
  assert.match(whyRefused(rewritten({ signatures: [{ ...signature, publicKey: signer.publicKey }] })), /other members/);
  assert.match(whyRefused(receipt.replace('{"payload"', '{"payload":"","payload"')), /other members/);
  assert.match(whyRefused(JSON.stringify(JSON.parse(receipt), null, 2)), /other white space/);
  assert.match(whyRefused(rewritten({ signatures: [signature, signature] })), /exactly one signature, and has 2/);
  assert.match(whyRefused(rewritten({ signatures: [] })), /exactly one signature, and has 0/);
  assert.match(whyRefused(rewritten({ payload: payload.replace(/=*$/, "") + "\n" })), /not exact base64/);
  assert.match(whyRefused(rewritten({ payload: Buffer.from(payload, "base64").toString("base64url") })), /not exact base64|signature is not/);
  assert.match(whyRefused(rewritten({ signatures: [{ ...signature, sig: signature.sig.replace("==", "") }] })), /not exact base64/);
  assert.match(whyRefused(rewritten({ payloadType: "application/json" })), /payload type/);
});

test("only a trusted key counts; the refusal names the fingerprint of the other", () => {
  const other = signReceipt(statement(), stranger);
  assert.match(whyRefused(other, { trustedKeys: [signer.publicKey] }), new RegExp(`signed by ${stranger.keyId}, which is not among the trusted keys`));
  assert.match(whyRefused(receipt, { trustedKeys: [] }), new RegExp(signer.keyId));
  assert.match(whyRefused(receipt, { trustedKeys: ["-----BEGIN PUBLIC KEY-----\nnonsense"] }), /not among the trusted keys/);
  const { signatures } = JSON.parse(other) as { signatures: [{ sig: string }] };
  assert.match(whyRefused(rewritten({ signatures: [{ keyid: signer.keyId, sig: signatures[0].sig }] })), /signature is not by/);
});

test("a revoked key is refused, and so is one that expired or may have", () => {
  const nowMs = Date.UTC(2026, 5, 1);
  const expiring = { publicKey: signer.publicKey, expiresAtMs: nowMs };
  assert.match(whyRefused(receipt, { revokedKeys: [signer.keyId] }), /was revoked/);
  assert.match(whyRefused(receipt, { trustedKeys: [expiring], nowMs }), /expired on 2026-06-01/);
  assert.match(whyRefused(receipt, { trustedKeys: [expiring] }), /expired/);
  assert.equal(verifyReceipt(receipt, { trustedKeys: [expiring], nowMs: nowMs - 1, revokedKeys: [stranger.keyId] }).kind, "verified");
});

test("an altered artifact, a missing one and another workspace's receipt are refused", () => {
  assert.match(whyRefused(receipt, { expectSubject: { pack: sha256("another pack") } }), /pack is not what the receipt is about/);
  assert.match(whyRefused(receipt, { expectSubject: { "report.pdf": pack } }), /says nothing about report.pdf/);
  assert.match(whyRefused(receipt, { expectWorkspace: "bakery" }), /of the workspace warm-stays, not of bakery/);
});

const STORIES: readonly { readonly told: Partial<Predicate>; readonly why: RegExp }[] = [
  { told: { approvals: [] }, why: /act_2 \(message vendor.dispatch\) needed an approval/ },
  { told: { approvals: [{ ...approval, answer: "deny" }] }, why: /needed an approval/ },
  { told: { approvals: [{ ...approval, binding: "b3" }] }, why: /needed an approval/ },
  { told: { approvals: [{ ...approval, rule: "other" }] }, why: /needed an approval/ },
  { told: { approvals: [{ ...approval, ask: "ask_2" }] }, why: /needed an approval/ },
  { told: { acts: [{ ...asked, ask: null }] }, why: /needed an approval/ },
  { told: { approvals: [], acts: [{ ...asked, outcome: "unknown" }] }, why: /needed an approval/ },
  { told: { acts: [{ ...read, decision: "deny" }] }, why: /policy did not allow it/ },
  { told: { acts: [{ ...read, decision: null }] }, why: /policy did not allow it/ },
  { told: { acts: [{ ...read, intent: null }] }, why: /no intent was recorded/ },
  { told: { checks: [{ ...passed, exitCode: null }] }, why: /no exit code/ },
  { told: { checks: [] }, why: /no check that did/ },
  { told: { checks: [{ ...passed, verdict: "unreadable" }] }, why: /no check that did/ },
];

test("a receipt that tells of what should not have happened is signed all the same, and refused", () => {
  for (const { told, why } of STORIES) assert.match(whyRefused(signReceipt(statement(told), signer)), why, JSON.stringify(told));
});

test("an act that was asked about and not performed needs no approval; one that ended in a crash shows as unknown", () => {
  const acts: ReceiptAct[] = [
    { ...asked, outcome: "denied", intent: null, decision: "deny" },
    { ...asked, outcome: "asked", intent: null },
    { ...asked, outcome: "cancelled" },
    { ...read, outcome: "unknown" },
  ];
  assert.equal(verifyReceipt(signReceipt(statement({ approvals: [], acts }), signer), trust).kind, "verified");
});

test("nothing but a statement of the right shape is signed or accepted", () => {
  const wrong = { ...statement(), predicateType: "https://example.com/other" } as unknown as ReceiptStatement;
  assert.throws(() => signReceipt(wrong, signer), { code: "receipt_invalid" });
  for (const payload of [
    canonicalJson(wrong as unknown as Json),
    JSON.stringify(statement()),
    "no JSON",
    canonicalJson({ ...statement(), more: 1 } as unknown as Json),
  ]) {
    const bytes = Buffer.from(payload);
    const signatures = [{ keyid: signer.keyId, sig: signer.sign(preAuthEncoding(bytes)).toString("base64") }];
    assert.match(whyRefused(rewritten({ payload: bytes.toString("base64"), signatures })), /signed statement is not/);
  }
});
