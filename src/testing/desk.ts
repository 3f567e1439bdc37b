import { join } from "node:path";
import { parse, stringify } from "yaml";
import { itemsOf } from "#src/brain/workspace-items.ts";
import { reindex } from "#src/brain/reindex.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { type Received, receiveText } from "#src/intake/receive.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Engine } from "#src/runs/engine.ts";
import { listFolder } from "#src/workspace/folder.ts";
import { testEngine } from "./engine.ts";

export const WORKSPACES_FOLDER = join(import.meta.dirname, "..", "..", "workspaces");

const withMore = (text: Uint8Array, more: object): Uint8Array => Buffer.from(stringify({ ...(parse(Buffer.from(text).toString()) as object), ...more }));

/** An engine with one of the sample workspaces in force and in the brain; `manifest` is merged over its loop.yaml. */
export async function deskEngine(parts: {
  db: Db;
  clock: Clock;
  workspace: string;
  surfaces: readonly MessagePort[];
  model?: ModelPort;
  manifest?: object;
}): Promise<Engine> {
  const { files } = await listFolder(join(WORKSPACES_FOLDER, parts.workspace));
  const engine = await testEngine({ ...parts, files: new Map([...files, ["loop.yaml", withMore(files.get("loop.yaml")!, parts.manifest ?? {})]]) });
  const { workspace } = await engine.workspaces.current();
  await inTransaction(parts.db, (tx) => reindex(tx, itemsOf(workspace)));
  return engine;
}

/** Brings a message from somebody outside. */
export function receive(
  engine: Engine,
  message: {
    readonly sender: string;
    readonly text: string;
    readonly language?: string;
    readonly labels?: Record<string, string>;
    readonly externalId?: string;
  },
): Promise<Received> {
  const { db, clock, workspaces, tiers } = engine;
  return receiveText(
    { db, clock, workspaces, tiers, mayTake: () => true, whoIs: () => Promise.resolve(undefined) },
    { provider: "test", surface: "outbox", ...message },
  );
}
