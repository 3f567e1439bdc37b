import { compilePolicies, decide } from "#src/policy/decide.ts";
import { compileGlob } from "#src/policy/glob.ts";
import type { Agent, Workspace } from "#src/workspace/model.ts";
import { termsSaid, type Who } from "./approvers.ts";
import { commandSaid } from "./commands.ts";
import { compareMembers, elsewhere, lengthOf, limitOf, listOf, type MemberRules, moved, named, narrower, neutral, type Said, wider } from "./change.ts";

/** What is said of one agent; undefined where it is not there. */
export function agentSaid(before: Agent | undefined, after: Agent | undefined, { now }: { now: Workspace }): Said[] {
  if (!after) return [narrower("is gone")];
  const terms = createTerms(now);
  if (!before) return [wider(`is a new agent${runnerWords(after)}`), ...bornWith(after, terms)];
  return [...toolsSaid(before, after, terms), ...compareMembers(RULES, before, after)];
}

/** All that an agent may do, in words that go on after its name. */
export const powerOf = (agent: Agent, now: Workspace): string[] => bornWith(agent, createTerms(now)).map(([, words]) => words);

const RUNNER_WORDS: { readonly [K in Agent["runner"]]?: string } = { rules: " that goes by rules, without a model", command: " that starts a program" };
const runnerWords = ({ runner }: Agent): string => RUNNER_WORDS[runner] ?? "";

function bornWith(agent: Agent, terms: Terms): Said[] {
  const { tools, handoffs, delegates, surfaces, budget, memory } = agent;
  return [
    ...toolsSaid({ ...agent, tools: [], approvals: undefined }, agent, terms),
    ...(handoffs.length > 0 ? [wider(`may hand its work over to ${named(handoffs)}`)] : []),
    ...(delegates.length > 0 ? [wider(`may give work to ${named(delegates)}`)] : []),
    ...(surfaces.length > 0 ? [wider(`can be reached on ${named(surfaces.map(surfaceWords))}`)] : []),
    ...(memory && memory.scope !== "channel" ? [wider(`remembers across its ${memory.scope}`)] : []),
    ...(agent.command ? commandSaid(undefined, agent.command) : []),
    ...notesSaid(undefined, agent.notes),
    ...(tools.length > 0 && !budget ? [["same", "has no budget of its own"] as const] : []),
  ];
}

type Terms = (agent: Agent, tool: string) => { readonly effect: "wider" | "same"; readonly words: string };

const compiled = new WeakMap<Workspace, ReturnType<typeof compilePolicies>>();

/** Made once for all agents of a workspace. */
function rulesOf(now: Workspace): ReturnType<typeof compilePolicies> {
  const before = compiled.get(now);
  if (before) return before;
  const rules = compilePolicies(now);
  compiled.set(now, rules);
  return rules;
}

/** How an agent comes to a tool: what policy and its own approvals would say of it, all else being harmless. */
function createTerms(now: Workspace): Terms {
  return (agent, tool) => {
    const server = now.toolServers.find(({ name }) => tool.startsWith(`${name}.`));
    const known = server?.tools[tool.slice(tool.indexOf(".") + 1)];
    const kind = server?.from.by === "shell" ? "shell" : "tool";
    const act = { kind, name: tool, effect: known?.effect ?? "once", risk: known?.risk ?? "high", agent: agent.name, severity: 1, costUsd: 0 } as const;
    const { outcome, rule, approvers } = decide(rulesOf(now), act);
    if (outcome === "deny") return { effect: "same", words: `, which policy denies (${rule})` };
    return { effect: "wider", words: outcome === "ask" ? `, asking ${whoWords(approvers!)} each time` : " without asking anybody" };
  };
}

const whoWords = ({ roles, names, groups = [] }: Who): string =>
  named([...roles.map((role) => `the role ${role}`), ...names, ...groups.map((group) => `@${group}`)], "or");

function toolsSaid(before: Agent, after: Agent, terms: Terms): Said[] {
  const { gained, lost } = moved(before.tools, after.tools);
  const gains = gained.map((tool): Said => {
    const { effect, words } = terms(after, tool);
    const what = tool.endsWith(".*") ? `every tool of ${tool.slice(0, -2)}` : tool;
    return covers(before.tools, tool) ? ["same", `lists ${tool}, which it had by ${coverOf(before.tools, tool)}`] : [effect, `gains ${what}${words}`];
  });
  return [...gains, ...(lost.length > 0 ? lostTools(lost, after.tools) : [])];
}

const lostTools = (lost: readonly string[], kept: readonly string[]): Said[] => {
  const gone = lost.filter((tool) => !covers(kept, tool));
  return gone.length > 0 ? [narrower(`loses ${named(gone)}`)] : [];
};

const coverOf = (patterns: readonly string[], tool: string) => patterns.find((pattern) => pattern.endsWith(".*") && compileGlob(pattern).matches(tool));
const covers = (patterns: readonly string[], tool: string): boolean => coverOf(patterns, tool) !== undefined;

const surfaceWords = ({ surface, channel }: Agent["surfaces"][number]): string => (channel === undefined ? surface : `${surface} ${channel}`);

/** None at all means everywhere. */
function surfacesSaid(before: Agent["surfaces"], after: Agent["surfaces"]): Said[] {
  if (before.length === 0) return [narrower(`can be reached on ${named(after.map(surfaceWords))} only`)];
  if (after.length === 0) return [wider("can be reached wherever a message is routed to it")];
  return listOf("can now be reached on", "can no longer be reached on")(before.map(surfaceWords), after.map(surfaceWords));
}

function approvalsSaid(before: Agent["approvals"], after: Agent["approvals"]): Said[] {
  const { gained, lost } = moved(before?.requireFor, after?.requireFor);
  const stillAsked = (pattern: string) => after?.requireFor.some((kept) => compileGlob(kept).matches(pattern)) ?? false;
  const really = lost.filter((pattern) => !stillAsked(pattern));
  const asked = before && after ? termsSaid("what it must ask for", before, after) : [];
  return [
    ...(really.length > 0 ? [wider(`no longer asks before ${named(really)}`)] : []),
    ...(gained.length > 0 ? [narrower(`asks before ${named(gained)}`)] : []),
    ...asked,
    ...(before?.separation && after && !after.separation ? [wider("lets those who brought the work approve its acts")] : []),
    ...(after?.separation && before && !before.separation ? [narrower("no longer lets those who brought the work approve its acts")] : []),
  ];
}

/** From the narrowest to the widest. */
const SCOPES = ["ticket", "person", "channel", "agent", "workspace"] as const;
const USUAL_MEMORY = { scope: "channel", retention: 90 * 86_400_000 } as const;

function memorySaid(before: NonNullable<Agent["memory"]> = USUAL_MEMORY, after: NonNullable<Agent["memory"]> = USUAL_MEMORY): Said[] {
  const scope = SCOPES.indexOf(after.scope) - SCOPES.indexOf(before.scope);
  const said = compareMembers<typeof after>({ scope: elsewhere, retention: elsewhere }, before, after);
  return [
    ...(scope === 0 ? [] : [[scope > 0 ? "wider" : "narrower", `remembers across its ${after.scope}, was its ${before.scope}`] as const]),
    ...(after.retention === before.retention
      ? []
      : [
          [
            after.retention > before.retention ? "wider" : "narrower",
            `keeps what it remembers for ${lengthOf(after.retention)}, was ${lengthOf(before.retention)}`,
          ] as const,
        ]),
    ...said,
  ];
}

const providersOf = (models: Agent["models"]): string[] => {
  const { default: usual, routes = [], tiers = {}, fallbacks = [] } = models ?? {};
  const all = [usual, ...routes.map(({ model }) => model), tiers.fast, tiers.strong, ...fallbacks].filter((model) => model !== undefined);
  return [...new Set(all.map((model) => model.split(":")[0]!))];
};

function modelsSaid(before: Agent["models"], after: Agent["models"]): Said[] {
  const { gained } = moved(providersOf(before), providersOf(after));
  if (gained.length > 0) return [wider(`sends its texts to the provider ${named(gained)}`)];
  const more = (after?.maxOutputTokens ?? 0) > (before?.maxOutputTokens ?? Number.POSITIVE_INFINITY);
  return more
    ? [wider(`may write ${after!.maxOutputTokens} tokens at once, was ${before!.maxOutputTokens}`)]
    : [["same", "thinks with other models, or chooses among them otherwise"]];
}

const notesSaid = (_before: Agent["notes"], after: Agent["notes"] = []): Said[] => after.map((note) => ["same", note]);

const runnerSaid = (before: Agent["runner"], after: Agent["runner"]): Said[] => [
  after === "command"
    ? wider("starts a program")
    : before === "command"
      ? narrower("starts no program any more")
      : after === "rules"
        ? narrower("goes by rules, without a model")
        : before === "rules"
          ? wider("thinks with a model; it went by rules")
          : ["same", `thinks as ${after} says`],
];

const RULES: MemberRules<Agent> = {
  name: elsewhere,
  source: (before, after) => [["same", `stands in ${after}, was ${before}`]],
  notes: notesSaid,
  openLoop: elsewhere, // its tools are said by the names that they have here
  description: neutral("description"),
  instructions: () => [["same", "has other instructions"]],
  handles: neutral("choice of tickets that it handles"),
  procedure: neutral("procedure"),
  tools: elsewhere,
  budget: elsewhere,
  runner: runnerSaid,
  command: commandSaid,
  models: modelsSaid,
  approvals: approvalsSaid,
  memory: memorySaid,
  surfaces: surfacesSaid,
  handoffs: listOf("may now hand its work over to", "may no longer hand its work over to"),
  delegates: listOf("may now give work to", "may no longer give work to"),
  maxTurns: limitOf((turns) => `may think for ${turns} turns a run`, "thinks as long as loop.yaml lets it"),
  concurrency: limitOf((runs) => `may have ${runs} runs moving at once`, "may have any number of runs moving at once"),
};
