import assert from "node:assert/strict";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { runSecretCommand } from "#src/adapters/secret-command/run-command.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createLog } from "#src/kernel/log.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { testDatabase } from "#src/testing/database.ts";
import { createSecrets, type Secrets } from "#src/secrets/secrets.ts";

/** One for each source, so that what one teaches does not help another. */
const CANARY = { env: 'env-canary/"+=é\\9f3a', file: 'file-canary/"+=é\\71bc', command: 'command-canary/"+=é\\e05d', sealed: 'sealed-canary/"+=é\\46a8' };
const TOO_SHORT = 'c4n"ry';
/** Every spelling in which they could turn up. */
const FORMS = [...Object.values(CANARY), TOO_SHORT].flatMap((value) => [
  value,
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value),
  Buffer.from(value).toString("base64").replace(/=+$/, ""),
  Buffer.from(value).toString("base64url"),
  Buffer.from(value).toString("hex"),
]);

function assertClean(what: string, text: string): void {
  for (const form of FORMS) assert.ok(!text.includes(form), `${what} says the secret: ${text}`);
}

interface Site {
  readonly secrets: Secrets;
  readonly folder: string;
  readonly lines: string[];
  readonly log: ReturnType<typeof createLog>;
  /** One that works for each kind of source, after it was set. */
  readonly references: Readonly<Record<keyof typeof CANARY, string>>;
}

async function site(t: TestContext): Promise<Site> {
  const { db } = await testDatabase(t);
  const folder = await realpath(await mkdtemp(join(tmpdir(), "loopwright-canary-")));
  t.after(() => rm(folder, { recursive: true }));
  const files = { token: [CANARY.file, 0o600], printed: [CANARY.command, 0o600], short: [TOO_SHORT, 0o600], open: [CANARY.file, 0o644] } as const;
  for (const [name, [text, mode]] of Object.entries(files)) await writeFile(join(folder, name), `${text}\n`, { mode });
  const redactor = createRedactor();
  const lines: string[] = [];
  const log = createLog({ clock: systemClock, redactor, level: "debug", write: (line) => lines.push(line) });
  const env = { PATH: process.env["PATH"] ?? "", TOKEN: CANARY.env, SHORT: TOO_SHORT, OTHER: CANARY.env };
  const options = {
    env,
    redactor,
    clock: systemClock,
    runCommand: runSecretCommand,
    keyFile: join(folder, "keys", "secrets.key"),
    sealed: { db, workspaceId: "home-1" },
  };
  const earlier = createSecrets({ ...options, redactor: createRedactor() }); // another process, whose redactor is not ours
  await earlier.set("sealed", "an earlier value");
  await earlier.rotate("sealed", CANARY.sealed);
  const command = `secret:command:${JSON.stringify(["cat", join(folder, "printed")])}`;
  const references = { env: "secret:env:TOKEN", file: `secret:file:${folder}/token`, command, sealed: "secret:sealed" };
  return { secrets: createSecrets(options), folder, lines, log, references };
}

test("a value from each source is kept out of the log, whatever form it takes there", async (t) => {
  const { secrets, lines, log, references } = await site(t);
  for (const source of ["env", "file", "command", "sealed"] as const) {
    const value = await secrets.resolve(references[source]);
    assert.equal(value, CANARY[source]);
    log.info(`the provider said: ${value}`, {
      header: `Bearer ${value}`,
      nested: { deep: [value, JSON.stringify({ value })] },
      url: `https://x/?key=${encodeURIComponent(value)}`,
    });
    log.error("it failed", { error: new Error(`401 for ${value}`, { cause: new Error(Buffer.from(value).toString("base64")) }) });
  }
  assert.equal(lines.length, 8);
  assertClean("the log", lines.join(""));
});

test("no error of any source says the value, in its message, its JSON, its causes or its stack", async (t) => {
  const { secrets, folder } = await site(t);
  const sh = (script: string) => `secret:command:${JSON.stringify(["sh", "-c", script])}`;
  const failing: (() => Promise<unknown>)[] = [
    () => secrets.resolve("secret:env:SHORT"),
    () => secrets.resolve(`secret:file:${folder}/short`),
    () => secrets.resolve(`secret:file:${folder}/open`),
    () => secrets.resolve(`secret:file:${folder}/token/x`),
    () => secrets.resolve(sh(`cat ${folder}/short`)),
    () => secrets.resolve(sh(`cat ${folder}/token; cat ${folder}/token >&2; exit 3`)),
    () => secrets.resolve(sh(`cat ${folder}/token; kill -9 $$`)),
    () => secrets.resolve(sh(`while :; do cat ${folder}/token; done | head -c 70000`)),
    () => secrets.resolve(CANARY.env),
    () => secrets.resolve(`secret:${CANARY.env}`),
    () => secrets.set("short", TOO_SHORT),
    () => secrets.set(CANARY.env, CANARY.env),
    () => secrets.rotate("nobody", CANARY.sealed),
  ];
  for (const call of failing) {
    const error = await call().then(
      () => assert.fail(`not refused: ${String(call)}`),
      (caught: unknown) => caught,
    );
    assert.match(String((error as { code?: unknown }).code), /^(secret_unavailable|secret_unknown|input_invalid)$/);
    assertClean("an error", [inspect(error, { depth: 9 }), JSON.stringify(error), String(error)].join("\n"));
  }
});

test("the list shows names, versions and ages, and never a value", async (t) => {
  const { secrets } = await site(t);
  const listed = await secrets.list();
  assert.deepEqual(
    listed.map(({ name, version, retiredVersions }) => ({ name, version, retiredVersions })),
    [{ name: "sealed", version: 2, retiredVersions: 1 }],
  );
  assertClean("the list", JSON.stringify(listed));
});

test("a command in a sandbox finds no value in its environment nor in any list of processes", async (t) => {
  const { secrets, folder, references } = await site(t);
  const work = await realpath(await mkdtemp(join(tmpdir(), "loopwright-canary-work-")));
  t.after(() => rm(work, { recursive: true }));
  for (const reference of Object.values(references)) await secrets.resolve(reference);
  process.env["LOOPWRIGHT_TEST_CANARY"] = CANARY.env;
  t.after(() => delete process.env["LOOPWRIGHT_TEST_CANARY"]);
  const path = process.env["PATH"] ?? "";
  const bwrap = createBwrapSandbox({ searchPath: path, platform: process.platform, isRoot: process.getuid?.() === 0, hidden: [folder] });
  const sandboxes = [createSandboxOff(), ...((await bwrap.available()).ok ? [bwrap] : [])];
  for (const sandbox of sandboxes) {
    const script = "cat /proc/self/environ /proc/$$/environ; cat /proc/[0-9]*/cmdline; ps axww 2>/dev/null; env";
    const command = { argv: ["sh", "-c", script] as const, cwd: work, writable: [], env: { PATH: path }, timeoutMs: 20_000, maxOutputBytes: 1_000_000 };
    const { stdout } = await sandbox.run(command, new AbortController().signal);
    assert.match(stdout, /PATH=/);
    assertClean(`the sandbox ${sandbox.name}`, stdout);
  }
});

test("the program of a secrets manager is not given what other secrets are", async (t) => {
  const { secrets } = await site(t);
  const seen = await secrets.resolve(`secret:command:${JSON.stringify(["sh", "-c", "env; echo long enough"])}`);
  assert.match(seen, /^PATH=/m);
  assertClean("the environment of the program", seen);
});
