import { z } from "zod";
import { agentManifest } from "./agent.ts";
import { budgetManifest, policyManifest, teamManifest } from "./governance.ts";
import { entityFile, historyFile, skillMetadata } from "./knowledge.ts";
import { openLoopAgent } from "./openloop.ts";
import { modelProviderManifest } from "./provider.ts";
import { serviceManifest } from "./service.ts";
import { toolServerManifest } from "./tools.ts";
import { triggerManifest } from "./trigger.ts";
import { workspaceManifest } from "./workspace.ts";

interface Kind {
  readonly schema: z.ZodType;
  /** Where such files stand. */
  readonly files: string;
  readonly about: string;
  /** What the members are for; what a name says by itself has no words here. */
  readonly members: Readonly<Record<string, string>>;
}

/** Every kind of YAML file in a workspace, by the name that it bears under `kind`. */
export const KINDS: Readonly<Record<string, Kind>> = {
  Workspace: {
    schema: workspaceManifest,
    files: "loop.yaml",
    about: "The workspace itself, and what its agents inherit.",
    members: {
      subject: "The label that says what a ticket is about; its values are the ids of the entities of that kind.",
      models: "Models as provider:model, for quick work, for hard work, and to be tried when one fails.",
      prices: "Prices that the shipped table lacks or has wrong: dollars for one million tokens.",
      providers: "Where models are; keys are named, as secret:name, and never written here.",
      sandbox: "off runs sensors and commands of checks without a sandbox, and every receipt says so.",
      pulse: "How often a sensor runs that does not say so itself, and how many run at once.",
      workers: "How many programs may run at once, and after which silence one counts as stuck.",
      defaults: "What holds where an agent says nothing of its own.",
    },
  },
  Agent: {
    schema: agentManifest,
    files: "agents/*.yaml",
    about: "A doer: how it thinks, what it is told, which tools it may call, whom it asks, what it may spend and remember.",
    members: {
      runner: "model thinks with a model, rules without one; auto takes a model where the workspace has one; command starts a program.",
      command: "The program that it starts: claude, codex, pi, opencode, gemini or custom, where, with what in its environment, and what that may write.",
      procedure: "desk understands a message and dispatches it; chat thinks, calls tools and answers.",
      instructions: "What it is told, before everything else.",
      handles: "Tickets whose labels have all of these come here first.",
      surfaces: "Where people reach it; left out: wherever a message is routed to it.",
      models: "Which model thinks about which task; fallbacks in order.",
      tools: "The tools that it may call, and no others: github.issues.read, or all of a server as github.*.",
      approvals: "Acts that a person must approve, who that is, and how many. It can only be stricter than policy.",
      budget: "What it may spend, in dollars.",
      memory: "Across what it remembers, and for how long.",
      handoffs: "Agents that may take a run over from it.",
      delegates: "Agents that it may give a part of the work to, with no more authority than it has itself.",
      maxTurns: "How often it may think in one run.",
      concurrency: "Runs of it that may be moving at the same time.",
    },
  },
  Policy: {
    schema: policyManifest,
    files: "policies/*.yaml",
    about: "Rules over acts. Deny beats ask beats allow, and what no rule allows is denied.",
    members: {
      rules: "All conditions under `when` must hold; of several values one is enough. Where a rule asks, `approvers`, `quorum` and `expiry` say how.",
    },
  },
  Budget: {
    schema: budgetManifest,
    files: "budgets/*.yaml",
    about: "A cap on money or tokens over a scope and a period.",
    members: {
      scope: "The workspace, an agent, a label, or each ticket, run or agent by itself.",
      capUsd: "Dollars; capTokens is the same in tokens.",
      onReach: "block refuses the call, warn lets it through and marks it.",
    },
  },
  Team: {
    schema: teamManifest,
    files: "teams/*.yaml",
    about: "People, with their roles, what they look after, and where they are reached.",
    members: { members: "Roles are owner, admin, approver, operator, viewer, agent and worker. `identities` say as whom they write on a surface." },
  },
  ToolServer: {
    schema: toolServerManifest,
    files: "tools/*.yaml",
    about: "Where tools come from. Their names are <name>.<tool>.",
    members: {
      from: "An MCP server, GitHub, HTTP, files, a shell, or the web.",
      tools: "What each tool does to the world; what is left out is taken to be the worst.",
      pins: "Digests of definitions that tools must have; a tool with another one is off.",
      limits: "Bounds on its calls.",
    },
  },
  Service: {
    schema: serviceManifest,
    files: "services/*.yaml",
    about: "A typed HTTP endpoint, served by one agent or by several that hand over to each other.",
    members: { path: "Where it answers besides /v1/services/<name>.", input: "JSON Schema of what comes in.", output: "JSON Schema of what goes out." },
  },
  Trigger: {
    schema: triggerManifest,
    files: "triggers/*.yaml",
    about: "What starts an agent, and with which task.",
    members: { task: "The kind of task; models are chosen by it.", on: "A message that fits all that is given, or a moment." },
  },
  ModelProvider: {
    schema: modelProviderManifest,
    files: "models/*.yaml",
    about: "Where models are, in a file of its own.",
    members: {
      wire: "How it is spoken to.",
      baseUrl: "Where, if not at the usual address.",
      apiKey: "The name of a secret, such as secret:env:OPENAI_API_KEY.",
    },
  },
  Skill: {
    schema: skillMetadata,
    files: "skills/*/skill.yaml",
    about: "What a skill is for, what it may cost, and whom it asks; its text stands in SKILL.md.",
    members: {},
  },
  History: { schema: historyFile, files: "brain/history/*.yaml", about: "Cases that were closed.", members: {} },
  Entities: { schema: entityFile, files: "brain/entities/*.yaml", about: "What the workspace deals with: vendors, properties, shops.", members: {} },
  OpenLoopAgent: {
    schema: openLoopAgent,
    files: "agents/*.yaml",
    about: "An Agent file of OpenLoop (openloop.ai/v1alpha1), read unchanged.",
    members: {
      metadata: "Its name, and the workspace that it was made for.",
      spec: "Surfaces, memory, models, tools, approvals and budget, in the words of OpenLoop.",
    },
  },
};

/** `tool-server` for ToolServer: how schemas are named in files. */
export const fileNameOf = (kind: string): string => `${kind.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}.json`;

/** The JSON Schema (2020-12) of what a person writes in a file of this kind; undefined for a kind that there is not. */
export function jsonSchemaOf(kind: string): { readonly [member: string]: unknown } | undefined {
  if (!Object.hasOwn(KINDS, kind)) return undefined;
  const { schema, about, files, members } = KINDS[kind]!;
  const made = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as { readonly properties?: Readonly<Record<string, object>> };
  const properties = Object.entries(made.properties ?? {}).map(([name, of]) => [
    name,
    Object.hasOwn(members, name) ? { description: members[name], ...of } : of,
  ]);
  return { ...made, title: kind, description: `${about} (${files})`, properties: Object.fromEntries(properties) };
}
