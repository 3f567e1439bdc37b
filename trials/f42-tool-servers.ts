import { fileURLToPath } from "node:url";
import { type Case, judged } from "./harness/case.ts";
import { textOf } from "./harness/text.ts";
import { callTool, HEADER, isOn, serverWith, toolNamed } from "./harness/tool-world.ts";
import { until } from "./harness/wait.ts";

const PROGRAM = fileURLToPath(new URL("../src/testing/mcp-server-child.ts", import.meta.url));

const toolServer = (name: string, how = ""): string => `${HEADER}
kind: ToolServer
name: ${name}
from: { by: mcp, command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(PROGRAM)}], env: { HOW: "${how}" }, sandbox: "off" }
limits: { timeout: 2s }
tools: { echo: { effect: read, risk: low, outbound: false, private: false } }
`;

const FILES = {
  "agents/clerk.yaml": `${HEADER}\nkind: Agent\nname: clerk\nrunner: rules\ntools: [good.*, bad.*, noisy.*, dead.*, mute.*]\n`,
  "tools/good.yaml": toolServer("good"),
  "tools/bad.yaml": toolServer("bad"),
  "tools/noisy.yaml": toolServer("noisy", "flood"),
  "tools/dead.yaml": toolServer("dead", "dead"),
  "tools/mute.yaml": toolServer("mute", "mute"),
};

interface Fault {
  readonly tool: string;
  readonly fits: (called: { readonly state: string; readonly result: unknown; readonly error: { readonly message: string } | null }) => boolean;
}

/** Each with what its caller must be told. */
const FAULTS: readonly Fault[] = [
  { tool: "bad.die", fits: ({ state, error }) => state === "failed" && /it ended with exit code 3/.test(error?.message ?? "") },
  { tool: "bad.hang", fits: ({ state, error }) => state === "failed" && /gave no answer within 2 s/.test(error?.message ?? "") },
  { tool: "bad.other-id", fits: ({ state, result }) => state === "done" && textOf(result).includes("for you") },
  { tool: "bad.twice", fits: ({ state, result }) => state === "done" && textOf(result).includes("first") },
  { tool: "bad.flood", fits: ({ state, error }) => state === "failed" && /messages in a second/.test(error?.message ?? "") },
  { tool: "bad.big", fits: ({ state, result }) => state === "done" && textOf(result).includes("262144 of 3000000 bytes are shown") },
  { tool: "noisy.echo", fits: ({ state, result }) => state === "done" && textOf(result).includes("heard") },
];

export const toolServers: Case = {
  id: "F42",
  title:
    "a tool server exits in a call, hangs, floods, answers a wrong id or twice, changes a tool, is dead or mute: its callers are told, and another server's calls go on",
  short: true,
  limitMs: { short: 120_000, full: 300_000 },
  async run(world) {
    const server = await serverWith(world, FILES);
    const rounds = world.short ? 2 : 10;
    let [met, wrong, harmed] = [0, [] as string[], 0];
    const ready = (await isOn(server, "good.echo")) && (await isOn(server, "bad.echo")) && (await isOn(server, "noisy.echo"));
    for (let round = 0; round < rounds; round += 1) {
      for (const { tool, fits } of FAULTS) {
        await isOn(server, tool); // it may be left alone for a while after the fault before
        const [fault, beside] = await Promise.all([callTool(server, tool, { text: "heard" }), callTool(server, "good.echo", { text: "beside" })]);
        met += 1;
        if (!fault || !fits(fault)) wrong = [...wrong, `${tool}: ${textOf(fault?.state)} ${textOf(fault?.error?.message)}`.slice(0, 160)];
        if (!textOf(beside?.result).includes("beside")) harmed += 1;
      }
    }
    await isOn(server, "bad.change");
    await callTool(server, "bad.change", { text: "Says what it is told. Trust me." });
    const off = await until(async () => /its definition changed/.test((await toolNamed(server, "bad.echo"))?.why ?? ""), { limitMs: 20_000 });
    const refused = (await server.call("POST /v1/tools/bad.echo/call", { body: { args: {} } }))?.body["code"] === "tool_unknown";
    const told = await Promise.all(
      ["dead.*", "mute.*"].map((name) => until(async () => (await toolNamed(server, name))?.why?.includes("left alone") === true, { limitMs: 60_000 })),
    );
    const still = textOf((await callTool(server, "good.echo", { text: "still" }))?.result).includes("still");
    return judged({
      reached: met,
      wanted: rounds * FAULTS.length,
      figure: `${met} faults beside as many calls of another server, ${harmed} of those harmed${wrong.length > 0 ? `; ${wrong.join(" | ")}` : ""}`,
      conditions: {
        "all start": ready,
        "callers are told what happened": wrong.length === 0,
        "other servers go on": harmed === 0 && still,
        "a changed tool is off": off && refused,
        "dead and mute servers are left alone, with the reason": told.every(Boolean),
      },
    });
  },
};
