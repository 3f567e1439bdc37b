import { z } from "zod";
import type { Signer } from "#src/journal/signing.ts";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { envelopeText, preAuthEncoding, RECEIPT_TYPE } from "./receipt-envelope.ts";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://loopwright.dev/receipt/v1";

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

/** `sha256` for the pack and artifacts, `gitCommit` for a commit. */
const subject = z.strictObject({
  name: z.string().min(1),
  digest: z.union([z.strictObject({ sha256: sha256Hex }), z.strictObject({ gitCommit: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/) })]),
});

/** One person's decision. An approval is of one act: its binding and the rule that asked are those of the act. */
const approval = z.strictObject({
  ask: z.string().min(1),
  by: z.string().min(1),
  role: z.string().nullable(),
  answer: z.string(),
  binding: z.string(),
  rule: z.string().nullable(),
});

const act = z.strictObject({
  id: z.string().min(1),
  kind: z.string(),
  name: z.string(),
  binding: z.string(),
  /** What policy said when it was last asked; null when it was never asked. */
  decision: z.enum(["allow", "ask", "deny"]).nullable(),
  rule: z.string().nullable(),
  /** The ask that policy wanted, or null. */
  ask: z.string().nullable(),
  /** Where the intent stands in the record, from before the effect; null when the act was never started. */
  intent: z.string().min(1).nullable(),
  /** There is no `started`: an intent without an outcome is `unknown`. */
  outcome: z.enum(["planned", "asked", "denied", "waiting", "done", "failed", "unknown", "cancelled"]),
});

const check = z.strictObject({
  what: z.string(),
  command: z.array(z.string()).readonly().nullable(),
  exitCode: z.int().nullable(),
  verdict: z.enum(["passed", "failed", "unchecked", "unreadable"]),
});

const predicate = z.strictObject({
  workspace: z.string().min(1),
  run: z.string().min(1),
  ticket: z.string().nullable(),
  agent: z.string(),
  runner: z.string(),
  /** Who thought: model ids, `rules`, people; in order of first appearance. */
  models: z.array(z.string()).readonly(),
  policyRevision: z.int(),
  /** When the run ended: ISO 8601 in UTC. */
  at: z.iso.datetime({ precision: 3 }),
  state: z.enum(["done", "failed", "interrupted", "quarantined", "cancelled"]),
  approvals: z.array(approval).readonly(),
  acts: z.array(act).readonly(),
  checks: z.array(check).readonly(),
  /** Dollars. Unknown is null, never zero. */
  cost: z.strictObject({ usd: z.number().nonnegative().nullable(), source: z.enum(["measured", "self-reported", "estimated"]).nullable() }),
  /** What the agent claims. */
  said: z.string(),
  /** What the system verified. */
  checked: z.enum(["passed", "failed", "unchecked", "unreadable", "none"]),
  sandbox: z.string(),
});

/** An in-toto Statement v1 (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md) over what a run produced. */
export const receiptStatement = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(subject).min(1).readonly(),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate,
});

export type ReceiptStatement = Readonly<z.infer<typeof receiptStatement>>;
export type ReceiptAct = z.infer<typeof act>;
export type ReceiptApproval = z.infer<typeof approval>;

/**
 * The text of a signed receipt: a DSSE envelope, one line without a line feed. Signs what happened, whether or not a verifier accepts it.
 * @throws LoopError receipt_invalid when the statement does not have the shape of one
 */
export function signReceipt(statement: ReceiptStatement, signer: Signer): string {
  const checked = receiptStatement.safeParse(statement);
  if (!checked.success)
    throw new LoopError("receipt_invalid", `A receipt cannot be signed over this statement: ${z.prettifyError(checked.error)}`, { cause: checked.error });
  const payload = Buffer.from(canonicalJson(statement as unknown as Json));
  const sig = signer.sign(preAuthEncoding(payload)).toString("base64");
  return envelopeText({ payload: payload.toString("base64"), payloadType: RECEIPT_TYPE, signatures: [{ keyid: signer.keyId, sig }] });
}
