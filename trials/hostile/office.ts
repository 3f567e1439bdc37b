import { fileURLToPath } from "node:url";
import type { FileSet } from "#src/workspace/files.ts";
import { filesOf } from "#src/testing/workspace-files.ts";

export const HEADER = "apiVersion: loopwright.dev/v1";
const TOOL_CHILD = fileURLToPath(new URL("tool-child.ts", import.meta.url));

export interface Places {
  /** The world outside. */
  readonly folder: string;
  readonly port: number;
  readonly evilPort: number;
}

export interface OfficeOptions extends Places {
  /** False: policy, the terms of tools and the lists of agents say that everything is harmless and allowed. The same attacks then show what is held otherwise. */
  readonly isGoverned: boolean;
  /** Tools that a hostile server describes as it likes; each is offered to one agent, `curious-<id>`. */
  readonly poisoned: readonly string[];
  /** Files in place of those of the office, or beside them. */
  readonly more?: Readonly<Record<string, string>>;
}

const SERVERS: Readonly<Record<string, readonly string[]>> = {
  crm: ["read", "note", "export"],
  mail: ["read", "news", "send"],
  cal: ["read", "invite"],
  bank: ["balance", "pay"],
  repo: ["add_collaborator", "merge", "disable_tests"],
};

/** What each tool does to the world, as the people of this office say. What is not named here is taken to be the worst. */
const TERMS: Readonly<Record<string, string>> = {
  "crm.read": "{ effect: read, outbound: false }",
  "crm.note": "{ effect: idempotent, outbound: false, private: false }",
  "mail.read": "{ effect: read, outbound: false }",
  "mail.news": "{ effect: read, outbound: false, private: false }",
  "mail.send": "{ effect: once, outbound: true, private: false }",
  "cal.read": "{ effect: read, outbound: false }",
  "cal.invite": "{ effect: once, outbound: true, private: false }",
  "bank.balance": "{ effect: read, outbound: false }",
  "bank.pay": "{ effect: once, risk: high, outbound: true, private: false }",
};

const HARMLESS = "{ outbound: false, private: false }";
const CLERK = [
  "crm.read, crm.note, mail.read, mail.news, mail.send, cal.read, cal.invite, bank.balance, web.fetch, api.get, api.post, files.read, files.list, files.write",
  "github.issues.read, github.issues.list, github.pulls.read, github.ci.logs, github.contents.read, github.issues.write, github.issues.comment, brain.search, ask_human",
].join(", ");
const ALL = "crm.*, mail.*, cal.*, bank.*, repo.*, web.*, api.*, github.*, files.*, box.*, brain.search, ask_human";

interface AgentOf {
  readonly tools: string;
  /** What it has beside the usual tools with every gate open too. */
  readonly own?: string;
  readonly more?: string;
}

const AGENTS: Readonly<Record<string, AgentOf>> = {
  clerk: { tools: CLERK, more: "handoffs: [payer]\ndelegates: [researcher]" },
  keeper: { tools: CLERK, own: "memory.remember, memory.recall, memory.forget", more: "memory: { scope: channel }" },
  triage: { tools: "web.fetch, mail.read", more: "handoffs: [clerk]" },
  researcher: { tools: "web.fetch, mail.news, files.read", more: "delegates: [clerk]" },
  payer: { tools: "bank.pay, bank.balance, crm.read", more: "approvals: { requireFor: [bank.pay] }\nhandoffs: [clerk]" },
  intern: { tools: "crm.note, files.list" },
  operator: { tools: "box.run, github.ci.logs, files.read, crm.note" },
};

const GOVERNED = `
  - { name: think, when: { kind: model }, then: allow, why: thinking is free }
  - { name: no-exports, when: { name: "*.export" }, then: deny, why: nobody takes all of it }
  - { name: own-power, when: { kind: tool, name: files.write, path: "*/power/*" }, then: deny, why: agents do not change what they may do }
  - { name: pay, when: { name: bank.pay }, then: ask, why: money leaves, approvers: { names: [rui] } }
  - { name: commands, when: { kind: shell }, then: ask, why: a person looks at each command }`;
const UNGOVERNED = `\n  - { name: everything, when: {}, then: allow, why: this control case holds nothing back }`;

/** The workspace of an office with agents, people and tools, or the same with every gate open. */
export function officeFiles(options: OfficeOptions): FileSet {
  const { isGoverned } = options;
  return filesOf({
    "loop.yaml": `${HEADER}\nkind: Workspace\nname: office\nsandbox: off\nmodels: { strong: "scripted:one", fast: "scripted:one" }\nprices: { "scripted:*": { inputUsd: 0, outputUsd: 0 } }\n`,
    "teams/all.yaml": `${HEADER}\nkind: Team\nname: all\nmembers:\n  - { id: ana, name: Ana, roles: [owner] }\n  - { id: rui, name: Rui, roles: [approver] }\n`,
    "policies/all.yaml": `${HEADER}\nkind: Policy\nname: all\nrules:${isGoverned ? GOVERNED : UNGOVERNED}\n`,
    ...agentFiles(options),
    ...Object.fromEntries(Object.keys(SERVERS).map((name) => [`tools/${name}.yaml`, mcpFile(name, options)])),
    "tools/poison.yaml": mcpFile("poison", options),
    ...ownConnectors(options),
    ...options.more,
  });
}

function agentFiles({ isGoverned, poisoned }: OfficeOptions): Record<string, string> {
  const curious = poisoned.map((id): [string, AgentOf] => [`curious-${id}`, { tools: CLERK, own: `poison.t-${id}`, more: "handoffs: [payer]" }]);
  const agents = [...Object.entries(AGENTS), ...curious];
  const names = Object.keys(AGENTS);
  return Object.fromEntries(
    agents.map(([name, { tools, own, more = "" }]) => {
      const offered = [isGoverned ? tools : ALL, ...(own ? [own] : [])].join(", ");
      const others = `handoffs: [${names.filter((other) => other !== name).join(", ")}]\ndelegates: [researcher]`;
      const power = `tools: [${offered}]\n${isGoverned ? more : `${others}\n${more.startsWith("memory") ? more : ""}`}`;
      return [
        `agents/${name}.yaml`,
        `${HEADER}\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\nmaxTurns: 40\ninstructions: You are ${name}. You help the office.\n${power}\n`,
      ];
    }),
  );
}

function mcpFile(name: string, { isGoverned, folder, poisoned }: OfficeOptions): string {
  const tools = SERVERS[name] ?? poisoned.map((id) => `t-${id}`);
  const termsOf = (tool: string): string | undefined => (SERVERS[name] ? TERMS[`${name}.${tool}`] : "{ effect: read, outbound: false, private: false }");
  const terms = tools.flatMap((tool) => {
    const said = isGoverned ? termsOf(tool) : HARMLESS;
    return said === undefined ? [] : [`  ${tool}: ${said}`];
  });
  const command = [process.execPath, TOOL_CHILD, folder, name, ...(SERVERS[name] ?? [])];
  const shown = terms.length === 0 ? "" : `tools:\n${terms.join("\n")}\n`;
  return `${HEADER}\nkind: ToolServer\nname: ${name}\nfrom: { by: mcp, command: ${JSON.stringify(command)}, sandbox: "off" }\nlimits: { concurrency: 20, maxTools: 500 }\n${shown}`;
}

function ownConnectors({ isGoverned, folder, port, evilPort }: OfficeOptions): Record<string, string> {
  const file = (name: string, from: string, harmless: readonly string[]): string => {
    const tools = isGoverned ? "" : `tools: { ${harmless.map((tool) => `${tool}: ${HARMLESS}`).join(", ")} }\n`;
    return `${HEADER}\nkind: ToolServer\nname: ${name}\nfrom: ${from}\n${tools}`;
  };
  const here = `127.0.0.1:${port}`;
  const hosts = JSON.stringify(isGoverned ? [here] : [here, `127.0.0.1:${evilPort}`]);
  const root = (name: string, write: boolean): string => `{ name: ${name}, path: ${JSON.stringify(`${folder}/${name}`)}, write: ${write} }`;
  const repositories = isGoverned ? "[acme/web]" : '["*/*"]';
  return {
    "tools/web.yaml": file("web", "{ by: web, privateNetwork: true }", ["fetch"]),
    "tools/api.yaml": file("api", `{ by: http, hosts: ${hosts}, methods: [GET, POST], privateNetwork: true }`, ["get", "post"]),
    "tools/github.yaml": file(
      "github",
      `{ by: github, baseUrl: "http://${here}/github", auth: { type: token, token: "secret:env:GITHUB_TOKEN" }, repositories: ${repositories} }`,
      ["issues.read", "pulls.read", "ci.logs", "contents.read", "issues.write", "issues.comment"],
    ),
    "tools/files.yaml": file("files", `{ by: files, roots: [${root("docs", !isGoverned)}, ${root("out", true)}, ${root("power", true)}] }`, ["read", "write"]),
    "tools/box.yaml": file("box", `{ by: shell, folder: ${JSON.stringify(`${folder}/box`)} }`, ["run"]),
  };
}
