import type { PolicyRule } from "#src/workspace/manifest/governance.ts";
import { type Agent, approvalsRule, type Service } from "#src/workspace/model.ts";

type AgentPower = Pick<Agent, "name" | "tools" | "approvals" | "source" | "handoffs" | "delegates"> & Partial<Pick<Agent, "memory" | "command">>;

/** The act that starts a worker by a command that stands in no file. */
export const OWN_COMMAND = "worker.command";

/** Where a service hands over by itself, its file names from whom to whom. */
export function serviceRules({ name, source, handoffs }: Pick<Service, "name" | "source" | "handoffs">): PolicyRule[] {
  return handoffs.map(({ from, to }, index) => ({
    name: `${name}:handoff-${index + 1}`,
    when: { agent: [from], kind: ["handoff"], name: [`handoff.${to}`] },
    then: "allow",
    why: `${source} hands over from ${from} to ${to}`,
    quorum: 1,
    expiry: [],
  }));
}

/** What the file of an agent says as rules: to be offered a tool is to be allowed it, and `approvals` asks before some. Policy can be stricter than both. */
export function agentRules({ name, tools, approvals, memory, source, handoffs, delegates, command }: AgentPower): PolicyRule[] {
  const offered: PolicyRule = {
    name: `${name}:tools`,
    when: { agent: [name], kind: ["tool"], name: tools },
    then: "allow",
    why: `${source} offers it to ${name}`,
    quorum: 1,
    expiry: [],
  };
  const others = handoverNames({ handoffs, delegates });
  const given: PolicyRule = { ...offered, name: `${name}:handoffs`, when: { agent: [name], kind: ["handoff"], name: others }, why: `${source} names them` };
  const recalling = { ...offered, name: `${name}:memory`, when: { ...offered.when, name: ["memory.recall"] }, why: `${source} gives ${name} a memory` };
  const rules = [...(tools.length === 0 ? [] : [offered]), ...(others.length === 0 ? [] : [given]), ...(memory ? [recalling] : [])];
  if (command) rules.push(...commandRules({ name, source, command }));
  return [...rules, ...(approvals ? [asking({ name, approvals, source })] : [])];
}

/** To start what its file says is allowed. A command that somebody brings needs a person, unless a rule lifts this one. */
function commandRules({ name, source, command }: Pick<Agent, "name" | "source"> & { command: NonNullable<Agent["command"]> }): PolicyRule[] {
  const starts = { agent: [name], kind: ["worker" as const] };
  const usual = { quorum: 1, expiry: [] };
  return [
    {
      ...usual,
      name: `${name}:command`,
      when: { ...starts, name: [`worker.${command.preset}`] },
      then: "allow",
      why: `${source} says which command it starts`,
    },
    {
      ...usual,
      name: `${name}:own-command`,
      when: { ...starts, name: [OWN_COMMAND] },
      then: "ask",
      why: `the command stands in no file, ${source} says another`,
    },
    {
      ...usual,
      name: `${name}:verify`,
      when: { agent: [name], kind: ["check"], name: ["worker.verify"] },
      then: "allow",
      why: "what a worker did is checked in the sandbox",
    },
  ];
}

function asking({ name, approvals, source }: Pick<AgentPower, "name" | "source"> & { approvals: NonNullable<AgentPower["approvals"]> }): PolicyRule {
  const { requireFor, approvers, quorum, separation, expiry } = approvals;
  return {
    name: approvalsRule(name),
    when: { agent: [name], name: requireFor },
    then: "ask",
    why: `${source} requires an approval for it`,
    ...(approvers === undefined ? {} : { approvers }),
    quorum,
    ...(separation ? { separation } : {}),
    expiry,
  };
}

/** The acts by which an agent may hand its run over, or give parts of its work away. */
export const handoverNames = ({ handoffs, delegates }: Pick<Agent, "handoffs" | "delegates">): string[] => [
  ...handoffs.map((to) => `handoff.${to}`),
  ...delegates.map((to) => `delegate.${to}`),
];

/** Whether the file of an agent offers it a tool. A name that ends with `.*` stands for every tool below it. */
export function offers({ tools }: Pick<Agent, "tools">, name: string): boolean {
  return tools.some((pattern) => (pattern.endsWith(".*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}
