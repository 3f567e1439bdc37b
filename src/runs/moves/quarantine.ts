import type { Ask, NewAsk } from "#src/asks/ask.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { append } from "#src/journal/store/append.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { setAside, takeUp } from "../store/write.ts";
import { finish } from "./finish.ts";

const AGAIN = "try again";
const STOP = "stop";

/** The run broke its process too often since its last recorded outcome. It is set aside, so that the others go on, and a person is asked. */
export async function quarantine(session: Session): Promise<Made> {
  const { engine, lease, state } = session;
  const ask = quarantineAsk(session);
  await fencedMove(engine.db, lease, async (tx) => {
    await openAsk(tx, ask);
    failpoint("quarantine.ask_opened");
    if (state.ticket) await moveTicket(tx, state.ticket.id, { status: "blocked" });
    await append(tx, engine.clock, [
      runEvent(session, "run.quarantined", { tries: lease.tries, ask: ask.id }),
      runEvent(session, "ask.opened", { ask: ask.id, kind: ask.kind, purpose: ask.purpose, prompt: ask.prompt }),
    ]);
    await setAside(tx, lease, `broke its process ${lease.tries} times`);
  });
  failpoint("quarantine.committed");
  return { kind: "parked" };
}

/** For a run that was set aside: what to do now that it was looked at again. Undefined for all others. */
export function quarantineAnswer(session: Session): (() => Promise<Made>) | undefined {
  const ask = session.state.asks.findLast((known) => known.purpose === "quarantine");
  if (!ask || session.state.run.reason === null) return undefined;
  if (ask.state === "open") return () => setAsideAgain(session);
  if (ask.answer === AGAIN) return () => again(session, ask);
  return () =>
    finish(session, {
      kind: "fail",
      code: "run_quarantined",
      message: `It broke its process too often, and ${ask.settledBy ?? "nobody"} said: ${ask.answer ?? "nothing"}.`,
    });
}

async function setAsideAgain({ engine, lease, state }: Session): Promise<Made> {
  await fencedMove(engine.db, lease, (tx) => setAside(tx, lease, state.run.reason ?? ""));
  return { kind: "parked" };
}

async function again(session: Session, ask: Ask): Promise<Made> {
  const { engine, lease } = session;
  await fencedMove(engine.db, lease, async (tx) => {
    await takeUp(tx, lease);
    await append(tx, engine.clock, [runEvent(session, "run.resumed", { ask: ask.id, by: ask.settledBy })]);
  });
  return { kind: "moved" };
}

function quarantineAsk(session: Session): NewAsk {
  const { run, acts } = session.state;
  const last = acts.findLast((act) => act.state === "started");
  const during = last ? ` The last thing it started: ${last.kind} ${last.name}.` : "";
  return {
    id: newId("ask", session.engine.clock.nowMs()) as AskId,
    kind: "choice",
    purpose: "quarantine",
    runId: run.id,
    actId: last?.id ?? null,
    ticketId: run.ticketId,
    prompt: `This run stopped its process ${session.lease.tries} times in a row and was set aside.${during} Try it again, or stop it?`,
    detail: { tries: session.lease.tries, ...(last ? { kind: last.kind, name: last.name } : {}) },
    options: [AGAIN, STOP],
    approvers: { roles: ["operator", "approver", "admin", "owner"], names: [] },
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [],
    revision: session.current.revision,
  };
}
