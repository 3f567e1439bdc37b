import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { readSettings, secretValues } from "./read.ts";

const read = (env: Record<string, string>) => readSettings({ env, home: "/home/ana", isRoot: false });

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof LoopError);
    assert.equal(error.code, "settings_invalid");
    return error.message;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

test("with nothing set, every setting has its default", () => {
  assert.deepEqual(read({}), {
    homeFolder: "/home/ana/.local/state/loopwright",
    workspaceFolder: "/home/ana/.local/state/loopwright/workspace",
    databaseUrl: undefined,
    preparesStatements: true,
    secretsKeyFile: "/home/ana/.local/state/loopwright/keys/secrets.key",
    host: "127.0.0.1",
    port: 4747,
    publicUrl: undefined,
    trustedProxies: [],
    roles: ["api", "engine", "pulse"],
    serverUrl: undefined,
    serverToken: undefined,
    logLevel: "info",
    slots: 16,
    leaseMs: 10_000,
    maxTries: 5,
    sensorIntervalSeconds: undefined,
    sensorTimeoutSeconds: 60,
    sensorMaxBytes: 8192,
    minFreeMb: 200,
    otlpUrl: undefined,
    otlpHeaders: undefined,
    otlpContent: false,
    usesModel: false,
    fastModel: undefined,
    strongModel: undefined,
    embeddingModel: undefined,
    modelConnectMs: 10_000,
    modelHeadersMs: 120_000,
    modelIdleMs: 30_000,
    modelTimeoutMs: 300_000,
    openaiApiKey: undefined,
    openaiBaseUrl: undefined,
    anthropicApiKey: undefined,
    anthropicBaseUrl: undefined,
    googleApiKey: undefined,
    googleBaseUrl: undefined,
    openrouterApiKey: undefined,
    ollamaBaseUrl: undefined,
    awsAccessKeyId: undefined,
    awsSecretAccessKey: undefined,
    awsSessionToken: undefined,
    awsRegion: undefined,
    modelKeysFound: [],
  });
});

test("what is set is read into its type", () => {
  const settings = read({
    LOOP_HOME: "~/loop",
    DATABASE_URL: "postgres://ana:pa%24s@db.example.org/loop",
    LOOP_DATABASE_PREPARE: "off",
    LOOP_HOST: "::",
    LOOP_PORT: "0",
    LOOP_PUBLIC_URL: "https://loop.example.org/",
    LOOP_TRUSTED_PROXIES: "10.0.0.7, fd00::/8",
    LOOP_ROLE: "pulse,api",
    LOOP_LEASE_MS: "1000",
    LOOP_FAST_MODEL: "ollama:qwen3:8b",
  });
  const { homeFolder, workspaceFolder, secretsKeyFile, databaseUrl, preparesStatements, host, port, publicUrl, trustedProxies, roles, leaseMs, fastModel } =
    settings;
  assert.deepEqual(
    { homeFolder, workspaceFolder, secretsKeyFile, databaseUrl, preparesStatements, host, port, publicUrl, trustedProxies, roles, leaseMs, fastModel },
    {
      homeFolder: "/home/ana/loop",
      workspaceFolder: "/home/ana/loop/workspace",
      secretsKeyFile: "/home/ana/loop/keys/secrets.key",
      databaseUrl: "postgres://ana:pa%24s@db.example.org/loop",
      preparesStatements: false,
      host: "::",
      port: 0,
      publicUrl: "https://loop.example.org",
      trustedProxies: ["10.0.0.7", "fd00::/8"],
      roles: ["api", "pulse"],
      leaseMs: 1000,
      fastModel: "ollama:qwen3:8b",
    },
  );
});

test("the home is /var/lib/loopwright for root, and follows XDG_STATE_HOME for others where that is absolute", () => {
  assert.equal(readSettings({ env: { XDG_STATE_HOME: "/x" }, home: "/root", isRoot: true }).homeFolder, "/var/lib/loopwright");
  assert.equal(read({ XDG_STATE_HOME: "/x" }).homeFolder, "/x/loopwright");
  assert.equal(read({ XDG_STATE_HOME: "x" }).homeFolder, "/home/ana/.local/state/loopwright");
  assert.equal(
    messageOf(() => readSettings({ env: {}, isRoot: false })),
    "1 problem in the settings:\n  LOOP_HOME: not set, and this account has no home folder. Expected an absolute path",
  );
});

test("every problem is told at once, with secrets hidden and the nearest name for a typing error", () => {
  const message = messageOf(() =>
    read({
      DATABASE_URL: "mysql://ana:hunter22@db/loop",
      LOOP_LEASE_MS: "30 sec",
      LOOP_PROT: "1",
      LOOP_DATABASE_URL: "x",
      LOOP_ZEBRA: "",
      LOOP_ROLE: "worker",
    }),
  );
  assert.equal(
    message,
    `6 problems in the settings:
  DATABASE_URL: is set (value hidden). Expected a URL such as postgres://user:password@host/database
  LOOP_ROLE: got "worker". Expected one or more of api, engine, pulse, with commas between
  LOOP_LEASE_MS: got "30 sec". Expected a whole number of milliseconds, 1000 or more
  LOOP_DATABASE_URL: no such setting. Did you mean DATABASE_URL?
  LOOP_PROT: no such setting. Did you mean LOOP_PORT?
  LOOP_ZEBRA: no such setting. See docs/settings.md for those there are`,
  );
});

test("a key in the place of another value is not shown", () => {
  const message = messageOf(() => read({ LOOP_MODEL: "sk-1234567890123456789012345678901234567890", LOOP_PUBLIC_URL: "https://ana:hunter22@host" }));
  assert.equal(
    message,
    `2 problems in the settings:
  LOOP_PUBLIC_URL: is set (value hidden). Expected the address people open, without a path, such as https://loop.example.org
  LOOP_MODEL: got a value of 43 characters. Expected on or off`,
  );
});

test("values just outside their range are refused", () => {
  const refused = {
    LOOP_PORT: "65536",
    LOOP_SLOTS: "0",
    LOOP_LEASE_MS: "999",
    LOOP_MAX_TRIES: "1e2",
    LOOP_MIN_FREE_MB: "-1",
    LOOP_HOME: "loop",
    LOOP_HOST: "a b",
    LOOP_TRUSTED_PROXIES: "10.0.0.0/33",
    LOOP_PUBLIC_URL: "https://host/path",
    LOOP_FAST_MODEL: "claude",
    LOOP_LOG_LEVEL: "loud",
    LOOP_DATABASE_PREPARE: "true",
    DATABASE_URL: "postgres://host",
  };
  for (const [name, value] of Object.entries(refused))
    assert.match(
      messageOf(() => read({ [name]: value })),
      new RegExp(`^1 problem in the settings:\n  ${name}: `),
    );
});

test("an empty value counts as not set", () => {
  assert.deepEqual(read({ LOOP_PORT: "", DATABASE_URL: "", OPENAI_API_KEY: "" }), read({}));
});

test("the variables of tests and trials are no strangers", () => {
  assert.deepEqual(read({ LOOP_FAILPOINT_TRACE: "/t", LOOP_FAILPOINT_KILL_AT: "3", LOOP_TEST_DATABASE_URL: "x" }), read({}));
});

test("model keys are named but not given while LOOP_MODEL is off, even broken ones", () => {
  const env = { OPENAI_API_KEY: "sk-openai-1", OPENAI_BASE_URL: "not a url", OLLAMA_BASE_URL: "http://127.0.0.1:11434" };
  assert.deepEqual(read(env), { ...read({}), modelKeysFound: ["OPENAI_API_KEY", "OLLAMA_BASE_URL"] });
});

test("model keys are given while LOOP_MODEL is on, and broken ones are refused", () => {
  const env = { LOOP_MODEL: "on", OPENAI_API_KEY: "sk-openai-1", OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
  assert.deepEqual(read(env), {
    ...read({}),
    usesModel: true,
    openaiApiKey: "sk-openai-1",
    openaiBaseUrl: "http://127.0.0.1:9/v1",
    modelKeysFound: ["OPENAI_API_KEY"],
  });
  assert.equal(
    messageOf(() => read({ ...env, OPENAI_API_KEY: "sk openai" })),
    "1 problem in the settings:\n  OPENAI_API_KEY: is set (value hidden). Expected a key on one line, without spaces",
  );
});

test("settings cannot be changed", () => {
  const settings = read({});
  assert.throws(() => Object.assign(settings, { port: 1 }), TypeError);
  assert.throws(() => (settings.roles as string[]).push("x"), TypeError);
});

test("the redactor can be taught every secret that is set, used or not, and the password inside a URL", () => {
  assert.deepEqual(secretValues({ DATABASE_URL: "postgres://ana:pa%24sword@db/loop", ANTHROPIC_API_KEY: "sk-ant-1", LOOP_PORT: "1" }), [
    "postgres://ana:pa%24sword@db/loop",
    "pa%24sword",
    "pa$sword",
    "sk-ant-1",
  ]);
});

test("LOOP_DATA_DIR is another name for LOOP_WORKSPACE; two that differ are refused with both", () => {
  assert.equal(read({ LOOP_DATA_DIR: "/data" }).workspaceFolder, "/data");
  assert.equal(read({ LOOP_DATA_DIR: "/data", LOOP_WORKSPACE: "/data" }).workspaceFolder, "/data");
  assert.equal(read({ LOOP_DATA_DIR: "", LOOP_WORKSPACE: "/data" }).workspaceFolder, "/data");
  assert.match(
    messageOf(() => read({ LOOP_DATA_DIR: "/data", LOOP_WORKSPACE: "/files" })),
    /LOOP_WORKSPACE: got "\/files", and LOOP_DATA_DIR, which is another name for it, got "\/data"\. Expected one of them/,
  );
});

test("what a worker finds in its environment does not keep a server that it starts from starting", () => {
  const names = ["LOOP_BIN", "LOOP_CONFIG", "LOOP_CLAIMS_DIR", "LOOP_REPORTS_DIR", "LOOP_COST_LEDGER", "LOOP_SESSION_ID", "LOOP_SOCKET"];
  assert.equal(read(Object.fromEntries(names.map((name) => [name, "/x"]))).port, 4747);
});
