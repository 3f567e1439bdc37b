import { readFileSync } from "node:fs";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { EXIT } from "../exit-codes.ts";
import { receiptText } from "../render/receipt.ts";
import { trustedKeys } from "../trusted-keys.ts";
import type { Verb } from "../verb.ts";
import { unreadable } from "./audit-verify.ts";

export const receiptVerify: Verb = {
  args: "<file>",
  flags: { key: { takes: "list", value: "file", means: "a public key in PEM that may sign; may come several times; left out: the key of this home" } },
  words: { least: 1, most: 1 },
  about: "It needs the file and a key that you trust, and nothing else. One changed byte fails.",
  examples: ["loop receipt verify receipt-12.json", "loop receipt verify receipt-12.json --key theirs.pem"],
  async run(given, context) {
    const file = given.words[0]!;
    const trust = trustedKeys(given.list("key"), context.homeFolder());
    if (trust.keys.length === 0)
      throw new LoopError(
        "input_invalid",
        "There is no key to trust: this home has none. Name the public key of the server that signed with --key <file>; `loop audit key` prints it there.",
      );
    const result = verifyReceipt(textOf(file), { trustedKeys: trust.keys });
    if (context.json) context.print(JSON.stringify({ file, ...result, trustedBy: trust.from }));
    else if (result.kind === "refused") context.print(`REFUSED: ${result.why}`);
    else context.print(`VERIFIED: signed by ${result.keyId}, known from ${trust.from}.\n\n${receiptText(result.statement, await context.look())}`);
    return result.kind === "refused" ? EXIT.refused : EXIT.done;
  },
};

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
