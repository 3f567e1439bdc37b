import { strandAsksOfRun } from "#src/asks/store/settle.ts";
import { buildPack, type PackInput } from "#src/evidence/pack.ts";
import { signReceipt } from "#src/evidence/receipt.ts";
import { statementOf } from "#src/evidence/statement.ts";
import type { ReceiptRow } from "#src/evidence/store/receipts.ts";
import { prepareEvent } from "#src/journal/event.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { AskId } from "#src/kernel/ids.ts";
import { returnAllotment } from "#src/ledger/allot.ts";
import { totalsOfRun } from "#src/ledger/store/totals.ts";
import { moveTicket, type TicketChange } from "#src/tickets/store/move.ts";
import { wake } from "#src/leases/store/wake.ts";
import type { RunPlace } from "../create.ts";
import type { Outcome, Step } from "../procedure.ts";
import type { RunEnd } from "../run.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { type Ended, endRun, type RunEnding } from "../store/end.ts";
import { fencedMove, LeaseLost } from "../store/hold.ts";
import { continueThread, isSteered, recordAnswer, threadOf } from "../turns/settle.ts";

type Ending = Extract<Step, { kind: "finish" | "fail" }>;

/** Ends the run, well or not: packs the evidence, signs the receipt, moves the ticket, in one commit. */
export async function finish(session: Session, ending: Ending): Promise<Made> {
  const { engine, state } = session;
  const input = await packInput(session, ending);
  const pack = buildPack(input) as unknown as Json;
  const digest = digestOf(pack);
  const envelope = signReceipt(statementOf(input, digest), engine.signer);
  const receipt = { runId: state.run.id, ticketId: state.run.ticketId, digest, pack, envelope };
  const closing = { ending, receipt, next: engine.whenEnded(state.run) };
  const alone = await endAlone(session, closing);
  const ended = alone ?? (await endWithOthers(session, closing));
  if (ended === "steered") return { kind: "moved" };
  session.onEnd(endOf(session, ending));
  failpoint("finish.committed");
  if (ended.owes) await returnAllotment(engine.db, state.run.id);
  failpoint("finish.returned");
  return { kind: "ended", quiet: alone !== undefined && !ended.owes };
}

const overOf = (ending: Ending) =>
  ending.kind === "finish"
    ? ({ state: "done", reason: null, answer: answerOf(ending.outcome) } as const)
    : ({ state: ending.interrupted ? "interrupted" : "failed", reason: `${ending.code}: ${ending.message}`, answer: null } as const);

const endOf = ({ state: { run } }: Session, ending: Ending): RunEnd => ({ id: run.id, agent: run.agent, ...overOf(ending), isOver: true });

interface Closing {
  readonly ending: Ending;
  readonly receipt: ReceiptRow;
  readonly next: ReturnType<Session["engine"]["whenEnded"]>;
}

/** A run that nothing else hangs on ends in one statement. Undefined: something does. */
async function endAlone({ engine, lease, state }: Session, closing: Closing): Promise<Ended | undefined> {
  if (threadOf(state.run) || state.ticket || state.run.parentRunId !== null || closing.next) return undefined;
  const ended = await endRun(engine.db, lease, rowsOf({ engine, state }, closing, []));
  return ended.isOver ? ended : undefined; // it asks somebody, or the lease is gone
}

async function endWithOthers(session: Session, closing: Closing): Promise<Ended | "steered"> {
  const { engine, lease, state } = session;
  const { ending, next } = closing;
  const { run } = state;
  return fencedMove(engine.db, lease, async (tx) => {
    if (ending.kind === "finish" && (await isSteered(tx, run))) return "steered";
    failpoint("finish.looked");
    if (ending.kind === "finish") await recordAnswer(tx, session, ending.outcome);
    failpoint("finish.answered");
    if (state.ticket && run.parentRunId === null) await moveTicket(tx, state.ticket.id, ticketChange(ending));
    failpoint("finish.ticket");
    const stranded = await strandAsksOfRun(tx, run.id);
    failpoint("finish.stranded");
    await next?.(tx);
    failpoint("finish.enqueued");
    const ended = await endRun(tx, lease, rowsOf(session, closing, stranded));
    if (!ended.isOver) throw new LeaseLost(`the lease ${lease.fence} on ${run.id} is gone`);
    failpoint("finish.ended");
    if (run.parentRunId !== null) await wake(tx, [run.parentRunId]); // a child before its parent, everywhere
    failpoint("finish.parent_woken");
    const threadId = threadOf(run);
    if (threadId) await continueThread(tx, placeOf(session), threadId);
    return ended;
  });
}

function rowsOf({ engine, state }: Pick<Session, "engine" | "state">, { ending, receipt }: Closing, stranded: readonly AskId[]): RunEnding {
  const over = overOf(ending);
  const said = ending.kind === "finish" ? { ...ending.outcome } : {};
  const events = [
    runEvent({ state }, "receipt.signed", { digest: receipt.digest, keyId: engine.signer.keyId }),
    runEvent({ state }, `run.${over.state}`, { reason: over.reason, stranded, ...said }),
  ];
  const atMs = engine.clock.nowMs();
  return { ...over, receipt, events: events.map((event) => prepareEvent(event, atMs)) };
}

const answerOf = ({ said, value }: Outcome): { said: string; value?: Json } => (value === undefined ? { said } : { said, value });

/** Where the next run of the same thread is made: under the revision in force. */
function placeOf({ engine, current }: Session): RunPlace {
  return { clock: engine.clock, revision: current.revision, workspace: current.workspace, tiers: engine.tiers(current.workspace) };
}

const ticketChange = (ending: Ending): TicketChange => ending.ticket ?? (ending.kind === "fail" ? { status: "blocked" } : { status: "in_review" });

async function packInput(session: Session, ending: Ending): Promise<PackInput> {
  const { engine, state, current, pinned } = session;
  const cost = await totalsOfRun(engine.db, state.run.id);
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
    cost,
    ending:
      ending.kind === "finish"
        ? { state: "done", ...ending.outcome }
        : { state: overOf(ending).state, said: ending.message, checked: "none", code: ending.code },
    endedAtMs: engine.clock.nowMs(),
  };
}
