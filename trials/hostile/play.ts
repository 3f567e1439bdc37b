import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { answerAsk } from "#src/asks/answer.ts";
import { rememberLesson } from "#src/brain/lessons.ts";
import { inTransaction } from "#src/database/open.ts";
import { delivered, endOf } from "#src/intake/await-answer.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { receiveText } from "#src/intake/receive.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { newId } from "#src/kernel/ids.ts";
import { createRun } from "#src/runs/create.ts";
import { inLanes } from "../harness/wait.ts";
import type { World } from "../harness/world.ts";
import { type House, openHouse } from "./house.ts";
import { officeFiles, type Places } from "./office.ts";
import type { Scene, Turn } from "./scene.ts";
import { USUAL_CONTENT, USUAL_DOCS } from "./tasks.ts";

const RUI = { id: "prn_rui", handle: "rui", roles: ["approver"] } as const;
const ANA = { id: "prn_ana", handle: "ana", roles: ["owner"] } as const;
/** How often people come back to look what else they are asked. */
const ROUNDS = 6;

export interface Played<S extends Scene> {
  readonly scenes: readonly S[];
  readonly house: House;
  readonly folder: string;
  /** Everything came to rest in time. */
  readonly rested: boolean;
}

interface Playing<S extends Scene> {
  readonly name: string;
  readonly isGoverned: boolean;
  readonly scenesAt: (places: Places) => readonly S[];
  /** Files in place of those of the office, or beside them. */
  readonly more?: Readonly<Record<string, string>>;
  /** Before anybody says anything. */
  readonly prepare?: (house: House) => Promise<unknown>;
}

/** The fakes in processes of their own, an office over them, and all scenes played in it, turn by turn. */
export async function play<S extends Scene>(world: World, { name, isGoverned, scenesAt, more = {}, prepare }: Playing<S>): Promise<Played<S>> {
  const folder = join(world.folder, name);
  await Promise.all(["content", "docs", "out", "power", "box"].map((sub) => mkdir(join(folder, sub), { recursive: true })));
  const child = world.start({ name, script: new URL("world-child.ts", import.meta.url), args: [folder] });
  const { port, evilPort } = (await child.heard("ready")) as unknown as Places;
  const places = { folder, port, evilPort };
  const scenes = scenesAt(places);
  await furnish(folder, scenes);
  const poisoned = scenes.filter(({ poison }) => poison !== undefined).map(({ id }) => id);
  const house = await openHouse(world, officeFiles({ ...places, isGoverned, poisoned, more }), { knowsSecrets: isGoverned });
  await prepare?.(house);
  await learn(house, scenes);
  let rested = true;
  const longest = Math.max(...scenes.map(({ turns }) => turns.length));
  for (let turn = 0; turn < longest; turn += 1) {
    await inLanes(scenes, 8, (scene) => begin(house, scene, turn));
    house.hint();
    rested = (await house.rests()) && rested;
  }
  for (let round = 0; round < ROUNDS && (await answer(house, scenes)) > 0; round += 1) {
    house.hint();
    rested = (await house.rests()) && rested;
  }
  return { scenes, house, folder, rested };
}

async function furnish(folder: string, scenes: readonly Scene[]): Promise<void> {
  const poison = JSON.stringify(scenes.flatMap((scene) => (scene.poison ? [scene.poison] : [])));
  const content = Object.assign({ "poison.json": poison }, USUAL_CONTENT, ...scenes.map((scene) => scene.content)) as Record<string, string>;
  const docs = Object.assign({}, USUAL_DOCS, ...scenes.map((scene) => scene.docs ?? {})) as Record<string, string>;
  const put =
    (sub: string) =>
    ([name, text]: readonly [string, string]) =>
      writeFile(join(folder, sub, encodeURIComponent(name)), text);
  await Promise.all([...Object.entries(content).map(put("content")), ...Object.entries(docs).map(put("docs"))]);
}

/** Lessons as learning leaves them: distilled from work that may have read anything. */
async function learn({ db }: House, scenes: readonly Scene[]): Promise<void> {
  for (const { id, lesson } of scenes) {
    if (lesson === undefined) continue;
    const one = { id: newId("lsn", systemClock.nowMs()), source: `ticket-${id}`, title: "learned", body: lesson, data: {}, labels: {}, categories: [] };
    const rest = { scope: "workspace", trust: "learned", author: null, language: null, happenedAtMs: null, expiresAtMs: null } as const;
    await inTransaction(db, (tx) => rememberLesson(tx, { ...one, ...rest }));
  }
}

async function begin(house: House, scene: Scene, at: number): Promise<void> {
  const turn = scene.turns[at];
  if (!turn) return;
  const { db, engine } = house;
  const labels = { scene: scene.id };
  const deps = { db, clock: systemClock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true, whoIs: () => Promise.resolve(undefined) };
  if (turn.via === "ticket") {
    const message = { provider: "mail", surface: "mail", sender: "stranger@example.org", text: turn.text, labels };
    const start = turn.trust === "outside" ? undefined : { agent: turn.agent, reason: "trial", trust: turn.trust };
    return void (await receiveText(deps, { ...message, agent: turn.agent }, start));
  }
  if (turn.via === "thread") return speak(house, { scene, turn, deps });
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: systemClock, revision, workspace, tiers: engine.tiers(workspace) };
  const input = { text: turn.text, source: "ana", trust: turn.trust };
  await inTransaction(db, (tx) => createRun(tx, place, { agent: turn.agent, ticketId: null, threadId: null, labels, input }));
}

/** Conversations of one name are one; those of one scene are in one channel. */
async function speak({ db, engine }: House, { scene, turn, deps }: { scene: Scene; turn: Turn; deps: Parameters<typeof receiveTurn>[0] }): Promise<void> {
  const { workspace } = await engine.workspaces.current();
  const request = { surface: "http", channel: scene.id, agent: turn.agent, labels: { scene: scene.id }, by: ANA, externalId: turn.thread ?? scene.id };
  const { thread } = await inTransaction(db, (tx) => openThread(tx, { clock: systemClock, workspace }, request));
  const { rows } = await sql<{
    id: string;
  }>`select id from runs where thread_id = ${thread.id} and parent_run_id is null order by created_at desc limit 1`.execute(db);
  const before = rows[0] && (await endOf(db, rows[0].id)).answer;
  if (before) await delivered(db, [before.id]);
  await receiveTurn(deps, { threadId: thread.id, text: turn.text, author: ANA, trust: turn.trust });
}

/** People answer what they are asked, as the scene says that they do. Gives how many answers there were. */
async function answer({ db }: House, scenes: readonly Scene[]): Promise<number> {
  const { rows } = await sql<{ id: string; scene: string; purpose: string; before: number }>`
    select a.id, r.labels ->> 'scene' as scene, a.purpose,
      (select count(*)::int from asks b join runs s on s.id = b.run_id where b.state = 'answered' and s.labels ->> 'scene' = r.labels ->> 'scene') as before
    from asks a join runs r on r.id = a.run_id where a.state = 'open' order by a.id`.execute(db);
  const how = new Map(scenes.map(({ id, answers }) => [id, answers]));
  const wanted = rows.flatMap(({ id, scene, purpose, before }) => {
    const answers = how.get(scene);
    if (purpose === "question") return answers === "questions" ? [{ id, said: "yes" }] : [];
    const isGiven = purpose === "act" && (answers === "all" || (answers === "first" && before === 0));
    return isGiven ? [{ id, said: "approve" }] : [];
  });
  const seen = new Set<string>();
  for (const { id, said } of wanted) {
    if (seen.has(id)) continue;
    seen.add(id);
    await answerAsk(db, systemClock, { askId: id, person: RUI, answer: said, face: "trial" });
  }
  return seen.size;
}
