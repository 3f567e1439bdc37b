import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import type { ActShape, CostGroupShape, HitShape, ReceiptShape } from "../client/shapes.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { costWords } from "../render/story-text.ts";
import { fieldLines } from "../render/ask-card.ts";
import { toned } from "../render/look.ts";
import { quoted } from "../context.ts";
import { trustedKeys } from "../trusted-keys.ts";
import { headline, type Stage } from "./stage.ts";

interface Finished {
  readonly id: string;
  readonly number: number;
}

/** Writes the receipt into the home and verifies that file as a stranger would: no server, no database. Gives whether it holds. */
export async function proveTicket(stage: Stage, ticket: Finished): Promise<boolean> {
  const { api, homeFolder, print, look, command } = stage;
  headline(stage, "the proof");
  const receipt = JSON.parse(await api.get(`/v1/tickets/${ticket.id}/receipt`)) as ReceiptShape;
  const folder = join(homeFolder, "receipts");
  const file = join(folder, `ticket-${ticket.number}.json`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${receipt.envelope}\n`, { mode: 0o600 });
  const verified = verifyReceipt(readFileSync(file, "utf8"), {
    trustedKeys: trustedKeys([], homeFolder).keys,
    expectSubject: { [`pack:${receipt.runId}`]: receipt.digest },
  });
  if (verified.kind === "refused") print(toned(`REFUSED: ${verified.why}`, "bad", look()));
  else {
    const { checked, approvals } = verified.statement.predicate;
    print(`${toned("VERIFIED", "good", look())}  the receipt, from its file alone: signed by ${verified.keyId}`);
    print(`          checked: ${checked} · approved by ${approvals.map(({ by }) => plainLine(by)).join(", ") || "nobody"}`);
  }
  print(`          ${file}`);
  print(toned(`          ${command} receipt verify ${quoted(file)}`, "quiet", look()));
  return verified.kind === "verified";
}

/** What it cost and what was learned. */
export async function tellCostAndLesson(stage: Stage, ticket: Finished): Promise<void> {
  const { api, look, print } = stage;
  const { groups } = JSON.parse(await api.get(`/v1/costs?ticket=${ticket.id}`)) as { groups: CostGroupShape[] };
  const lesson = await lessonOf(stage, ticket);
  const learned = lesson ? `${plainLine(lesson.title)}: ${plainLine(lesson.snippet)}` : "nothing is written down yet";
  print(`\n${fieldLines("cost", costWords(groups[0]), look()).join("\n")}\n${fieldLines("learned", learned, look()).join("\n")}`);
}

const LESSON_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 200;

/** Lessons are written just after the end of a run. */
async function lessonOf({ api }: Stage, { id, number }: Finished): Promise<HitShape | undefined> {
  for (const deadline = performance.now() + LESSON_WITHIN_MS; ;) {
    const { hits } = JSON.parse(await api.get(`/v1/tickets/${id}/brain?limit=20`)) as { hits: HitShape[] };
    const lesson = hits.find(({ layer, title }) => layer === "lesson" && title.startsWith(`#${number}:`));
    if (lesson || performance.now() > deadline) return lesson;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** The file of a message that was sent to the outbox; undefined when there is none. */
export function outboxFile({ outboxFolder }: Pick<Stage, "outboxFolder">, act: ActShape | undefined): string | undefined {
  const messageId = (act?.result as { messageId?: string } | null)?.messageId;
  if (messageId === undefined || !existsSync(outboxFolder)) return undefined;
  const file = readdirSync(outboxFolder, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(`-${messageId}.md`));
  return file && join(outboxFolder, file);
}
