import { canonicalJson } from "#src/kernel/canonical-json.ts";

/** DSSE: what is signed names its own type, so that a signature over one kind of bytes is never one over another. */
export const RECEIPT_TYPE = "application/vnd.in-toto+json";

export interface Envelope {
  /** Standard base64 with padding, of the statement's canonical JSON. */
  readonly payload: string;
  readonly payloadType: typeof RECEIPT_TYPE;
  /** Exactly one. `keyid` is a hint, and the fingerprint of the key. */
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
}

/** The bytes that are signed. Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md (PAE) */
export function preAuthEncoding(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${RECEIPT_TYPE.length} ${RECEIPT_TYPE} ${payload.length} `), payload]);
}

export const envelopeText = ({ payload, payloadType, signatures: [{ keyid, sig }] }: Envelope): string =>
  canonicalJson({ payload, payloadType, signatures: [{ keyid, sig }] });

/**
 * The envelope, or why the text is none. There is one text for each envelope: members, order, white space and base64 are exact, so that no byte can be
 * changed without being seen. One line feed after it is allowed.
 */
export function readEnvelope(text: string): Envelope | string {
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  const value = parse(line);
  if (typeof value !== "object" || value === null) return "it is not a JSON object";
  const { payload, payloadType, signatures } = value as Partial<Record<keyof Envelope, unknown>>;
  if (payloadType !== RECEIPT_TYPE) return `its payload type is not ${RECEIPT_TYPE}`;
  if (typeof payload !== "string" || !isExactBase64(payload)) return "its payload is not exact base64";
  if (!Array.isArray(signatures) || signatures.length !== 1)
    return `it should have exactly one signature, and has ${Array.isArray(signatures) ? signatures.length : "none"}`;
  const { keyid, sig } = (signatures[0] ?? {}) as { readonly keyid?: unknown; readonly sig?: unknown };
  if (typeof keyid !== "string" || typeof sig !== "string" || !isExactBase64(sig)) return "its signature has no key id, or is not exact base64";
  const envelope: Envelope = { payload, payloadType, signatures: [{ keyid, sig }] };
  return isTextOf(envelope, line) ? envelope : "it is not written as a receipt is: there are other members, another order or other white space";
}

const isExactBase64 = (text: string): boolean => Buffer.from(text, "base64").toString("base64") === text;

const isTextOf = (envelope: Envelope, line: string): boolean => envelope.signatures[0].keyid.isWellFormed() && envelopeText(envelope) === line;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says what it is not
  }
}
