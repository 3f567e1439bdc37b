import { LoopError } from "#src/kernel/errors.ts";
import { trustedKeys } from "../trusted-keys.ts";
import type { Verb } from "../verb.ts";

export const auditKey: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about:
    "Give it, by a way that they trust, to whoever is to verify a receipt or an export without your home: `--key` of receipt verify and audit verify takes it.",
  examples: ["loop audit key > ours.pem", "loop receipt verify receipt-12.json --key ours.pem"],
  run(_given, context) {
    const homeFolder = context.homeFolder();
    const [publicKey] = trustedKeys([], homeFolder).keys;
    if (publicKey === undefined) {
      const words = `The home ${homeFolder} has no key that this account can read. It is made at the first start of a server; ask as the account that runs it.`;
      throw new LoopError("signing_key_unusable", words, { facts: { homeFolder } });
    }
    context.print(context.json ? JSON.stringify({ publicKey }) : publicKey.trimEnd());
    return Promise.resolve();
  },
};
