import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { outboxSurface } from "#src/adapters/surface-outbox/outbox.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";

export interface TestOutbox {
  readonly surface: MessagePort;
  /** The text of each file, by its recipient; sorted. */
  files(): Promise<readonly (readonly [recipient: string, text: string])[]>;
}

/** The real outbox in a folder of its own, removed after the test. */
export async function testOutbox(t: TestContext, { db, clock }: { readonly db: Db; readonly clock: Clock }): Promise<TestOutbox> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-outbox-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return {
    surface: outboxSurface({ db, folder, clock }),
    async files() {
      const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".md")).toSorted();
      return Promise.all(names.map(async (name) => [name.split("/")[0]!, await readFile(join(folder, name), "utf8")] as const));
    },
  };
}
