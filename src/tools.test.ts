import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startServer, temporaryHome } from "#src/testing/server.ts";

const CHILD = join(import.meta.dirname, "testing/mcp-server-child.ts");

const toolServer = (name: string): string =>
  `apiVersion: loopwright.dev/v1
kind: ToolServer
name: ${name}
from: { by: mcp, command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(CHILD)}], sandbox: "off" }
`;

test("a tool server is asked at the start and after an apply, before anybody calls one of its tools", async (t) => {
  const home = await temporaryHome(t);
  await mkdir(join(home, "workspace/tools"), { recursive: true });
  await writeFile(join(home, "workspace/tools/first.yaml"), toolServer("first"));
  const server = await startServer(t, home);
  const first = await server.until("tool.pinned", ({ server: name }) => name === "first");
  assert.ok(Object.hasOwn(first["tools"] as object, "echo"));

  await writeFile(join(home, "workspace/tools/second.yaml"), toolServer("second"));
  const applied = await server.call("POST /v1/workspace/apply", { note: "one more", yes: true });
  assert.equal(applied.status, 200, JSON.stringify(applied.body));
  const second = await server.until("tool.pinned", ({ server: name }) => name === "second");
  assert.deepEqual(Object.keys(second["tools"] as object).toSorted(), Object.keys(first["tools"] as object).toSorted());
});
