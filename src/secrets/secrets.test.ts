import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor } from "#src/kernel/redaction.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SecretSource } from "./reference.ts";
import { createSecrets, type SecretsOptions } from "./secrets.ts";
import type { CommandAnswer } from "./sources.ts";

/** Secrets without a database; commands print `<program>-number-<call>`. */
function secretsWith(more: Partial<SecretsOptions> = {}) {
  const clock = heldClock();
  const redactor = createRedactor();
  const runs: string[] = [];
  const runCommand = ({ argv }: { argv: readonly string[] }): Promise<CommandAnswer> => {
    runs.push(argv[0]!);
    return Promise.resolve({
      started: true,
      exitCode: argv[0] === "fails" ? 1 : 0,
      timedOut: false,
      stdout: `${argv[0]}-number-${runs.length}\n`,
      truncated: false,
    });
  };
  const secrets = createSecrets({ env: { TOKEN: "token-number-1", SHORT: "Canary7" }, redactor, clock, runCommand, keyFile: "/nowhere/secrets.key", ...more });
  return { secrets, clock, redactor, runs };
}

test("a name is looked up among the declared sources as they are now, then in the sealed store", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-secrets-"));
  t.after(() => rm(folder, { recursive: true }));
  let declared: Record<string, SecretSource> = {};
  const { secrets } = secretsWith({ keyFile: join(folder, "secrets.key"), sealed: { db, workspaceId: "home-1" }, sources: () => Promise.resolve(declared) });
  await secrets.set("github", "sealed-number-1");
  await secrets.set("constructor", "sealed-number-2");
  assert.deepEqual([await secrets.resolve("secret:github"), await secrets.resolve("secret:constructor")], ["sealed-number-1", "sealed-number-2"]);
  await secrets.rotate("github", "sealed-number-3");
  assert.equal(await secrets.resolve("secret:github"), "sealed-number-3");

  declared = { github: { kind: "env", variable: "TOKEN" } };
  assert.equal(await secrets.resolve("secret:github"), "token-number-1");
  await secrets.remove("constructor");
  await assert.rejects(secrets.resolve("secret:constructor"), {
    code: "secret_unavailable",
    message:
      "The secret constructor is not available from the sealed store: it is not there, and the workspace declares no source for it. Run `loop secrets set constructor`.",
    facts: { name: "constructor", source: "the sealed store" },
  });
});

test("what a reference spells out needs no declaration; a command by name does", async () => {
  const { secrets } = secretsWith({
    sources: () => Promise.resolve({ vault: { kind: "command", argv: ["vault", "read"] }, token: { kind: "env", variable: "TOKEN" } }),
  });
  assert.equal(await secrets.resolve("secret:env:TOKEN"), "token-number-1");
  assert.equal(await secrets.resolve('secret:command:["op","read"]'), "op-number-1");
  assert.equal(await secrets.resolve("secret:command:vault"), "vault-number-2");
  const refused = (name: string) => ({
    code: "secret_unavailable",
    message: `The secret ${name} is not available from command: the workspace declares no command of this name.`,
  });
  await assert.rejects(secrets.resolve("secret:command:token"), refused("token"));
  await assert.rejects(secrets.resolve("secret:command:none"), refused("none"));
});

test("without a database there is no sealed store", async () => {
  const { secrets } = secretsWith();
  await assert.rejects(secrets.resolve("secret:github"), { code: "secret_unavailable" });
  for (const call of [() => secrets.set("github", "value-number-1"), () => secrets.list(), () => secrets.rewrap()]) {
    await assert.rejects(call(), { code: "secret_unavailable", message: "The sealed store is not available: this process has no database." });
  }
});

test("what a command printed is held for a minute, asked for once at a time, and a failure is not held", async () => {
  const { secrets, clock, runs } = secretsWith();
  const reference = 'secret:command:["op"]';
  assert.deepEqual(await Promise.all([secrets.resolve(reference), secrets.resolve(reference)]), ["op-number-1", "op-number-1"]);
  clock.advance(59_999);
  assert.equal(await secrets.resolve(reference), "op-number-1");
  clock.advance(1);
  assert.equal(await secrets.resolve(reference), "op-number-2");
  clock.advance(-3_600_000); // a clock that was set back must not hold a value longer
  assert.equal(await secrets.resolve(reference), "op-number-3");
  for (let times = 0; times < 2; times += 1) await assert.rejects(secrets.resolve('secret:command:["fails"]'), { code: "secret_unavailable" });
  assert.deepEqual(runs, ["op", "op", "op", "fails", "fails"]);
});

test("a value that is too short to be hidden is refused, and not taught as a word to hide", async () => {
  const { secrets, redactor } = secretsWith();
  await assert.rejects(secrets.resolve("secret:env:SHORT"), {
    code: "secret_unavailable",
    message: "The secret env:SHORT is not available: the value has 7 characters, and fewer than 8 cannot be kept out of logs.",
  });
  await assert.rejects(secrets.set("word", "Canary7"));
  assert.equal(redactor.redact("Canary7"), "Canary7");
});

test("a blank value opens nothing and is refused like one that is missing", async () => {
  const { secrets, redactor } = secretsWith({ env: { BLANK: " ".repeat(20) } });
  await assert.rejects(secrets.resolve("secret:env:BLANK"), {
    code: "secret_unavailable",
    message: "The secret env:BLANK is not available: the value is blank.",
  });
  assert.equal(redactor.redact(" ".repeat(20)), " ".repeat(20));
});

test("every value is taught to the redactor before it is handed out, a long one also line by line", async () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nshort\n-----END PRIVATE KEY-----";
  const { secrets, redactor } = secretsWith({ env: { PEM: pem } });
  await secrets.resolve("secret:env:PEM");
  assert.equal(redactor.redact(`a ${pem} b`), "a [secret] b");
  assert.equal(redactor.redact("-----BEGIN PRIVATE KEY-----\r\nMIIEvQIBADANBgkqhkiG9w0\r\nshort"), "-----BEGIN PRIVATE KEY-----\r\n[secret]\r\nshort");
});
