import type { ActShape, EventShape } from "../client/shapes.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { draftOf } from "../render/draft.ts";
import { toned } from "../render/look.ts";
import { askIn, decideHeld, isAsk, standIn } from "./answers.ts";
import { followTicket, type LiveTicket } from "./live-ticket.ts";
import { outboxFile, proveTicket, tellCostAndLesson } from "./proof.ts";
import { readSample } from "./sample-message.ts";
import { aside, headline, type Stage } from "./stage.ts";

export const SAMPLE_WORKSPACE = "warm-stays";
const HELD = "aircon-near-socket-zh";
const AUTHORISED = "extra-towels-id";

/** What was to be seen and was not, in sentences; empty when all was. */
export type Missing = string[];

/**
 * The loop, shown on two messages: one that a person has to decide about, one that policy lets through. `isFirst`: the samples keep their ids, so that a
 * start that was broken off makes no second ticket of them.
 */
export async function demonstrate(stage: Stage, isFirst: boolean): Promise<Missing> {
  return [...(await showHeld(stage, isFirst)), ...(await showAuthorised(stage, isFirst))];
}

async function send(stage: Stage, name: string, isFirst: boolean): Promise<{ id: string; number: number; live: LiveTicket }> {
  const { externalId, ...message } = readSample(SAMPLE_WORKSPACE, name);
  const body = await stage.api.post("/v1/tickets", { ...message, ...(isFirst ? { externalId } : {}) });
  const { id, number } = JSON.parse(body) as { id: string; number: number };
  const { api, target, signal, print, look } = stage;
  return { id, number, live: followTicket({ api, target, ticketId: id, signal, print, look }) };
}

async function showHeld(stage: Stage, isFirst: boolean): Promise<Missing> {
  headline(stage, "a guest writes in Chinese: water near a socket");
  const { live, ...ticket } = await send(stage, HELD, isFirst);
  try {
    const first = await live.until("the question", (event) => event.kind === "ask.opened" || isOver(event));
    if (!isAsk("act")(first)) return ["the first message was not held for a person"];
    const answer = await decideHeld(stage, live, { ask: await askIn(stage, first), number: ticket.number });
    if (answer !== "approve") return await afterRefusal(stage, live, answer);
    return [...(await carryOut(stage, live)), ...(await conclude(stage, ticket))];
  } finally {
    live.close();
  }
}

const isOver = ({ kind }: EventShape): boolean => kind === "run.done" || kind === "run.failed";

async function afterRefusal(stage: Stage, live: LiveTicket, answer: string): Promise<Missing> {
  await live.until("the end of the run", isOver);
  aside(stage, `You said ${plainLine(answer)}, so nothing was sent to the vendor, and the record says who decided.`);
  return [];
}

/** From the approval to the end, standing in for everybody who is not here. */
async function carryOut(stage: Stage, live: LiveTicket): Promise<Missing> {
  const waits = await live.until("the dispatch", isAsk("acknowledgement"));
  const dispatch = await dispatchOf(live);
  const file = showOutbox(stage, dispatch);
  await standIn(stage, waits, draftOf(dispatch?.args)?.name ?? "the vendor");
  const resolution = await live.until("the question whether it is done", isAsk("resolution"));
  await standIn(stage, resolution, "the person in charge");
  const next = await live.until("the check", (event) => isAsk("check")(event) || isOver(event));
  if (!isOver(next)) {
    await standIn(stage, next, "the guest");
    await live.until("the end of the run", isOver);
  }
  return file === undefined ? ["the dispatch left no message in the outbox"] : [];
}

async function dispatchOf(live: LiveTicket): Promise<ActShape | undefined> {
  return (await live.runs()).flatMap(({ acts }) => acts).find(({ name }) => name === "dispatch");
}

function showOutbox(stage: Stage, dispatch: ActShape | undefined): string | undefined {
  const file = outboxFile(stage, dispatch);
  if (file !== undefined) stage.print(toned(`         ${file}`, "quiet", stage.look()));
  return file;
}

async function conclude(stage: Stage, ticket: { readonly id: string; readonly number: number }): Promise<Missing> {
  const isProven = await proveTicket(stage, ticket);
  await tellCostAndLesson(stage, ticket);
  const { status } = JSON.parse(await stage.api.get(`/v1/tickets/${ticket.id}`)) as { status: string };
  return [
    ...(isProven ? [] : ["the receipt could not be verified"]),
    ...(status === "resolved" ? [] : [`ticket #${ticket.number} is ${status}, not resolved`]),
  ];
}

async function showAuthorised(stage: Stage, isFirst: boolean): Promise<Missing> {
  headline(stage, "another guest writes in Indonesian: towels, no hurry");
  const { live, number } = await send(stage, AUTHORISED, isFirst);
  try {
    const waits = await live.until("the dispatch", (event) => event.kind === "ask.opened" || isOver(event));
    const dispatch = await dispatchOf(live);
    const decision = (dispatch?.decision ?? {}) as { outcome?: string; rule?: string };
    const file = showOutbox(stage, dispatch);
    const needed = [
      ...(isAsk("acknowledgement")(waits) ? [] : ["the second message waits for a person"]),
      ...(decision.outcome === "allow" ? [] : ["no rule allowed the second dispatch"]),
      ...(file === undefined ? ["the second dispatch left no message in the outbox"] : []),
    ];
    if (needed.length === 0) {
      aside(
        stage,
        `\nNobody was asked: the rule ${plainLine(decision.rule ?? "")} allows it. It waits for the acknowledgement now: ${stage.command} ack ${number}`,
      );
    }
    return needed;
  } finally {
    live.close();
  }
}
