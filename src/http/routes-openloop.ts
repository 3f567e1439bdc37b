import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { answerAsk } from "#src/asks/answer.ts";
import { type Ask, mayAnswer } from "#src/asks/ask.ts";
import { openAsks, requireAsk } from "#src/asks/store/read.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import type { Caller } from "#src/people/principal.ts";
import { prepareCall, requestCall } from "#src/runs/call/request.ts";
import { readState, readStates, requireRun } from "#src/runs/store/state.ts";
import { createRunWatch } from "#src/runs/watch.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { performOnce } from "./once.ts";
import {
  actionOf,
  approversOf,
  denied,
  forbidden,
  type Invocation,
  invocationOf,
  invocationView,
  type OpenLoopAgent,
  summaryOf,
} from "./openloop-invocation.ts";
import { text } from "./query.ts";

/** The applied agents whose files are of OpenLoop, in order of file. @throws LoopError route_unknown where there is none: then nothing of this face is here */
export async function openLoopAgents({
  workspaces,
}: Pick<HttpDeps, "workspaces">): Promise<{ agents: OpenLoopAgent[]; workspace: Workspace; revision: number }> {
  const { workspace, revision } = await workspaces.current();
  const agents = workspace.agents.filter((agent): agent is OpenLoopAgent => agent.openLoop !== undefined);
  if (agents.length > 0) return { agents, workspace, revision };
  throw new LoopError("route_unknown", "There is nothing at this address: no agent of openloop.ai is applied. /openapi.json lists what there is.");
}

/** Hidden from the description of our own routes: docs/openloop.md has these. */
export const openLoopRoute = (deps: HttpDeps) => ({ onRequest: async () => void (await openLoopAgents(deps)) });

const LONGEST_WAIT_MS = 60_000;
const LOOK_MS = 500;

const invokeBody = z.object({ action: text(200), args: z.record(z.string(), z.unknown()).default({}), requested_by: text(200).nullish() });
const resolveBody = z.object({ approver: text(200), approve: z.boolean().default(true) });

const approvalView = z.object({
  id: z.string(),
  action: z.string(),
  summary: z.string(),
  approvers: z.array(z.string()),
  requested_by: z.string().nullable(),
});

/** What agents of OpenLoop may do, asked for under the paths that OpenLoop has. Every action is a run with one act, which passes the gate. */
export function openLoopToolRoutes(app: App, deps: HttpDeps): void {
  app.post(
    "/tools/invoke",
    { ...openLoopRoute(deps), config: { access: "runs:control" }, schema: { hide: true, body: invokeBody, response: { 200: invocationView } } },
    async (request, reply) => {
      const { agents, workspace, revision } = await openLoopAgents(deps);
      const { action, args, requested_by } = request.body;
      const caller = callerOf(request);
      if (requested_by !== undefined && requested_by !== null) requireOwnName(workspace, caller, { name: requested_by, field: "requested_by" });
      const found = allowed(agents, action);
      if (!("tool" in found)) return found;
      await deps.tools.follow({ revision, workspace });
      if (!deps.tools.get(found.tool)) return forbidden(`no registered tool provides ${action}`);
      const wanted = { name: found.tool, args: storableJson(args as Json), agent: found.agent.name, by: caller };
      const prepared = await prepareCall(deps.tools, workspace, wanted);
      const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace) };
      const { body } = await performOnce(deps, request, async (joined) => ({ status: 200, body: await requestCall(joined, place, prepared) }));
      return settle(deps, { agent: found.agent, runId: body, request, reply });
    },
  );
}

/** Of several agents the first that allows the action. Names with dots, as they are here, are understood too. @throws LoopError input_invalid */
function allowed(agents: readonly OpenLoopAgent[], action: string): { readonly agent: OpenLoopAgent; readonly tool: string } | Invocation {
  if (!/^[\w-]+\.[\w.:-]+$/.test(action))
    throw new LoopError("input_invalid", `The action "${action.slice(0, 80)}" cannot be read. Expected <tool>.<permission>, such as github.issues:write.`);
  for (const agent of agents) {
    const tool = agent.openLoop.actions[action] ?? Object.values(agent.openLoop.actions).find((name) => name === action);
    if (tool !== undefined) return { agent, tool };
  }
  return forbidden(`${action} is not in ${agents[0]!.name}'s tool allowlist`);
}

export function openLoopApprovalRoutes(app: App, deps: HttpDeps): void {
  app.get("/approvals", { ...openLoopRoute(deps), config: { access: "read" }, schema: { hide: true, response: { 200: z.array(approvalView) } } }, async () => {
    const { agents } = await openLoopAgents(deps);
    const asks = (await openAsks(deps.db)).filter(({ kind, purpose, runId }) => kind === "approval" && purpose === "act" && runId !== null);
    const runs = new Map((await readStates(deps.db, [...new Set(asks.map(({ runId }) => runId!))])).map((state) => [state.run.id, state]));
    return asks.flatMap((ask) => {
      const state = runs.get(ask.runId!);
      const agent = agents.find(({ name }) => name === state?.run.agent);
      const act = state?.acts.find(({ id }) => id === ask.actId);
      if (!agent || !act) return [];
      const said = { action: actionOf(agent, act.name), summary: summaryOf(agent, act), approvers: approversOf(ask.approvers) };
      return [{ id: ask.id, ...said, requested_by: state!.messages[0]?.source ?? null }];
    });
  });
  app.post(
    "/approvals/:id/resolve",
    {
      ...openLoopRoute(deps),
      config: { access: "asks:answer" },
      schema: { hide: true, params: z.object({ id: z.string() }), body: resolveBody, response: { 200: invocationView } },
    },
    async (request, reply): Promise<Invocation> => {
      const { agents, workspace } = await openLoopAgents(deps);
      const caller = callerOf(request);
      const { approver, approve } = request.body;
      requireOwnName(workspace, caller, { name: approver, field: "approver" });
      const { ask, agent } = await requireApproval(deps, agents, request.params.id);
      if (!mayAnswer(ask, caller)) throw notYours(`${caller.handle} is not an approver of ${ask.id}`);
      const before = await settledBefore(deps, agent, ask);
      if (before) return before;
      const answer = approve ? "approve" : "deny";
      const { body: answered } = await performOnce(deps, request, async (db) => {
        const { kind } = await answerAsk(db, deps.clock, { askId: ask.id, person: caller, answer, face: "openloop" });
        return { status: 200, body: kind };
      });
      if (answered === "lost") return (await settledBefore(deps, agent, await requireAsk(deps.db, ask.id)))!;
      if (answered === "counted") return { status: "pending_approval", message: `${ask.id} needs more approvals`, result: null, approval_id: ask.id };
      if (!approve) return denied("action denied", ask.id);
      return settle(deps, { agent, runId: ask.runId!, act: ask.actId!, request, reply });
    },
  );
}

const notYours = (why: string): LoopError => new LoopError("permission_missing", `${why}.`);

/** What was asked about an act of such an agent; everything else is none of this face. @throws LoopError permission_missing */
async function requireApproval({ db }: HttpDeps, agents: readonly OpenLoopAgent[], id: string): Promise<{ ask: Ask; agent: OpenLoopAgent }> {
  const unknown = notYours(`There is no approval ${id.slice(0, 80)}`);
  const ask = await Promise.resolve(id)
    .then((given) => requireAsk(db, idOf("ask", given)))
    .catch((error: unknown) => {
      throw error instanceof LoopError && error.code === "ask_unknown" ? unknown : error;
    });
  if (ask.kind !== "approval" || ask.purpose !== "act" || ask.runId === null) throw unknown;
  const { agent: name } = await requireRun(db, ask.runId);
  const agent = agents.find((known) => known.name === name);
  if (!agent) throw unknown;
  return { ask, agent };
}

/** The answer for an approval that is over; undefined while it is open. */
async function settledBefore({ db }: HttpDeps, agent: OpenLoopAgent, ask: Ask): Promise<Invocation | undefined> {
  if (ask.state === "open") return undefined;
  if (ask.state !== "answered") return denied(`approval ${ask.id} is ${ask.state}`, ask.id);
  if (ask.answer !== "approve") return denied(`approval ${ask.id} already ${ask.answer === "deny" ? "denied" : "settled: other arguments"}`, ask.id);
  const { result } = invocationOf(agent, await readState(db, ask.runId!), ask.actId!) ?? { result: null };
  return { status: "executed", message: `approval ${ask.id} already approved`, result, approval_id: ask.id };
}

/** Nobody speaks in the name of another: a token stands for its principal, under its handle and the identities that teams/ give it. @throws LoopError permission_missing */
function requireOwnName({ team }: Workspace, caller: Caller, { name, field }: { name: string; field: string }): void {
  const identities = team.filter(({ id }) => id === caller.handle).flatMap((member) => member.identities.map(({ id }) => id));
  if ([caller.handle, ...identities].some((own) => name === own || name === `@${own}`)) return;
  throw notYours(`${field} says ${name.slice(0, 80)}, and this token is that of ${caller.handle}. Send the token of whoever decides`);
}

interface Settling {
  readonly agent: OpenLoopAgent;
  readonly runId: string;
  /** Left out: the last of the run. */
  readonly act?: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Waits until the act is done, or a person is asked. After a minute 504: the work goes on. */
async function settle(deps: HttpDeps, { agent, runId, act, request, reply }: Settling): Promise<Invocation> {
  const watch = deps.watch ?? createRunWatch(deps);
  void reply.header("loop-run-id", runId);
  for (let waitedMs = 0; waitedMs < LONGEST_WAIT_MS && !request.signal.aborted; waitedMs += LOOK_MS) {
    await watch.rested(runId, { timeoutMs: LOOK_MS, signal: request.signal });
    const invocation = invocationOf(agent, await readState(deps.db, runId), act);
    if (invocation) return invocation;
  }
  return reply.code(504).send({ detail: `The action is still at work. GET /v1/runs/${runId} says how it stands.` }) as never;
}
