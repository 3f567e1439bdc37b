import { mayAnswer } from "#src/asks/ask.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { ensureAgentPrincipal } from "#src/people/agent-principal.ts";
import type { Principal } from "#src/people/principal.ts";
import type { JudgeWorld } from "#src/runs/judge/world.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { JUDGE_AGENT } from "#src/workspace/manifest/workspace.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { answerableBy, goalTouches } from "../store/judge-world.ts";
import type { WorkerRow } from "../store/workers.ts";
import { journalLine } from "../world/journal-line.ts";
import { signalOf } from "../world/schedule.ts";
import { type WholeWorld, wholeWorldOf, type World, worldOf } from "../world/world.ts";
import type { WorldDetails } from "../store/world.ts";
import { outputOf } from "../world/shell-outcome.ts";
import type { Facing } from "./face.ts";

interface LookDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
}

/** The world at one moment: as it is compared, and how others name it. */
export interface Look {
  readonly facing: Facing;
  readonly hash: string;
  readonly cursor: string;
}

/** The same with what the judge is shown of it. */
export interface WholeLook extends Look {
  readonly shown: Pick<JudgeWorld, "playbook" | "goals" | "readings" | "asks" | "workers" | "schedules" | "journal" | "runOutput">;
}

/** What is looked at again and again while nothing moves: small, and whatever the length of the record. */
export async function lookAtWorld(deps: LookDeps): Promise<Look> {
  const judge = await ensureAgentPrincipal(deps.db, deps.clock, { name: JUDGE_AGENT, role: "agent" });
  const [world, { workspace }, asks] = await Promise.all([worldOf(deps), deps.workspaces.current(), answerableBy(deps.db, judge.handle)]);
  return { ...named(world, judge), facing: facingOf(world, workspace, asks) };
}

export async function lookAtAll(deps: LookDeps): Promise<WholeLook> {
  const judge = await ensureAgentPrincipal(deps.db, deps.clock, { name: JUDGE_AGENT, role: "agent" });
  const [world, { workspace }] = await Promise.all([wholeWorldOf(deps), deps.workspaces.current()]);
  const asks = world.marks.details.asks.filter((ask) => mayAnswer(ask, judge));
  const shownAsks = asks.map(({ id, alias, worker, prompt, options, atMs, stranded }) => ({
    id: alias ?? id,
    worker,
    prompt,
    options,
    openedAtMs: atMs,
    isStranded: stranded,
  }));
  const goals = await shownGoals(deps.db, workspace, world.workers);
  return {
    ...named(world, judge),
    facing: facingOf(world, workspace, shownAsks),
    shown: {
      ...shownOf(world, workspace),
      playbook: workspace.playbook?.body ?? null,
      goals,
      asks: shownAsks,
      runOutput: outputText(world.marks.details.lastRun),
    },
  };
}

const named = (world: World, judge: Principal): Pick<Look, "hash" | "cursor"> => ({ hash: world.hash, cursor: world.cursor(judge) });

const goalsIn = ({ goals }: Workspace): Workspace["goals"] => goals.filter(({ archived }) => !archived).toSorted((a, b) => (a.id < b.id ? -1 : 1));

const facingOf = ({ marks, workers }: World, workspace: Workspace, asks: readonly { readonly id: string }[]): Facing => ({
  playbook: workspace.playbook?.body ?? null,
  goals: goalsIn(workspace),
  readings: marks.readings,
  workers,
  schedules: marks.schedules.map((schedule) => ({ name: schedule.name, spec: schedule.spec, signal: signalOf(schedule, marks.nowMs) })),
  claims: marks.claims,
  asks,
  outputs: [],
});

/** A goal that an agent wrote is as trustworthy as what that agent had read. Starting a worker of its name counts as done for it. */
async function shownGoals(db: Db, workspace: Workspace, workers: readonly WorkerRow[]): Promise<JudgeWorld["goals"]> {
  const goals = goalsIn(workspace);
  const touches = new Map(
    (
      await goalTouches(
        db,
        goals.map(({ source }) => source),
      )
    ).map((touch) => [touch.path, touch]),
  );
  return goals.map(({ id, title, labels, body, source }) => {
    const touch = touches.get(source);
    const times = [touch?.atMs, workers.find(({ name }) => name === id)?.startedAtMs].filter((atMs) => atMs !== undefined);
    const head = [...(body.includes(title) ? [] : [title]), ...(Object.keys(labels).length === 0 ? [] : [JSON.stringify(labels)])];
    return {
      id,
      text: [...head, body].join("\n"),
      touchedAtMs: times.length === 0 ? null : Math.max(...times),
      trust: touch?.byAgent ? ("learned" as const) : ("owner" as const),
    };
  });
}

function shownOf({ marks, workers }: WholeWorld, { manifest }: Workspace): Pick<WholeLook["shown"], "readings" | "workers" | "schedules" | "journal"> {
  const { details, nowMs } = marks;
  const notes = new Map(details.schedules.map(({ name, note }) => [name, note]));
  return {
    readings: details.readings.map(({ sensor, signal, detail, failed, streak }) => ({ sensor, signal, detail, failed, streak })),
    workers: workers.map((worker) => ({ name: worker.name, facts: factsOf(worker) })),
    schedules: marks.schedules.map((schedule) => ({
      name: schedule.name,
      facts: JSON.stringify(signalOf(schedule, nowMs)),
      note: notes.get(schedule.name) ?? "",
    })),
    journal: details.lines.flatMap(({ atMs, body }) =>
      body === null ? [] : [journalLine(manifest.timeZone, { atMs, line: (JSON.parse(body) as { line: string }).line })],
    ),
  };
}

/** What the last command of these verbs printed, where it has ended. */
function outputText(last: WorldDetails["details"]["lastRun"]): string | null {
  if (!last || last.endedAtMs === null) return null;
  return [`${last.runId} ${last.state}`, JSON.stringify(last.args), last.error?.message ?? outputOf(last.result)].join("\n");
}

/** Words that change only when something happened; a clock that runs is in none of them. */
const factsOf = ({ state, health, exitCode, verify, askId, agent }: WorkerRow): string =>
  [
    state,
    health,
    `agent ${agent}`,
    ...(exitCode === null ? [] : [`exit code ${exitCode}`]),
    ...(verify === null ? [] : [`check ${verify}`]),
    ...(askId === null ? [] : [`asks ${JSON.stringify(askId)}`]),
  ].join(", ");
