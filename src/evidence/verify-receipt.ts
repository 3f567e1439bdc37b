import { z } from "zod";
import { isSignedBy, type KeyId, type PublicKey, readPublicKey } from "#src/journal/keys.ts";
import { parseCanonical } from "#src/kernel/canonical-json.ts";
import { type ReceiptAct, type ReceiptApproval, receiptStatement, type ReceiptStatement } from "./receipt.ts";
import { type Envelope, preAuthEncoding, readEnvelope } from "./receipt-envelope.ts";

export interface TrustedKey {
  /** SPKI, PEM. */
  readonly publicKey: string;
  /** From then on nothing that it signed is accepted. */
  readonly expiresAtMs?: number;
}

export interface ReceiptTrust {
  /** The only keys whose signature counts. A key that the receipt names and that is not here is refused. */
  readonly trustedKeys: readonly (string | TrustedKey)[];
  /** Digests in hex by the name of the subject, computed by the caller: each must stand in the receipt. */
  readonly expectSubject?: Readonly<Record<string, string>>;
  readonly expectWorkspace?: string;
  readonly revokedKeys?: readonly string[];
  /** Needed for keys that expire: without it such a key is refused. */
  readonly nowMs?: number;
}

export type ReceiptVerification =
  | { readonly kind: "verified"; readonly statement: ReceiptStatement; readonly keyId: KeyId }
  /** `why`: for a person. */
  | { readonly kind: "refused"; readonly why: string };

/** Checks a receipt: signature, subject, and that what it tells is allowed to have happened. No database, no network, no exception. */
export function verifyReceipt(text: string, trust: ReceiptTrust): ReceiptVerification {
  const envelope = readEnvelope(text);
  if (typeof envelope === "string") return refused(`This is no receipt: ${envelope}.`);
  const key = trustedKeyOf(envelope, trust);
  if (typeof key === "string") return refused(key);
  const payload = Buffer.from(envelope.payload, "base64");
  if (!isSignedBy(key, preAuthEncoding(payload), Buffer.from(envelope.signatures[0].sig, "base64")))
    return refused(`The signature is not by ${key.keyId}: the receipt was changed after it was signed.`);
  const statement = readStatement(payload);
  if (typeof statement === "string") return refused(statement);
  const why = contextFault(statement, trust) ?? storyFault(statement);
  return why === undefined ? { kind: "verified", statement, keyId: key.keyId } : refused(why);
}

const refused = (why: string): ReceiptVerification => ({ kind: "refused", why });

function trustedKeyOf(envelope: Envelope, { trustedKeys, revokedKeys = [], nowMs }: ReceiptTrust): PublicKey | string {
  const { keyid } = envelope.signatures[0];
  if (revokedKeys.includes(keyid)) return `The receipt is signed by ${keyid}, which was revoked.`;
  for (const trusted of trustedKeys) {
    const { publicKey, expiresAtMs } = typeof trusted === "string" ? { publicKey: trusted } : trusted;
    const key = readPublicKey(publicKey);
    if (key?.keyId !== keyid) continue;
    if (expiresAtMs !== undefined && !(nowMs !== undefined && nowMs < expiresAtMs))
      return `The receipt is signed by ${keyid}, which expired on ${new Date(expiresAtMs).toISOString()}.`;
    return key;
  }
  return `The receipt is signed by ${keyid}, which is not among the trusted keys. Compare this fingerprint with the one of the server that it should come from.`;
}

function readStatement(payload: Buffer): ReceiptStatement | string {
  const text = payload.toString("utf8");
  const value = parseCanonical(text);
  if (value === undefined) return "The signed statement is not canonical JSON.";
  const statement = receiptStatement.safeParse(value);
  return statement.success ? statement.data : `The signed statement is not one of a receipt: ${z.prettifyError(statement.error)}`;
}

function contextFault({ subject, predicate }: ReceiptStatement, { expectWorkspace, expectSubject = {} }: ReceiptTrust): string | undefined {
  if (expectWorkspace !== undefined && predicate.workspace !== expectWorkspace)
    return `The receipt is of the workspace ${predicate.workspace}, not of ${expectWorkspace}.`;
  for (const [name, digest] of Object.entries(expectSubject)) {
    const named = subject.filter((one) => one.name === name);
    if (named.length === 0) return `The receipt says nothing about ${name}.`;
    if (!named.every((one) => Object.values(one.digest).includes(digest))) return `${name} is not what the receipt is about: its digest is ${digest}.`;
  }
  return undefined;
}

/** What the receipt itself says happened and should not have, or cannot have. */
function storyFault({ predicate }: ReceiptStatement): string | undefined {
  for (const act of predicate.acts) {
    const fault = actFault(act, predicate.approvals);
    if (fault !== undefined) return `The act ${act.id} (${act.kind} ${act.name}) ${fault}.`;
  }
  const blind = predicate.checks.find((check) => check.verdict === "passed" && check.command !== null && check.exitCode === null);
  if (blind) return `The check ${blind.what} counts as passed, and its command has no exit code.`;
  if (predicate.checked === "passed" && !predicate.checks.some((check) => check.verdict === "passed"))
    return "The receipt says that a check passed, and has no check that did.";
  return undefined;
}

/** An act that is asked about, refused or cancelled after an earlier attempt shows the newest decision, not the one that the attempt stood on. */
const PERFORMED: readonly string[] = ["waiting", "done", "failed", "unknown"];

function actFault(act: ReceiptAct, approvals: readonly ReceiptApproval[]): string | undefined {
  if (!PERFORMED.includes(act.outcome)) return undefined;
  if (act.intent === null) return `is ${act.outcome}, and no intent was recorded before it`;
  if (act.decision === "allow") return undefined;
  if (act.decision !== "ask") return "was performed, and policy did not allow it";
  return approvals.some((approval) => isApprovalOf(approval, act)) ? undefined : "needed an approval, and the receipt has none that is bound to it";
}

/** For the same act with the same arguments, asked for by the same rule. */
function isApprovalOf(approval: ReceiptApproval, act: ReceiptAct): boolean {
  return approval.answer === "approve" && approval.ask === act.ask && approval.binding === act.binding && approval.rule === act.rule;
}
