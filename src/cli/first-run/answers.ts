import type { AskShape, EventShape } from "../client/shapes.ts";
import { askCard } from "../render/ask-card.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { toned } from "../render/look.ts";
import type { LiveTicket } from "./live-ticket.ts";
import { aside, headline, type Stage } from "./stage.ts";
import { askOnTerminal } from "./terminal-question.ts";

export const isAsk =
  (purpose: string) =>
  ({ kind, payload }: EventShape): boolean =>
    kind === "ask.opened" && (payload as { purpose?: string } | undefined)?.purpose === purpose;

/** The ask that such an event is about. */
export async function askIn({ api }: Stage, { payload }: EventShape): Promise<AskShape> {
  return JSON.parse(await api.get(`/v1/asks/${(payload as { ask: string }).ask}`)) as AskShape;
}

interface Answer {
  readonly askId: string;
  readonly answer: string;
  readonly reason?: string;
}

async function give({ api }: Stage, { askId, ...said }: Answer): Promise<void> {
  await api.post(`/v1/asks/${askId}/answer`, said);
}

/** Shows the question, gets an answer here or waits for one from elsewhere, and gives what was answered. */
export async function decideHeld(stage: Stage, live: LiveTicket, { ask, number }: { readonly ask: AskShape; readonly number: number }): Promise<string> {
  const { command, look, print, mode } = stage;
  headline(stage, "a question for you");
  print(askCard({ ask, number, command, reference: String(number) }, look()));
  const answered = live.until(
    "the answer",
    ({ kind, payload }) => /^ask\.(answered|expired)$/.test(kind) && (payload as { ask?: string }).ask === ask.id,
    Infinity,
  );
  if (mode === "answers") {
    print("");
    aside(stage, "This is a demonstration for a script, so it answers for you: approve.");
    await give(stage, { askId: ask.id, answer: "approve", reason: "npm start -- --demo" });
  } else {
    print(`\n${toned("?", "ask", look())} In another terminal, in this folder:  ${toned(`${command} approve ${number}`, "strong", look())}`);
    if (mode === "asks") await decideHere(stage, { ask, answered });
  }
  const event = await answered;
  return event.kind === "ask.expired" ? "expired" : (event.payload as { answer: string }).answer;
}

/** Whoever is first counts: an answer from elsewhere ends the question here. */
async function decideHere(stage: Stage, { ask, answered }: { ask: AskShape; answered: Promise<unknown> }): Promise<void> {
  const elsewhere = new AbortController();
  answered.then(
    () => elsewhere.abort(),
    () => elsewhere.abort(),
  );
  const choice = await askOnTerminal("  Or here: [a]pprove, [d]eny, [l]ater? ", {
    input: process.stdin,
    output: process.stdout,
    signal: AbortSignal.any([stage.signal, elsewhere.signal]),
    interrupted: stage.interrupted,
  });
  if (stage.signal.aborted || elsewhere.signal.aborted) return stage.print("");
  if (choice === "later") return aside(stage, "It waits, as long as it takes, and survives a restart.");
  await give(stage, { askId: ask.id, answer: choice });
}

/** Says plainly for whom it answers, and answers. */
export async function standIn(stage: Stage, event: EventShape, who: string): Promise<void> {
  const ask = await askIn(stage, event);
  const answer = (ask.detail["yes"] as string | undefined) ?? ask.options[0] ?? "acknowledged";
  stage.print(toned(`         standing in for ${plainLine(who)}: ${plainLine(answer)}`, "ask", stage.look()));
  await give(stage, { askId: ask.id, answer, reason: "standing in, in the demonstration" });
}
