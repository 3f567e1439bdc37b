import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchFolder } from "./watch.ts";

test("whatever way a file is saved, it is looked at soon: written over, put in its place, in a folder that is new or came back", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-watch-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "policies"));
  const file = join(folder, "policies", "desk.yaml");
  await writeFile(file, "one");

  let looked = Promise.withResolvers<undefined>();
  const watching = watchFolder(folder, () => looked.resolve(undefined));
  t.after(watching.stop);
  await watching.ready;
  /** The folder is looked at after this. */
  const seen = async (what: string, change: () => Promise<unknown>): Promise<void> => {
    looked = Promise.withResolvers();
    await change();
    const tooLate = Promise.withResolvers<"too late">();
    const timer = setTimeout(() => tooLate.resolve("too late"), 10_000); // long before the half minute
    assert.equal(await Promise.race([looked.promise, tooLate.promise]), undefined, what);
    clearTimeout(timer);
  };
  const replace = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await seen("written over", () => writeFile(file, "two"));
  await seen("put in its place, as editors do", () => replace("three"));
  await seen("written over after that", () => writeFile(file, "four"));
  await seen("a new folder", () => mkdir(join(folder, "brain", "sops"), { recursive: true }));
  await seen("a file in it", () => writeFile(join(folder, "brain", "sops", "oven.md"), "five"));
  await seen("the folder is gone", () => rm(join(folder, "policies"), { recursive: true }));
  await seen("and back, with other files", () => cp(join(folder, "brain"), join(folder, "policies"), { recursive: true }));
  await seen("written over there", () => writeFile(join(folder, "policies", "sops", "oven.md"), "six"));
});
