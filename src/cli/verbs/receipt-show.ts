import type { ReceiptShape } from "../client/shapes.ts";
import { idPath, ticketPath } from "../references.ts";
import type { Context, Verb } from "../verb.ts";

export const receiptShow: Verb = {
  args: "<ticket-or-run>",
  flags: { out: { takes: "text", value: "file", means: "write the signed receipt to this file, byte for byte" } },
  words: { least: 1, most: 1 },
  examples: ["loop receipt show 12", "loop receipt show 12 --out receipt-12.json"],
  async run(given, context) {
    const typed = given.words[0]!;
    const body = await context.api().get(await pathOf(context, typed));
    const receipt = JSON.parse(body) as ReceiptShape;
    const out = given.text("out");
    if (out !== undefined) await save(out, receipt);
    if (context.json) return context.print(body);
    if (out !== undefined) return context.print(`Written to ${out}. Anyone can check it: ${context.command()} receipt verify ${out}`);
    const { receiptText, statementIn } = await import("../render/receipt.ts");
    context.print(receiptText(statementIn(receipt.envelope), await context.look()));
    context.say(`${context.command()} receipt show ${typed} --out <file> writes it; receipt verify checks it.`);
  },
};

/** A run is looked up for its ticket; where the ticket has a newer receipt of another run, that one is shown. */
async function pathOf(context: Context, typed: string): Promise<string> {
  return typed.startsWith("run_") ? `/v1/runs/${idPath(typed)}/receipt` : `/v1/tickets/${ticketPath(typed)}/receipt`;
}

async function save(file: string, { envelope }: ReceiptShape): Promise<void> {
  const { openNew } = await import("./audit-export.ts");
  const handle = await openNew(file);
  try {
    await handle.writeFile(`${envelope}\n`);
  } finally {
    await handle.close();
  }
}
