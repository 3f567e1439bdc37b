import { join } from "node:path";
import { writeFiles } from "#src/testing/workspace-files.ts";
import type { TrialDatabase } from "./cluster.ts";
import { openServer, type Server } from "./server.ts";
import { until } from "./wait.ts";
import type { World } from "./world.ts";

export const HEADER = "apiVersion: loopwright.dev/v1";

/** A server on a workspace of these files, with a database of the cluster. */
export async function serverWith(
  world: World,
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Server & { readonly database: TrialDatabase }> {
  const folder = join(world.folder, "tools-workspace");
  await writeFiles(folder, Object.entries({ "loop.yaml": `${HEADER}\nkind: Workspace\nname: tools\n`, ...files }));
  const database = await world.database();
  const server = await openServer(world, {
    name: "tools",
    home: join(world.folder, "tools-home"),
    databaseUrl: database.url,
    env: { ...env, LOOP_WORKSPACE: folder },
  });
  return { ...server, database };
}

interface Called {
  readonly id: string;
  readonly state: string;
  readonly askId: string | null;
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const RESTS = new Set(["done", "failed", "denied", "cancelled", "asked", "unknown"]);

/** Calls a tool by name, and waits until its act rests; undefined: it was not taken, or does not rest. */
export async function callTool(server: Server, name: string, args: object): Promise<Called | undefined> {
  const reply = await server.call(`POST /v1/tools/${name}/call`, { body: { args } });
  return reply?.status === 202 ? restOf(server, String(reply.body["id"])) : undefined;
}

export async function restOf(server: Server, runId: string): Promise<Called | undefined> {
  let act: Called | undefined;
  await until(
    async () => {
      const acts = (await server.call(`GET /v1/runs/${runId}`))?.body["acts"] as Called[];
      act = acts.at(-1);
      return act !== undefined && RESTS.has(act.state);
    },
    { limitMs: 30_000 },
  );
  return act && RESTS.has(act.state) ? { ...act, id: runId } : undefined;
}

interface Tool {
  readonly name: string;
  readonly state: string;
  readonly why: string | null;
}

export const toolNamed = async (server: Server, name: string): Promise<Tool | undefined> =>
  (await server.list<Tool>("/v1/tools", "tools")).find((tool) => tool.name === name);

export const isOn = (server: Server, name: string, limitMs = 30_000): Promise<boolean> =>
  until(async () => (await toolNamed(server, name))?.state === "on", { limitMs });
