import { z } from "zod";
import { inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { isMachine } from "#src/people/role.ts";
import { noteAction } from "../store/action-lines.ts";
import { liveRunOf, markHeard } from "../store/worker-asks.ts";
import { keepMessage, takeTold } from "../store/worker-messages.ts";
import { workers } from "../store/workers.ts";
import { reportCost } from "../workers/report-cost.ts";
import { loopName } from "./names.ts";
import { nameMeant } from "./session.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const LONGEST_TEXT = 20_000;
const SHOWN_CHARACTERS = 80;

const tell = loopVerb({
  name: "tell",
  summary: "Leave a message for a worker that runs. It gets it once, in order, with its next answer or when it looks.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({
    worker: loopName,
    text: z
      .string()
      .max(LONGEST_TEXT)
      .refine((text) => text.trim() !== "", "expected a message"),
    journal: z.string().max(500).optional(),
  }),
  output: z.object({ id: z.string(), worker: z.string() }),
  async perform({ db, clock }, { caller }, { worker, text, journal }) {
    return inTransaction(db, async (tx) => {
      const [row] = await workers(tx, { name: worker });
      if (!row?.alive) {
        throw new LoopError("worker_unknown", `There is no worker ${worker} that runs, so nobody would read it. \`loop _ worker list\` shows those that do.`, {
          facts: { worker },
        });
      }
      const trust = isMachine(caller.roles) ? "agent" : caller.roles.includes("owner") ? "owner" : "member";
      const id = await keepMessage(tx, { worker, runId: row.runId, agent: row.agent, author: caller.handle, trust, text, by: caller.id, nowMs: clock.nowMs() });
      await append(tx, clock, [{ kind: "worker.told", actor: caller.id, runId: row.runId, ticketId: row.ticketId, payload: { message: id, worker, text } }]);
      await noteAction(tx, clock, { caller, line: journal ?? `tell ${worker}: ${text.slice(0, SHOWN_CHARACTERS)}`, runId: row.runId });
      return { id, worker };
    });
  },
});

const told = loopVerb({
  name: "told",
  summary: "What this worker was told and has not heard yet, in order; it is not given again.",
  access: "pulse:work",
  reads: false,
  input: z.strictObject({
    worker: loopName.optional().describe("left out: whoever speaks"),
    heard: z.string().min(1).max(100).optional().describe("an ask of its own whose answer it has in hand: the same question is then asked anew"),
  }),
  output: z.object({ worker: z.string(), messages: z.array(z.object({ id: z.string(), from: z.string(), text: z.string(), atMs: z.int() })) }),
  async perform(deps, { caller }, { worker: given, heard }) {
    const worker = await nameMeant(deps, caller, { verb: "told", name: given });
    const runId = caller.runId ?? (await liveRunOf(deps.db, worker))?.runId;
    return inTransaction(deps.db, async (tx) => {
      if (heard !== undefined) await markHeard(tx, { ask: heard, worker });
      return { worker, messages: runId === undefined ? [] : await takeTold(tx, { worker, runId }) };
    });
  },
});

const cost = loopVerb({
  name: "cost",
  summary: "Say what was spent, in dollars. What is no amount above 0 is dropped without a word.",
  access: "pulse:work",
  reads: false,
  input: z.strictObject({
    kind: z.string().min(1).max(64).describe("what spent it, such as worker"),
    id: z.string().min(1).max(64),
    runner: z.string().min(1).max(64).describe("the program or model"),
    usd: z.union([z.string().max(64), z.number()]),
  }),
  output: z.object({ recorded: z.boolean() }),
  async perform(deps, { caller }, { kind, id, runner, usd }) {
    if (caller.runId !== null && kind === "worker") await nameMeant(deps, caller, { verb: "cost", name: id });
    return { recorded: await reportCost(deps, caller, { kind, id, runner, usd: Number(usd) }) };
  },
});

export const mailboxVerbs: readonly LoopVerb[] = [tell, told, cost] as readonly LoopVerb[];
