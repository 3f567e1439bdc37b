import { createReadStream } from "node:fs";
import { verifyExportFile } from "#src/journal/verify-export.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { EXIT } from "../exit-codes.ts";
import { trustedKeys, type TrustedKeys } from "../trusted-keys.ts";
import type { Verb } from "../verb.ts";

export const auditVerify: Verb = {
  args: "<file>",
  flags: {
    key: {
      takes: "list",
      value: "file",
      means: "a public key in PEM that may sign; may come several times; left out: the key of this home, where there is one",
    },
  },
  words: { least: 1, most: 1 },
  about: "Every byte counts: a changed, added, removed or moved event is found. It needs the file and nothing else.",
  examples: ["loop audit verify journal.jsonl", "loop audit verify journal.jsonl --key auditor.pem"],
  async run(given, context) {
    const file = given.words[0]!;
    const trust = trustedKeys(given.list("key"), context.homeFolder());
    const result = await verifyExportFile(createReadStream(file), trust.keys.length === 0 ? {} : { trustedKeys: trust.keys }).catch((cause: unknown) => {
      throw unreadable(file, cause);
    });
    if (context.json) context.print(JSON.stringify({ file, ...result, trustedBy: trust.from }));
    else if (result.kind === "broken") context.print(`BROKEN at position ${result.position}: ${result.what}.`);
    else
      context.print(
        `VERIFIED: ${result.events} events (${result.from} to ${result.to}) of the workspace ${result.workspace}, ${erasedWords(result.erased)}. ${keyWords(result, trust)}`,
      );
    return result.kind === "broken" ? EXIT.refused : EXIT.done;
  },
};

const erasedWords = (erased: number): string => (erased === 0 ? "nothing erased" : `the contents of ${erased} erased on purpose`);

function keyWords({ keyIds, trusted }: { readonly keyIds: readonly string[]; readonly trusted: boolean }, { from }: TrustedKeys): string {
  const keys = `Signed by ${keyIds.join(", ")}`;
  return trusted
    ? `${keys}, known from ${from}.`
    : `${keys}, which nothing here vouches for: whoever holds that key could have written all of it. Name a key you trust with --key.`;
}

/** @throws LoopError input_invalid for a file that cannot be read; gives everything else back */
export function unreadable(file: string, cause: unknown): unknown {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  if (syscall === undefined) return cause;
  return new LoopError("input_invalid", `${file} cannot be read (${code}). Expected a file that this account may read.`, { cause });
}
