import assert from "node:assert/strict";
import { chmod, link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { type CommandAnswer, fromCommand, fromEnvironment, fromFile, type RunSecretCommand } from "./sources.ts";

const VALUE = "canary-value-1";
const NO_KEYS = "/nowhere/secrets.key";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "loopwright-sources-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

const readFrom = (path: string, keyFile = NO_KEYS) => fromFile({ name: "github", source: { kind: "file", path } }, keyFile);
const refusal = (source: string, why: string) => ({
  code: "secret_unavailable",
  message: `The secret github is not available from ${source}: ${why}`,
  facts: { name: "github", source },
});

test("a variable gives its value as it stands; one that is empty or not set is missing", () => {
  const read = (variable: string) => fromEnvironment({ name: "github", source: { kind: "env", variable } }, { TOKEN: `${VALUE}\n`, EMPTY: "" });
  assert.equal(read("TOKEN"), `${VALUE}\n`);
  for (const name of ["EMPTY", "NONE", "toString"]) {
    const why = "the variable is not set. Set it in the environment of the server or in .env, and start again.";
    assert.throws(() => read(name), refusal(`env:${name}`, why));
  }
});

test("a file gives its text without one last line break", async (t) => {
  const path = join(await folder(t), "token");
  for (const [text, value] of [
    [VALUE, VALUE],
    [`${VALUE}\n`, VALUE],
    [`${VALUE}\r\n`, VALUE],
    [`${VALUE}\n\n`, `${VALUE}\n`],
  ] as const) {
    await writeFile(path, text, { mode: 0o640 });
    assert.equal(await readFrom(path), value);
  }
});

test("a file that everybody may open is refused", async (t) => {
  const path = join(await folder(t), "token");
  await writeFile(path, VALUE);
  for (const mode of [0o604, 0o602, 0o601]) {
    await chmod(path, mode);
    await assert.rejects(readFrom(path), refusal(`file:${path}`, "everybody on this machine may open it. Run chmod o-rwx on it."));
  }
});

test("a link is followed inside its folder, as mounted secrets need it, and not out of it", async (t) => {
  const [base, outside] = [await folder(t), await folder(t)];
  await mkdir(join(base, "..2026"), { mode: 0o700 });
  await writeFile(join(base, "..2026", "token"), VALUE, { mode: 0o600 });
  await symlink("..2026", join(base, "..data"));
  await symlink("..data/token", join(base, "token"));
  assert.equal(await readFrom(join(base, "token")), VALUE);

  await writeFile(join(outside, "other"), VALUE, { mode: 0o600 });
  await symlink(join(outside, "other"), join(base, "out"));
  await assert.rejects(
    readFrom(join(base, "out")),
    refusal(`file:${join(base, "out")}`, "it is a link out of its folder, which is not followed. Give the path of the file itself."),
  );
});

test("what is no ordinary file of ordinary size, or not there, is refused", async (t) => {
  const base = await folder(t);
  await mkdir(join(base, "folder"), { mode: 0o700 });
  await writeFile(join(base, "large"), "x".repeat(65_537), { mode: 0o600 });
  await assert.rejects(readFrom(join(base, "folder")), refusal(`file:${base}/folder`, "it is not a regular file."));
  await assert.rejects(readFrom(join(base, "large")), refusal(`file:${base}/large`, "it has 65537 bytes, and 65536 is the most."));
  await assert.rejects(readFrom(join(base, "none")), refusal(`file:${base}/none`, "it cannot be read (ENOENT)."));
});

test("the file of the sealing keys is no source, under whatever name", async (t) => {
  const base = await folder(t);
  await writeFile(join(base, "secrets.key"), VALUE, { mode: 0o600 });
  await link(join(base, "secrets.key"), join(base, "other"));
  await assert.rejects(
    readFrom(join(base, "other"), join(base, "secrets.key")),
    refusal(`file:${base}/other`, "it holds the keys of all sealed secrets, which are not for use."),
  );
});

test("a command gets a clean environment with what its source names, ten seconds, and its output without one last line break", async () => {
  const calls: unknown[] = [];
  const run: RunSecretCommand = (command) => {
    calls.push(command);
    return Promise.resolve({ started: true, exitCode: 0, timedOut: false, stdout: `${VALUE}\n`, truncated: false });
  };
  const env = { PATH: "/bin", HOME: "/home/ana", OP_SERVICE_ACCOUNT_TOKEN: "for-the-command", DATABASE_URL: "not-for-it", OPENAI_API_KEY: "not-for-it" };
  const source = { kind: "command", argv: ["op", "read", "op://a/b"], env: ["OP_SERVICE_ACCOUNT_TOKEN", "NOT_SET"] } as const;
  assert.equal(await fromCommand({ name: "github", source }, { env, run }), VALUE);
  const given = { PATH: "/bin", HOME: "/home/ana", OP_SERVICE_ACCOUNT_TOKEN: "for-the-command" };
  assert.deepEqual(calls, [{ argv: ["op", "read", "op://a/b"], env: given, timeoutMs: 10_000, maxOutputBytes: 65_536 }]);
});

test("a command that fails in any way is told by its program and what happened, not by what it printed", async () => {
  const ended = { started: true, exitCode: 0, timedOut: false, stdout: VALUE, truncated: false } as const;
  const cases: [CommandAnswer, string][] = [
    [{ started: false, why: "ENOENT" }, "the program could not be started (ENOENT)."],
    [{ ...ended, exitCode: 1 }, "the program ended with exit code 1. Run it by hand to see why; what it printed is not kept."],
    [{ ...ended, exitCode: null }, "the program ended with a signal. Run it by hand to see why; what it printed is not kept."],
    [{ ...ended, exitCode: null, timedOut: true }, "the program gave nothing within 10 seconds and was ended. It must not wait for input."],
    [{ ...ended, truncated: true }, "the program printed more than 65536 bytes."],
  ];
  for (const [answer, why] of cases) {
    const source = { kind: "command", argv: ["op", "--token", VALUE] } as const;
    await assert.rejects(fromCommand({ name: "github", source }, { env: {}, run: () => Promise.resolve(answer) }), (error) => {
      assert.ok(error instanceof LoopError);
      assert.deepEqual({ code: error.code, message: error.message, facts: error.facts }, refusal("command:op", why));
      return true;
    });
  }
});
