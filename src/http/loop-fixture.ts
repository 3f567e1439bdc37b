import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { followFolder } from "#src/apply/follow-folder.ts";
import { type HeldFolder, holdFolder } from "#src/apply/held-folder.ts";
import { tryLock } from "#src/database/lock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf, SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { createWorkspaceView, type WorkspaceView } from "#src/workspace/current.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import { httpFixture, type HttpFixture } from "./http-fixture.ts";

export interface LoopFixture extends HttpFixture {
  /** The folder of the workspace, which the server holds. */
  readonly folder: string;
  /** From here on some process is the pulse. Gives how it ends. */
  pulse(): Promise<() => Promise<void>>;
}

/** A server that holds a real folder, tells of changes, and reads the workspace out of the record. */
export async function loopFixture(t: TestContext, texts: Readonly<Record<string, string>> = {}): Promise<LoopFixture> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-loop-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files = { ...SOUND_FILES, ...texts };
  await writeFiles(folder, Object.entries(files));
  const late = Promise.withResolvers<{ held: HeldFolder; view: WorkspaceView }>();
  const ofHeld =
    <A extends unknown[], T>(of: (held: HeldFolder) => (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> =>
      of((await late.promise).held)(...args);
  const lookers = new Set<() => void>();
  const tell = (): void => lookers.forEach((look) => look());
  const fixture = await httpFixture(
    t,
    {
      workspaces: { current: async () => (await late.promise).view.current(), at: async (number) => (await late.promise).view.at(number) },
      folder: {
        last: () => undefined,
        plan: ofHeld((held) => held.plan),
        apply: ofHeld((held) => held.apply),
        rollback: ofHeld((held) => held.rollback),
        writeFiles: ofHeld((held) => held.writeFiles),
        writeLive: ofHeld((held) => held.writeLive),
      },
      dataDir: folder,
      changed: tell,
      onChange: (look) => {
        lookers.add(look);
        return () => lookers.delete(look);
      },
    },
    filesOf(files),
  );
  const { db, url, clock } = fixture;
  await applyFolder(db, clock, { folder, author: "system", note: "first" });
  const following = followFolder({ db, clock, log: silentLog, folder, tookEffect: () => Promise.resolve() });
  t.after(following.stop);
  const view = createWorkspaceView(db);
  late.resolve({ held: holdFolder({ db, clock, folder, following, tookEffect: () => Promise.resolve() }), view });
  return {
    ...fixture,
    folder,
    pulse: () => bePulse(t, url),
  };
}

async function bePulse(t: TestContext, url: string): Promise<() => Promise<void>> {
  const lock = await tryLock(url, "pulse", silentLog);
  t.after(() => lock?.release());
  return async () => {
    await lock?.release();
  };
}
