import { strandAsksOfRun } from "#src/asks/store/settle.ts";
import { buildPack, type PackInput } from "#src/evidence/pack.ts";
import { signReceipt } from "#src/evidence/receipt.ts";
import { statementOf } from "#src/evidence/statement.ts";
import { insertReceipt } from "#src/evidence/store/receipts.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { returnAllotment } from "#src/ledger/allot.ts";
import { costReport } from "#src/ledger/reports.ts";
import { moveTicket, type TicketChange } from "#src/tickets/store/move.ts";
import { wake } from "#src/leases/store/wake.ts";
import type { RunPlace } from "../create.ts";
import type { Outcome, Step } from "../procedure.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { endRun } from "../store/write.ts";
import { continueThread, isSteered, recordAnswer, threadOf } from "../turns/settle.ts";

type Ending = Extract<Step, { kind: "finish" | "fail" }>;

/** Ends the run, well or not: packs the evidence, signs the receipt, moves the ticket, in one commit. */
export async function finish(session: Session, ending: Ending): Promise<Made> {
  const { engine, lease, state } = session;
  const { run } = state;
  const input = await packInput(session, ending);
  const pack = buildPack(input);
  const digest = digestOf(pack as unknown as Json);
  const envelope = signReceipt(statementOf(input, digest), engine.signer);
  const over =
    ending.kind === "finish"
      ? ({ state: "done", reason: null, answer: answerOf(ending.outcome) } as const)
      : ({ state: "failed", reason: `${ending.code}: ${ending.message}`, answer: null } as const);
  const isOver = await fencedMove(engine.db, lease, async (tx) => {
    if (ending.kind === "finish" && (await isSteered(tx, run))) return false;
    failpoint("finish.looked");
    await insertReceipt(tx, { runId: run.id, ticketId: run.ticketId, digest, pack: pack as unknown as Json, envelope });
    failpoint("finish.receipt");
    if (ending.kind === "finish") await recordAnswer(tx, session, ending.outcome);
    failpoint("finish.answered");
    if (state.ticket && run.parentRunId === null) await moveTicket(tx, state.ticket.id, ticketChange(ending));
    failpoint("finish.ticket");
    const stranded = await strandAsksOfRun(tx, run.id);
    await engine.whenEnded(tx, { runId: run.id, state: over.state });
    failpoint("finish.enqueued");
    await append(tx, engine.clock, [
      runEvent(session, "receipt.signed", { digest, keyId: engine.signer.keyId }),
      runEvent(session, `run.${over.state}`, { reason: over.reason, stranded, ...(ending.kind === "finish" ? { ...ending.outcome } : {}) }),
    ]);
    await endRun(tx, lease, over);
    failpoint("finish.ended");
    if (run.parentRunId !== null) await wake(tx, [run.parentRunId]); // a child before its parent, everywhere
    failpoint("finish.parent_woken");
    const threadId = threadOf(run);
    if (threadId) await continueThread(tx, placeOf(session), threadId);
    return true;
  });
  if (!isOver) return { kind: "moved" };
  failpoint("finish.committed");
  await returnAllotment(engine.db, run.id);
  failpoint("finish.returned");
  return { kind: "ended" };
}

const answerOf = ({ said, value }: Outcome): Json => (value === undefined ? { said } : { said, value });

/** Where the next run of the same thread is made: under the revision in force. */
function placeOf({ engine, current }: Session): RunPlace {
  return { clock: engine.clock, revision: current.revision, workspace: current.workspace, tiers: engine.tiers(current.workspace) };
}

const ticketChange = (ending: Ending): TicketChange => ending.ticket ?? (ending.kind === "fail" ? { status: "blocked" } : { status: "in_review" });

const costIn = ({ calls, costNanos, listNanos, unknownCalls, estimatedCalls }: PackInput["cost"]): PackInput["cost"] => ({
  calls,
  costNanos,
  listNanos,
  unknownCalls,
  estimatedCalls,
});

async function packInput(session: Session, ending: Ending): Promise<PackInput> {
  const { engine, state, current, pinned } = session;
  const [cost] = await costReport(engine.db, { by: "all" }, { fromMs: 0, runId: state.run.id });
  failpoint("finish.cost_read");
  return {
    workspace: pinned.manifest.name,
    host: engine.host,
    policyRevision: current.revision,
    sandbox: current.workspace.manifest.sandbox,
    unconfined: current.workspace.toolServers.filter(({ from }) => from.by === "mcp" && from.command && from.sandbox === "off").map(({ name }) => name),
    run: state.run,
    ticket: state.ticket,
    acts: state.acts,
    asks: state.asks,
    messages: state.messages,
    cost: cost ? costIn(cost) : { calls: 0, costNanos: 0, listNanos: 0, unknownCalls: 0, estimatedCalls: 0 },
    ending: ending.kind === "finish" ? { state: "done", ...ending.outcome } : { state: "failed", said: ending.message, checked: "none", code: ending.code },
    endedAtMs: engine.clock.nowMs(),
  };
}
