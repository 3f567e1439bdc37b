import { z } from "zod";
import { LoopError } from "#src/kernel/errors.ts";
import { prepareCall, requestCall } from "#src/runs/call/request.ts";
import { noteAction } from "../store/action-lines.ts";
import { readByCaller } from "../store/read-by-caller.ts";
import { type ShellOutcome, shellOutcome } from "../world/shell-outcome.ts";
import { lookUntil } from "./look-again.ts";
import { type LoopDeps, loopVerb, type LoopVerb } from "./verb.ts";

const TOOL = "shell.run";
const AGENT = "root";
const LONGEST_WAIT_S = 45;

const outcome = z.object({
  run: z.string(),
  state: z.enum(["running", "asked", "done", "failed"]).describe("done: it exited with 0. asked: somebody has to say yes first"),
  exit_code: z.int().nullable(),
  timed_out: z.boolean(),
  output: z.string().describe("the last 2,048 characters of what it printed"),
  error: z.string().nullable().describe("why it failed, or did not run"),
  ask: z.object({ id: z.string(), of: z.string() }).nullable(),
});

const run = loopVerb({
  name: "run",
  summary:
    "Run one command of the shell, as an act of the agent root through the gate: in the sandbox, with limits, where policy allows it. `run wait` gives its end.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({
    command: z
      .string()
      .max(100_000, "expected 100000 characters at most")
      .refine((text) => text.trim() !== "", "expected a command"),
    reason: z.string().trim().max(500).optional().describe("what it is for, for the journal and for whoever is asked"),
    journal: z.string().max(2_000).optional().describe("the line of the journal; left out: what was done"),
  }),
  output: outcome,
  async perform(deps, { caller }, { command, reason, journal }) {
    const current = await deps.workspaces.current();
    const { revision, workspace } = current;
    await deps.tools.follow(current);
    requireShell(deps);
    const args = { argv: ["bash", "-c", command], ...(reason ? { reason } : {}) };
    const prepared = await prepareCall(deps.tools, workspace, { name: TOOL, args, agent: AGENT, by: caller, read: await readByCaller(deps.db, caller) });
    const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace) };
    const runId = await requestCall(deps.db, place, prepared);
    await noteAction(deps.db, deps.clock, { caller, line: journal ?? `run-shell · ${reason ? reason : command}`, runId });
    return viewOf(await shellOutcome(deps.db, runId));
  },
});

/** @throws LoopError tool_unknown */
function requireShell({ tools }: Pick<LoopDeps, "tools">): void {
  if (tools.get(TOOL)) return;
  const why = tools.states().find(({ name, state }) => state === "off" && (name === TOOL || name === "shell.*"))?.why;
  const seen = why ? `${TOOL} is off: ${why}.` : `No tool server of the workspace is named shell, so nothing can be run.`;
  throw new LoopError(
    "tool_unknown",
    `${seen} Add tools/shell.yaml with \`name: shell\` and \`from: { by: shell }\`, and \`tools: [${TOOL}]\` to agents/root.yaml; then \`loop apply\`.`,
    { facts: { tool: TOOL } },
  );
}

const runWait = loopVerb({
  name: "run wait",
  summary: "How a command ended, or that somebody is asked; else after 45 seconds that it is still running.",
  access: "pulse:steer",
  reads: true,
  input: z.strictObject({
    run: z.string().max(80),
    throughAsk: z.enum(["true", "false"]).default("false").describe("true: an ask is waited for too"),
    timeoutSeconds: z.coerce.number().min(0).max(LONGEST_WAIT_S).default(LONGEST_WAIT_S),
  }),
  output: outcome,
  async perform(deps, { signal }, { run: runId, throughAsk, timeoutSeconds }) {
    const isOver = ({ state }: ShellOutcome): boolean => state === "done" || state === "failed" || (state === "asked" && throughAsk === "false");
    const settled = await lookUntil(deps, { timeoutMs: timeoutSeconds * 1_000, signal }, async () => {
      const seen = await shellOutcome(deps.db, runId);
      return isOver(seen) ? seen : undefined;
    });
    return viewOf(settled ?? (await shellOutcome(deps.db, runId)));
  },
});

const viewOf = ({ runId, state, exitCode, timedOut, output, error, ask }: ShellOutcome): z.infer<typeof outcome> => ({
  run: runId,
  state,
  exit_code: exitCode,
  timed_out: timedOut,
  output,
  error,
  ask,
});

export const runVerbs = [run, runWait] as readonly unknown[] as readonly LoopVerb[];
