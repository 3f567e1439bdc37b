import type { Act } from "#src/acts/act.ts";
import type { CheckArgs } from "#src/acts/perform-check.ts";
import type { WorkerArgs, WorkerEnd } from "#src/acts/perform-worker.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { OWN_COMMAND } from "#src/policy/agent-rules.ts";
import type { Demand } from "#src/policy/proposed-act.ts";
import { isUntrusted, type Trust } from "#src/policy/trust.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { CheckVerdict, PlannedAct, Procedure, Step } from "../procedure.ts";
import { readSoFar } from "../read-so-far.ts";
import type { RunState } from "../run.ts";

/** The act that looks whether what a worker did holds. */
const VERIFY = "worker.verify";
const VERIFY_WITHIN_MS = 60_000;
const LONGEST_SAID = 2_000;

/**
 * A program is started and goes on by itself; when it has ended the declared check is run, once. Exited is said, checked is what the check found: only a check that
 * passed resolves the ticket, all else is for whoever steers or for a person.
 */
export const worker: Procedure = {
  name: "worker",
  next(state, workspace) {
    const start = state.acts.findLast(({ kind }) => kind === "worker");
    if (!start) return begin(state, workspace);
    if (start.state !== "done") return failed(start);
    const { verify } = state.run.brief.worker ?? {};
    const check = state.acts.findLast(({ name }) => name === VERIFY);
    if (verify !== undefined && !check) return { kind: "plan", acts: [checkOf(start, verify)], ticket: { status: "in_review" } };
    return ended(start.result as unknown as SettledEnd, verdictOf(verify, check));
  },
};

/** The name that it goes by: the ticket's, else one that is made of it. */
const nameOf = ({ ticket, run }: RunState): string => ticket?.alias ?? (ticket ? `ticket-${ticket.number}` : run.id);

function begin(state: RunState, { agents }: Workspace): Step {
  const { run, messages } = state;
  const command = agents.find(({ name }) => name === run.agent)?.command;
  if (!command) return { kind: "fail", code: "worker_without_command", message: `The file of ${run.agent} names no command to start.` };
  const own = run.brief.worker?.command;
  const args: WorkerArgs = {
    worker: nameOf(state),
    preset: command.preset,
    command: own ?? command.run ?? null,
    prompt: (messages[0]?.content as { readonly text?: string } | undefined)?.text ?? "",
    folder: command.folder ?? null,
    writable: [...command.writable],
    homeFolders: command.homeFolders ? [...command.homeFolders] : null,
    env: command.env,
    network: command.network,
    columns: command.columns,
    rows: command.rows,
  };
  const act: PlannedAct = {
    kind: "worker",
    name: own === undefined ? `worker.${command.preset}` : OWN_COMMAND,
    effect: "findable",
    args: args as unknown as Json,
    facts: {
      labels: run.labels,
      taint: readSoFar(state).taint,
      risk: own === undefined ? "medium" : "high",
      ...(isUntrusted(wordedBy(state)) ? { demands: [ASKS_FOR_STRANGERS] } : {}),
    },
  };
  return { kind: "plan", acts: [act], ticket: { status: "dispatched" } };
}

/** Where the words of its task came from. */
const wordedBy = ({ ticket, messages, run }: RunState): Trust[] => [
  ...(ticket ? [ticket.trust] : []),
  ...messages.map(({ trust }) => trust),
  ...(run.brief.taint ?? []),
];

const ASKS_FOR_STRANGERS: Demand = { then: "ask", source: "worker", why: "its task was worded by somebody outside, and the program would do as it says" };

function checkOf(start: Act, verify: string): PlannedAct {
  const command = ["/bin/sh", "-c", verify];
  const { folder: where } = start.result as { readonly folder?: string };
  const args: CheckArgs = {
    cause: start.id,
    by: "command",
    command,
    timeoutMs: VERIFY_WITHIN_MS,
    expectExitCode: 0,
    ...(where === undefined ? {} : { folder: where }),
  };
  return { kind: "check", name: VERIFY, effect: "idempotent", args: args as unknown as Json, facts: {} };
}

/** What was declared and could not be read did not pass. */
function verdictOf(verify: string | undefined, check: Act | undefined): CheckVerdict {
  if (verify === undefined) return "unchecked";
  const { verdict } = (check?.state === "done" ? check.result : {}) as { readonly verdict?: CheckVerdict };
  return verdict ?? "unreadable";
}

function failed({ state, error }: Act): Step {
  if (error?.code === "worker_lost") return { kind: "fail", code: error.code, message: error.message, interrupted: true };
  return { kind: "fail", code: error?.code ?? `worker_${state}`, message: error?.message ?? `its start was ${state}` };
}

interface SettledEnd extends WorkerEnd {
  readonly stoppedBy?: string;
  readonly endedItself?: true;
}

function ended({ state, exitCode, signal, lastLines, stoppedBy, endedItself }: SettledEnd, checked: CheckVerdict): Step {
  const printed = lastLines.trim() === "" ? "" : `\n${lastLines.trim()}`;
  const verified = checked === "unchecked" ? "" : `; the check ${checked === "passed" ? "passed" : checked === "failed" ? "failed" : "could not be read"}`;
  if (endedItself) return done(`it ended itself${printed}`, checked);
  if (state === "killed") {
    const who = stoppedBy === undefined ? `a signal ended it (${signal ?? "unknown"})` : `${stoppedBy} ended it`;
    return { kind: "fail", code: "worker_killed", message: `${who}${verified}.${printed}`.slice(0, LONGEST_SAID), interrupted: true };
  }
  if (exitCode !== 0)
    return { kind: "fail", code: "worker_failed", message: `it exited with ${exitCode ?? "no code"}${verified}.${printed}`.slice(0, LONGEST_SAID) };
  return done(`exited with 0${printed}`, checked);
}

function done(said: string, checked: CheckVerdict): Step {
  const status = checked === "passed" ? ({ status: "resolved", resolution: { by: "check", verdict: checked } } as const) : ({ status: "in_review" } as const);
  return { kind: "finish", outcome: { said: said.slice(0, LONGEST_SAID), checked }, ticket: status };
}
