import { z } from "zod";
import { LoopError } from "#src/kernel/errors.ts";
import { commandTemplate } from "#src/workspace/manifest/command.ts";
import { workerActOf } from "../store/worker-acts.ts";
import { startStateOf } from "../store/worker-tickets.ts";
import { type WorkerRow, workers } from "../store/workers.ts";
import { killWorker } from "../workers/kill-worker.ts";
import { startWorker } from "../workers/start-worker.ts";
import { lookUntil } from "./look-again.ts";
import { loopName } from "./names.ts";
import { nameMeant } from "./session.ts";
import { type LoopDeps, loopVerb, type LoopVerb } from "./verb.ts";

const LONGEST_PROMPT = 200_000;
const LONGEST_VERIFY = 4_000;
const SEEN_WITHIN_MS = 10_000;
const MOST_LOG_BYTES = 1_048_576;
const USUAL_LOG_BYTES = 16_384;

/** The pulse itself goes by it. */
const workerName = loopName.refine((name) => name !== "pulse", "expected a name that is not pulse: so the heart-beat is called");
const journal = z.string().max(500).optional().describe("what the journal says in place of the usual line");

const workerView = z.object({
  name: z.string(),
  health: z.enum(["busy", "waiting-ask", "stuck", "dead"]).describe("stuck: it printed nothing for long"),
  state: z.enum(["starting", "asked", "running", "exited", "killed", "lost", "refused"]).describe("asked: a person has to approve its start"),
  alive: z.boolean(),
  exitCode: z.int().nullable(),
  runId: z.string(),
  ticketId: z.string(),
  agent: z.string(),
  startedAtMs: z.int(),
  lastOutputAtMs: z.int(),
  endedAtMs: z.int().nullable(),
  askId: z.string().nullable().describe("its oldest open question"),
  verify: z.enum(["pending", "passed", "failed", "unreadable"]).nullable().describe("null: no check was declared"),
  reason: z.string().nullable(),
});

const silentAfterMs = async ({ workspaces }: LoopDeps): Promise<number> => (await workspaces.current()).workspace.manifest.workers.silentAfter;

const list = loopVerb({
  name: "worker list",
  summary: "The workers that live; with `all` those that ended within three days too.",
  access: "read",
  reads: true,
  input: z.strictObject({ all: z.stringbool().default(false) }),
  output: z.object({ nowMs: z.int(), workers: z.array(workerView) }),
  async perform(deps, _speaker, { all }) {
    const known = await workers(deps.db, { silentAfterMs: await silentAfterMs(deps) });
    return { nowMs: deps.clock.nowMs(), workers: all ? known : known.filter(({ state, alive }) => alive || state === "asked") };
  },
});

const start = loopVerb({
  name: "worker start",
  summary: "Start a worker under a name: a ticket, a run and a program of its own. Says whether it started, waits for an approval, or was refused.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({
    id: workerName,
    prompt: z
      .string()
      .max(LONGEST_PROMPT)
      .refine((text) => text.trim() !== "", "expected what it is to do"),
    verify: z
      .string()
      .trim()
      .min(1)
      .max(LONGEST_VERIFY)
      .optional()
      .describe("a command for the shell, run once when it has ended: exit code 0 means that its work holds"),
    agent: z.string().optional().describe("an agent with the runner command; left out: the only one"),
    command: commandTemplate.optional().describe("in place of the command of its agent's file: a person has to approve it, unless a rule lifts that"),
    journal,
  }),
  output: z.object({
    name: z.string(),
    state: z.enum(["started", "asked", "queued"]).describe("queued: nothing had taken it up yet"),
    runId: z.string(),
    ticketId: z.string(),
    askId: z.string().nullable(),
  }),
  async perform(deps, { caller, signal }, { id: name, ...order }) {
    const { runId, ticketId } = await startWorker(deps, caller, { name, ...order });
    const seen = await lookUntil(deps, { timeoutMs: SEEN_WITHIN_MS, signal }, async () => {
      const now = await startStateOf(deps.db, runId);
      return now.hasProcess || now.askId !== null || now.actState === "failed" || now.actState === "denied" || now.runState === "failed" ? now : undefined;
    });
    if (seen && !seen.hasProcess && seen.askId === null) {
      throw new LoopError("worker_unavailable", `The worker ${name} was not started. ${seen.why ?? seen.reason ?? ""}`.trim(), {
        facts: { worker: name, run: runId },
      });
    }
    return {
      name,
      state: !seen ? ("queued" as const) : seen.hasProcess ? ("started" as const) : ("asked" as const),
      runId,
      ticketId,
      askId: seen?.askId ?? null,
    };
  },
});

/** Names of sessions had this before them once. */
const LEGACY_PREFIX = /^(?:loop|looop)-/;

const killOf = (name: "worker kill" | "kill") =>
  loopVerb({
    name,
    summary: "End a worker with all that it started. A worker ends itself alone.",
    access: "pulse:work",
    reads: false,
    input: z.strictObject({
      id: workerName.optional().describe("left out: whoever speaks"),
      reason: z.string().trim().min(1).max(500).default("it was ended"),
      journal,
    }),
    output: z.object({ name: z.string(), state: z.enum(["ended", "ending"]) }),
    async perform(deps, { caller, signal }, { id, reason, journal: line }) {
      const given = id !== undefined && (await lastOf(deps, id)) === undefined ? id.replace(LEGACY_PREFIX, "") : id;
      const worker = await nameMeant(deps, caller, { verb: name, name: given });
      await killWorker(deps, caller, { name: worker, reason, journal: line });
      deps.changed?.();
      const gone = await lookUntil(deps, { timeoutMs: SEEN_WITHIN_MS, signal }, async () => ((await lastOf(deps, worker))?.alive ? undefined : true));
      return { name: worker, state: gone ? ("ended" as const) : ("ending" as const) };
    },
  });

const lastOf = async ({ db }: LoopDeps, name: string): Promise<WorkerRow | undefined> => (await workers(db, { name }))[0];

/** @throws LoopError worker_unknown | worker_unavailable */
async function processOf(deps: LoopDeps, name: string) {
  const known = await lastOf(deps, name);
  if (!known)
    throw new LoopError("worker_unknown", `There is no worker ${name}. \`loop _ worker list -a\` shows those there were.`, { facts: { worker: name } });
  const act = await workerActOf(deps.db, known.runId);
  const status = act && (await deps.workers?.find(act.key));
  if (deps.workers && status) return { port: deps.workers, key: status.key };
  throw new LoopError(
    "worker_unavailable",
    `What ${name} printed is not here: it was never started, it works on another host, or what was left of it is gone.`,
    { facts: { worker: name } },
  );
}

const log = loopVerb({
  name: "worker log",
  summary: "The last of what a worker printed, as text.",
  access: "read",
  reads: true,
  input: z.strictObject({ id: loopName, bytes: z.coerce.number().pipe(z.int().min(1).max(MOST_LOG_BYTES)).default(USUAL_LOG_BYTES) }),
  output: z.object({ name: z.string(), text: z.string(), alive: z.boolean() }),
  async perform(deps, _speaker, { id, bytes }) {
    const { port, key } = await processOf(deps, id);
    return { name: id, text: await port.log(key, bytes), alive: (await lastOf(deps, id))?.alive ?? false };
  },
});

const screenshot = loopVerb({
  name: "worker screenshot",
  summary: "What the terminal of a worker shows now, a line each.",
  access: "read",
  reads: true,
  input: z.strictObject({ id: loopName }),
  output: z.object({ name: z.string(), lines: z.array(z.string()) }),
  async perform(deps, _speaker, { id }) {
    const { port, key } = await processOf(deps, id);
    return { name: id, lines: [...(await port.screen(key))] };
  },
});

export const workerVerbs: readonly LoopVerb[] = [start, killOf("worker kill"), killOf("kill"), list, log, screenshot] as readonly LoopVerb[];
