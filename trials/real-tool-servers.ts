import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Case, judged } from "./harness/case.ts";
import { realToolServers } from "./harness/needs.ts";
import { textOf } from "./harness/text.ts";
import { callTool, HEADER, isOn, restOf, serverWith } from "./harness/tool-world.ts";

/** With the node of the system: a checkout below /tmp or /var/tmp is not seen from the sandbox. */
const programOf = (name: string): string => JSON.stringify(["node", join(realToolServers(), `server-${name}`, "dist", "index.js")]).slice(1, -1);

const filesOf = (folder: string) => ({
  "agents/clerk.yaml": `${HEADER}
kind: Agent
name: clerk
runner: rules
tools: [docs.list_directory, docs.read_text_file, docs.write_file, every.echo]
approvals: { requireFor: [docs.write_file] }
`,
  "tools/docs.yaml": `${HEADER}
kind: ToolServer
name: docs
from: { by: mcp, command: [${programOf("filesystem")}, ${JSON.stringify(folder)}], sandbox: "on", folder: ${JSON.stringify(folder)}, writable: [${JSON.stringify(folder)}] }
tools:
  list_directory: { effect: read, risk: low, outbound: false }
  read_text_file: { effect: read, risk: low, outbound: false }
  write_file: { effect: idempotent, risk: medium, outbound: false, private: false }
`,
  "tools/every.yaml": `${HEADER}
kind: ToolServer
name: every
from: { by: mcp, command: [${programOf("everything")}], sandbox: "on", folder: / }
tools: { echo: { effect: read, risk: low, outbound: false, private: false } }
`,
});

export const realServers: Case = {
  id: "real-tools",
  title:
    "server-filesystem and server-everything in the sandbox, under policy: reads are allowed, a write waits for an approval and happens once, what is outside stays outside",
  needs: ["bwrap", "real tool servers"],
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const folder = join(await realpath(world.folder), "documents");
    await mkdir(folder);
    await writeFile(join(folder, "a.txt"), "the text of a");
    await writeFile(join(await realpath(world.folder), "secret.txt"), "not for tools");
    const server = await serverWith(world, filesOf(folder));
    const ready = (await isOn(server, "docs.write_file")) && (await isOn(server, "every.echo"));
    const listed = await callTool(server, "docs.list_directory", { path: folder });
    const read = await callTool(server, "docs.read_text_file", { path: join(folder, "a.txt") });
    const outside = await callTool(server, "docs.read_text_file", { path: join(world.folder, "secret.txt") });
    const echoed = await callTool(server, "every.echo", { message: "hello" });
    const wrong = await callTool(server, "every.echo", { massage: "hello" });
    const unlisted = await server.call("POST /v1/tools/docs.move_file/call", { body: { args: {}, agent: "clerk" } });
    const denied = unlisted?.status === 202 ? await restOf(server, String(unlisted.body["id"])) : undefined;
    const file = join(folder, "b.txt");
    const write = await callTool(server, "docs.write_file", { path: file, content: "written once" });
    const before = await readFile(file, "utf8").catch(() => null);
    await server.call(`POST /v1/asks/${write?.askId}/answer`, { body: { answer: "approve" } });
    await restAfterAnswer(server, write?.id ?? "");
    const after = await readFile(file, "utf8").catch(() => null);
    const seen = [listed, read, outside, echoed, wrong, denied, write].filter((one) => one !== undefined).length;
    return judged({
      reached: seen,
      wanted: 7,
      figure: `${seen} calls; the write: ${textOf(write?.state)}, then ${after === null ? "nothing" : JSON.stringify(after)}`,
      conditions: {
        "both start": ready,
        "reads are allowed":
          textOf(listed?.result).includes("a.txt") && textOf(read?.result).includes("the text of a") && textOf(echoed?.result).includes("hello"),
        "what is outside stays outside": !textOf(outside?.result).includes("not for tools"),
        "wrong arguments are denied before the server sees them": wrong?.state === "denied" && wrong.error?.code === "denied_by_arguments",
        "what the agent is not offered is denied": denied?.state === "denied",
        "the write waits for a person": write?.state === "asked" && before === null,
        "the approved write happened": after === "written once",
      },
    });
  },
};

async function restAfterAnswer(server: Parameters<typeof restOf>[0], runId: string): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    if ((await restOf(server, runId))?.state !== "asked") return;
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
}
