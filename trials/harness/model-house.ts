import { sql } from "kysely";
import { createModelPort, type ModelPortOptions } from "#src/adapters/model-aisdk/model-port.ts";
import { createNotifier } from "#src/database/notify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { startPulse } from "#src/pulse/pulse.ts";
import { startFleet } from "#src/runs/fleet.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import type { TrialDatabase } from "./cluster.ts";
import { putInForce, queueRuns, trialEngine } from "./trial-engine.ts";
import { until } from "./wait.ts";
import type { World } from "./world.ts";

export const HEADER = "apiVersion: loopwright.dev/v1";

/** A provider of each wire at the same address; the agent's models are the caller's. Prices: $1 a million tokens in, $2 out. */
export function modelFiles(url: string, more: { models: string; prices?: string; files?: Readonly<Record<string, string>> }): ReturnType<typeof chatWorkspace> {
  return chatWorkspace({
    "loop.yaml": `${HEADER}
kind: Workspace
name: chats
models: ${more.models}
providers:
  one: { wire: openai-compatible, baseUrl: "${url}" }
  two: { wire: anthropic, baseUrl: "${url}", apiKey: secret:fake }
prices: ${more.prices ?? '{ "one:*": { inputUsd: 1, outputUsd: 2 }, "two:*": { inputUsd: 1, outputUsd: 2 } }'}
`,
    ...more.files,
  });
}

export interface ModelHouse {
  readonly database: TrialDatabase;
  queue(texts: readonly string[]): Promise<string[]>;
  /** True when no run is open any more. */
  allEnded(limitMs: number): Promise<boolean>;
}

/** An engine in this process with the real adapter, at work over a database of its own. */
export async function openModelHouse(world: World, files: ReturnType<typeof chatWorkspace>, limits: Partial<ModelPortOptions> = {}): Promise<ModelHouse> {
  const database = await world.database({ poolSize: 12 });
  const { db, url } = database;
  await putInForce(db, files);
  let providers: ReturnType<ModelPortOptions["providers"]> = {};
  const model = createModelPort({
    providers: () => providers,
    secrets: () => Promise.resolve("sk-fake"),
    clock: systemClock,
    ...limits,
  });
  const engine = await trialEngine({ db, folder: world.folder, name: "house", model });
  providers = (await engine.workspaces.current()).workspace.manifest.providers;
  const notifier = createNotifier({ db, url, log: silentLog });
  world.after(notifier.close);
  const fleet = startFleet(engine, {
    holder: "house",
    slots: 40,
    leaseMs: 10_000,
    pollMs: 200,
    graceMs: 2_000,
    changed: notifier.changed,
    mayClaim: () => true,
  });
  notifier.onChange(fleet.hint);
  world.after(fleet.stop);
  const pulse = startPulse({ db, url, clock: systemClock, log: silentLog, changed: notifier.changed, chores: [] });
  world.after(pulse.stop);
  return {
    database,
    async queue(texts) {
      const made = await queueRuns(db, texts);
      fleet.hint();
      return made;
    },
    allEnded: (limitMs) =>
      until(
        async () => {
          const { rows } = await sql<{ open: number }>`select count(*) as open from runs where ended_at is null`.execute(db);
          return rows[0]!.open === 0;
        },
        { limitMs, everyMs: 100 },
      ),
  };
}
