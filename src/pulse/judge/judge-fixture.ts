import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import { followFolder } from "#src/apply/follow-folder.ts";
import { holdFolder } from "#src/apply/held-folder.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Engine } from "#src/runs/engine.ts";
import { testDatabase, type TestDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { type HeldClock, heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { workersOf } from "#src/testing/worker-stage.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { readFolder } from "#src/workspace/load.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { createJudge, type Judge } from "./judge.ts";
import { loopTools } from "./tools.ts";

const HEADER = "apiVersion: loopwright.dev/v1";

export const JUDGE_FILES: Readonly<Record<string, string>> = {
  "loop.yaml": `${HEADER}\nkind: Workspace\nname: loop\njudge: inside\nmodels: { strong: "scripted:one", fast: "scripted:one" }\nprices: { "scripted:*": { inputUsd: 1, outputUsd: 2 } }\n`,
  "agents/root.yaml": `${HEADER}\nkind: Agent\nname: root\nrunner: model\nprocedure: chat\ninstructions: Keep it small.\ntools: [loop.*]\n`,
  "teams/all.yaml": `${HEADER}\nkind: Team\nname: all\nmembers:\n  - { id: ana, name: Ana, roles: [owner] }\n`,
  "policies/all.yaml": `${HEADER}\nkind: Policy\nname: all\nrules:\n  - { name: think, when: { kind: model }, then: allow, why: thinking is free }\n`,
  "PLAYBOOK.md": "Ship small.\n",
  "goals/stock.md": "# Flour for a week\n",
};

export interface JudgeHouse extends TestDatabase {
  readonly engine: Engine;
  readonly deps: LoopDeps;
  readonly judge: Judge;
  readonly clock: HeldClock;
  /** Looks after the judge, and moves what can move, until neither does anything. Gives how many decisions ended. */
  settle(): Promise<number>;
  reading(sensor: string, signal: Json, detail?: Json): Promise<void>;
  /** Payloads of the events of this kind, oldest first. */
  events(kind: string): Promise<Record<string, Json>[]>;
  /** All clocks. */
  pass(ms: number): Promise<void>;
  /** Files of direction, taken at once. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** Files of power. */
  apply(files: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void> | void;
}

/** A workspace whose judge is inside, in a folder of its own; nothing moves by itself. */
export async function judgeHouse(
  t: TestContext,
  model: ModelPort,
  { files = {}, port }: { readonly files?: Readonly<Record<string, string>>; readonly port?: WorkerPort } = {},
): Promise<JudgeHouse> {
  const database = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-judge-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const house = await judgeIn({ ...database, folder, clock: heldClock(), ...(port ? { port } : {}) }, model, { ...JUDGE_FILES, ...files });
  t.after(house.close);
  return house;
}

type Place = TestDatabase & { readonly folder: string; readonly clock: HeldClock; readonly port?: WorkerPort };

/** The same in a place that is there; what stands in its folder already stays. */
export async function judgeIn(place: Place, model: ModelPort, files: Readonly<Record<string, string>> = {}): Promise<JudgeHouse> {
  const { db, folder, clock, port } = place;
  await writeFiles(folder, Object.entries(files));
  const held = Promise.withResolvers<LoopDeps>();
  const engine = await testEngine({
    db,
    clock,
    files: await readFolder(folder),
    model,
    tools: loopTools(() => held.promise),
    ...(port ? { workers: workersOf({ db, folder, port }) } : {}),
  });
  const following = followFolder({ db, clock, log: silentLog, folder, tookEffect: () => Promise.resolve() });
  await following.look();
  const deps: LoopDeps = {
    ...engine,
    folder: holdFolder({ db, clock, folder, following, tookEffect: () => Promise.resolve() }),
    ...(port ? { workers: port } : {}),
  };
  held.resolve(deps);
  const judge = createJudge({ engine, changed: () => undefined });
  return {
    ...place,
    engine,
    deps,
    judge,
    close: following.stop,
    async settle() {
      for (let ended = 0; ; ended += 1) {
        await judge.beat();
        if ((await drain(engine)) === 0) return ended;
      }
    },
    ...recordOf(place),
    async write(more) {
      await writeFiles(folder, Object.entries(more));
      await following.look();
    },
    async apply(more) {
      await writeFiles(folder, Object.entries(more));
      const applied = await applyFolder(db, clock, {
        folder,
        define: () => Promise.reject(new Error("there is no code here")),
        author: "system",
        note: "test",
      });
      if (applied.kind === "problems") throw new Error(JSON.stringify(applied.problems));
    },
  };
}

const recordOf = ({ db, clock, advance }: Place): Pick<JudgeHouse, "reading" | "events" | "pass"> => ({
  async pass(ms) {
    clock.advance(ms);
    await advance(ms);
  },
  async reading(sensor, signal, detail = {}) {
    await sql`
      insert into sensor_readings (sensor, signal, detail, digest, program, failed, streak, ran_at, changed_at, took_ms)
      values (${sensor}, ${JSON.stringify(signal)}::jsonb, ${JSON.stringify(detail)}::jsonb, md5(${JSON.stringify(signal)}), 'p', false, 0, loop_now(), loop_now(), 3)
      on conflict (sensor) do update set signal = excluded.signal, detail = excluded.detail, digest = excluded.digest`.execute(db);
  },
  async events(kind) {
    const { rows } = await sql<{
      body: string;
    }>`select p.body from events e join payloads p on p.event_id = e.id where e.kind = ${kind} order by e.id`.execute(db);
    return rows.map(({ body }) => JSON.parse(body) as Record<string, Json>);
  },
});
