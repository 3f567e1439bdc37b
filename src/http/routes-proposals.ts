import { z } from "zod";
import { acceptProposal, listProposals, rejectProposal, requireProposal } from "#src/apply/proposals.ts";
import type { Transaction } from "#src/database/open.ts";
import { openPullRequest, pullTarget } from "#src/apply/pull-request.ts";
import type { Proposal } from "#src/learning/proposal.ts";
import { precedentRequest, proposePrecedent } from "#src/learning/propose-precedent.ts";
import { proposeRule, ruleRequest } from "#src/learning/propose-rule.ts";
import { requireRun } from "#src/runs/store/state.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { handlesOf } from "./handles.ts";
import { idOf } from "./ids.ts";
import { type Answer, performKeeping, performOnce, send } from "./once.ts";
import { runView, viewRun } from "./run-view.ts";
import { idParams, isoOf, isoOrNull, limit, text } from "./query.ts";

const STATES = ["open", "accepted", "rejected", "superseded"] as const;

const proposalView = z
  .object({
    id: z.string(),
    kind: z.enum(["skill", "rule", "sop", "precedent", "sensor"]),
    state: z.enum(STATES),
    title: z.string(),
    reason: z.string(),
    files: z.array(z.object({ path: z.string(), text: z.string(), base: z.string().nullable().describe("SHA-256 of the file that it replaces") })),
    sources: z.record(z.string(), z.unknown()),
    test: z.unknown().describe("of a skill: the replay of its tickets, with it and without it"),
    prompt: z.string().nullable().describe("the same change in words, for a coding agent"),
    author: z.string().describe("a handle, or system"),
    createdAt: z.string(),
    decidedBy: z.string().nullable(),
    decidedAt: z.string().nullable(),
    decisionReason: z.string().nullable(),
    revision: z.int().nullable(),
    repository: z.string().nullable().describe("where a pull request with its files can be opened; null: nowhere"),
  })
  .meta({ id: "Proposal" });

type View = z.infer<typeof proposalView>;

export function proposalRoutes(app: App, deps: HttpDeps): void {
  const { db } = deps;
  app.get(
    "/v1/proposals",
    {
      config: { access: "read" },
      schema: {
        summary: "Changes to the workspace that somebody, or the system, proposes; newest first.",
        tags: ["proposals"],
        querystring: z.strictObject({ state: z.enum([...STATES, "all"]).default("open"), limit: limit(50, 500) }),
        response: { 200: z.object({ proposals: z.array(proposalView) }) },
      },
    },
    async ({ query }) => {
      const states = query.state === "all" ? {} : { states: [query.state] };
      return { proposals: (await listProposals(db, { ...states, limit: query.limit })).map(await viewer(deps)) };
    },
  );
  app.get(
    "/v1/proposals/:id",
    {
      config: { access: "read" },
      schema: { summary: "One proposal: its files, what it was made from, its test.", tags: ["proposals"], params: idParams, response: { 200: proposalView } },
    },
    async ({ params }) => (await viewer(deps))(await requireProposal(db, idOf("proposal", params.id))),
  );
}

export function proposalVerbRoutes(app: App, deps: HttpDeps): void {
  const { db, clock, workspaces } = deps;
  const writeFiles = deps.folder?.writeFiles;
  const verbs = { accept: acceptProposal, reject: rejectProposal } as const;
  for (const [verb, decide] of Object.entries(verbs)) {
    app.post(
      `/v1/proposals/:id/${verb}`,
      {
        config: { access: "asks:answer" },
        schema: {
          summary: `Say ${verb === "accept" ? "yes: it is tested again and comes into force" : "no"}.`,
          tags: ["proposals"],
          params: idParams,
          body: z.strictObject({ reason: text(2_000).optional() }),
          response: { 200: proposalView },
        },
      },
      async (request, reply) => {
        const { reason } = request.body;
        const given = { id: idOf("proposal", request.params.id), by: callerOf(request), ...(reason === undefined ? {} : { reason }) };
        const view = await viewer(deps);
        const answerOf = (decided: Proposal): Answer<View> => ({ status: 200, body: view(decided) });
        const answer = await performKeeping<View>(deps, request, async (keep) => {
          const withReply = { ...given, keep: (tx: Transaction, decided: Proposal) => keep(tx, answerOf(decided)) };
          return answerOf(await decide({ db, clock, workspaces, ...(writeFiles ? { writeFiles } : {}) }, withReply));
        });
        return send(reply, answer);
      },
    );
  }
}

export function proposeRuleRoute(app: App, deps: HttpDeps): void {
  const { db, clock, workspaces } = deps;
  app.post(
    "/v1/proposals/:id/pull-request",
    {
      config: { access: "asks:answer" },
      schema: {
        summary: "Open a pull request with the files of a proposal. A run does it, as an act of kind push: policy says whether it may.",
        tags: ["proposals"],
        params: idParams,
        body: z.strictObject({ base: text(200).optional().describe("the branch to propose onto; left out: main") }),
        response: { 201: runView },
      },
    },
    async (request, reply) => {
      const { revision, workspace } = await workspaces.current();
      const place = { clock, revision, workspace, tiers: deps.tiers(workspace) };
      const target = await targetOf(deps);
      const wish = { id: idOf("proposal", request.params.id), by: callerOf(request), target, base: request.body.base };
      const answer = await performOnce(deps, request, async (joined) => {
        const runId = await openPullRequest(joined, place, wish);
        return { status: 201, body: viewRun(await requireRun(joined, runId)) };
      });
      return send(reply, answer);
    },
  );
  app.post(
    "/v1/tickets/:id/propose-rule",
    {
      config: { access: "tickets:write" },
      schema: {
        summary: "Propose a stricter rule because of a ticket. Nothing changes before somebody accepts it.",
        tags: ["proposals"],
        params: idParams,
        body: ruleRequest,
        response: { 201: proposalView },
      },
    },
    async (request, reply) => {
      const ticket = await requireTicket(db, idOf("ticket", request.params.id));
      const author = callerOf(request).id;
      const view = await viewer(deps);
      const answer = await performOnce(deps, request, async (joined) => {
        const proposal = await proposeRule({ db: joined, clock, workspaces }, { request: request.body, ticketId: ticket.id, author });
        return { status: 201, body: view(proposal) };
      });
      return send(reply, answer);
    },
  );
}

export function precedentRoute(app: App, deps: HttpDeps): void {
  const { clock, workspaces } = deps;
  app.post(
    "/v1/asks/:id/precedent",
    {
      config: { access: "asks:answer" },
      schema: {
        summary: "Propose that acts like the one that was approved pass without asking, for a time. Nothing changes before an owner or admin accepts it.",
        tags: ["proposals"],
        params: idParams,
        body: precedentRequest,
        response: { 201: proposalView },
      },
    },
    async (request, reply) => {
      const askId = idOf("ask", request.params.id);
      const by = callerOf(request);
      const view = await viewer(deps);
      const answer = await performOnce(deps, request, async (joined) => {
        const proposal = await proposePrecedent({ db: joined, clock, workspaces }, { askId, by, request: request.body });
        return { status: 201, body: view(proposal) };
      });
      return send(reply, answer);
    },
  );
}

const targetOf = async ({ workspaces, gitRemote }: HttpDeps) => pullTarget((await workspaces.current()).workspace, await gitRemote?.());

/** People by their handles, and where a pull request can go as things stand now. */
async function viewer(deps: HttpDeps): Promise<(proposal: Proposal) => View> {
  const handleOf = await handlesOf(deps.db);
  const repository = (await targetOf(deps))?.repo ?? null;
  return ({ createdAtMs, decidedAtMs, files, author, ...same }) => ({
    ...same,
    author: handleOf(author),
    files: files.map((file) => ({ ...file })),
    createdAt: isoOf(createdAtMs),
    decidedAt: isoOrNull(decidedAtMs),
    repository,
  });
}
