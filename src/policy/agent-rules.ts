import type { PolicyRule } from "#src/workspace/manifest/governance.ts";
import type { Agent } from "#src/workspace/model.ts";

type AgentPower = Pick<Agent, "name" | "tools" | "approvals" | "source">;

/** What the file of an agent says as rules: to be offered a tool is to be allowed it, and `approvals` asks before some. Policy can be stricter than both. */
export function agentRules({ name, tools, approvals, source }: AgentPower): PolicyRule[] {
  const offered: PolicyRule = {
    name: `${name}:tools`,
    when: { agent: [name], kind: ["tool"], name: tools },
    then: "allow",
    why: `${source} offers it to ${name}`,
    quorum: 1,
    expiry: [],
  };
  return [...(tools.length === 0 ? [] : [offered]), ...(approvals ? [asking({ name, approvals, source })] : [])];
}

function asking({ name, approvals, source }: Pick<AgentPower, "name" | "source"> & { approvals: NonNullable<AgentPower["approvals"]> }): PolicyRule {
  const { requireFor, approvers, quorum, expiry } = approvals;
  return {
    name: `${name}:approvals`,
    when: { agent: [name], name: requireFor },
    then: "ask",
    why: `${source} requires an approval for it`,
    ...(approvers === undefined ? {} : { approvers }),
    quorum,
    expiry,
  };
}

/** Whether the file of an agent offers it a tool. A name that ends with `.*` stands for every tool below it. */
export function offers({ tools }: Pick<Agent, "tools">, name: string): boolean {
  return tools.some((pattern) => (pattern.endsWith(".*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}
