import { createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readPublicKey } from "#src/journal/keys.ts";
import { KEY_FILE } from "#src/journal/signing.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** Public keys in PEM whose signatures count, and where they are known from. */
export interface TrustedKeys {
  readonly keys: readonly string[];
  readonly from: string;
}

/** Those in the files; without files the one of this home, if it has one. Nothing is made. @throws LoopError input_invalid for a file that is no public key */
export function trustedKeys(files: readonly string[], homeFolder: string): TrustedKeys {
  if (files.length > 0) return { keys: files.map(keyIn), from: files.join(", ") };
  const own = ownKey(join(homeFolder, "keys", KEY_FILE));
  return own === undefined ? { keys: [], from: "nowhere" } : { keys: [own], from: `the home ${homeFolder}` };
}

function keyIn(file: string): string {
  const text = textOf(file).trim();
  if (readPublicKey(text)) return text;
  const seen = text.includes("PRIVATE KEY") ? "a private key, which should not lie about" : "something else";
  throw new LoopError("input_invalid", `${file} holds ${seen}. Expected an Ed25519 public key in PEM (-----BEGIN PUBLIC KEY-----).`, { facts: { file } });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new LoopError("input_invalid", `${file} cannot be read (${(cause as NodeJS.ErrnoException).code}). Expected a public key in PEM.`, {
      facts: { file },
      cause,
    });
  }
}

/** The public half of the key that this home signs with. Undefined where there is none that this account can read. */
function ownKey(file: string): string | undefined {
  try {
    return createPublicKey(createPrivateKey(readFileSync(file, "utf8")))
      .export({ type: "spki", format: "pem" })
      .toString();
  } catch {
    return undefined; // whoever verifies has no home, or not this one: --key is for them
  }
}
