import { LoopError } from "#src/kernel/errors.ts";
import type { ReceiptShape, RunShape } from "../client/shapes.ts";
import { quoted } from "../context.ts";
import { idPath, ticketPath } from "../references.ts";
import type { Context, Verb } from "../verb.ts";

export const receiptShow: Verb = {
  args: "<ticket-or-run>",
  flags: { out: { takes: "text", value: "file", means: "write the signed receipt to this file, byte for byte" } },
  words: { least: 1, most: 1 },
  examples: ["loop receipt show 12", "loop receipt show 12 --out receipt-12.json"],
  async run(given, context) {
    const typed = given.words[0]!;
    const body = await receiptOf(context, typed);
    const receipt = JSON.parse(body) as ReceiptShape;
    const out = given.text("out");
    if (out !== undefined) await save(out, receipt);
    if (context.json) return context.print(body);
    if (out !== undefined) return context.print(`Written to ${out}. Anyone who has our key can check it: ${context.command()} receipt verify ${quoted(out)}`);
    const { receiptText, statementIn } = await import("../render/receipt.ts");
    context.print(receiptText(statementIn(receipt.envelope), await context.look()));
    context.say(`${context.command()} receipt show ${typed} --out <file> writes it; receipt verify checks it.`);
  },
};

/** Receipts are found by ticket. @throws LoopError receipt_unknown for a run that is not the last one of its ticket */
async function receiptOf(context: Context, typed: string): Promise<string> {
  const api = context.api();
  if (!typed.startsWith("run_")) return api.get(`/v1/tickets/${ticketPath(typed)}/receipt`);
  const run = JSON.parse(await api.get(`/v1/runs/${idPath(typed)}`)) as RunShape;
  const body = run.ticketId === null ? undefined : await api.get(`/v1/tickets/${run.ticketId}/receipt`);
  if (body !== undefined && (JSON.parse(body) as ReceiptShape).runId === run.id) return body;
  throw new LoopError(
    "receipt_unknown",
    `The run ${run.id} has no receipt, or its ticket has a newer one: it is ${run.state}. \`loop receipt show <ticket>\` shows the newest.`,
    { facts: { run: run.id, state: run.state } },
  );
}

async function save(file: string, { envelope }: ReceiptShape): Promise<void> {
  const { openNew } = await import("../new-file.ts");
  const handle = await openNew(file);
  try {
    await handle.writeFile(`${envelope}\n`);
  } finally {
    await handle.close();
  }
}
