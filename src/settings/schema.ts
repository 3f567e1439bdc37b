import { usualHomeFolder } from "./home-folder.ts";
import {
  type Account,
  type Kind,
  type ProcessRole,
  ROLES,
  absolutePath,
  addressRanges,
  databaseUrl,
  headerList,
  host,
  keyText,
  modelName,
  onOrOff,
  oneOf,
} from "./kinds.ts";
import { processRoles, regionName, webOrigin, webUrl, wholeNumber } from "./kinds.ts";

/** What a default may be made from: the account, the environment, and the home folder, which is read first. */
export interface Known {
  readonly account: Account;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
}

export type Group = "Places" | "Serving" | "Work" | "Telemetry" | "Models";

/** One setting. A row here is all that an addition needs: the reader, its types, its messages and docs/settings.md follow from it. */
export interface Row<V> {
  readonly name: string;
  /** Another name for the same setting. */
  readonly alias?: string;
  readonly group: Group;
  readonly kind: Kind<Exclude<V, undefined>>;
  /** Undefined, where the type has no undefined: there is nothing to fall back to, and the setting must be given. */
  readonly fallback: (known: Known) => V | undefined;
  /** The default in words, for the documentation. */
  readonly byDefault: string;
  readonly meaning: string;
  /** Never shown, and taken out of every log. */
  readonly secret?: true;
  /** Read only while LOOP_MODEL is on. `key`: it opens a provider, so finding it is worth a word. */
  readonly forModel?: "key" | "detail";
}

const row = <V>(given: Row<V>): Row<V> => given;

type Plain<V> = Omit<Row<V>, "fallback" | "byDefault" | "group">;
const fixed = <V extends string | number>(group: Group, given: Plain<V> & { default: NoInfer<V> }): Row<V> => ({
  ...given,
  group,
  fallback: () => given.default,
  byDefault: `\`${given.default}\``,
});
const optional = <V>(group: Group, given: Plain<V> & { unset?: string }): Row<V | undefined> => ({
  ...given,
  kind: given.kind as Kind<Exclude<V | undefined, undefined>>,
  group,
  fallback: () => undefined,
  byDefault: given.unset ?? "not set",
});
const off = (group: Group, given: Omit<Plain<boolean>, "kind">): Row<boolean> => ({
  ...given,
  group,
  kind: onOrOff,
  fallback: () => false,
  byDefault: "`off`",
});
const key = (name: string, meaning: string): Row<string | undefined> => optional("Models", { name, kind: keyText, meaning, secret: true, forModel: "key" });
const baseUrl = (name: string, meaning: string): Row<string | undefined> => optional("Models", { name, kind: webUrl, meaning, forModel: "detail" });

/** Every setting, in the order of the documentation. `homeFolder` stands first because others are made from it. */
export const SETTINGS = {
  homeFolder: row<string>({
    name: "LOOP_HOME",
    group: "Places",
    kind: absolutePath,
    fallback: usualHomeFolder,
    byDefault: "`$XDG_STATE_HOME/loopwright`, where that is not set `~/.local/state/loopwright`; for root `/var/lib/loopwright`",
    meaning: "The home: database, keys, socket, logs, worktrees, credentials.",
  }),
  workspaceFolder: row<string>({
    name: "LOOP_WORKSPACE",
    alias: "LOOP_DATA_DIR",
    group: "Places",
    kind: absolutePath,
    fallback: ({ homeFolder }) => `${homeFolder}/workspace`,
    byDefault: "`$LOOP_HOME/workspace`",
    meaning: "The folder of files in git that says what is wanted and what is known.",
  }),
  databaseUrl: optional("Places", {
    name: "DATABASE_URL",
    kind: databaseUrl,
    unset: "not set: Loopwright runs its own Postgres under `$LOOP_HOME`",
    meaning: "A Postgres 15 or newer that is used for this home alone.",
    secret: true,
  }),
  preparesStatements: row<boolean>({
    name: "LOOP_DATABASE_PREPARE",
    group: "Places",
    kind: onOrOff,
    fallback: () => true,
    byDefault: "`on`",
    meaning: "Named prepared statements. `off` behind a pooler that gives each transaction another connection.",
  }),
  secretsKeyFile: row<string>({
    name: "LOOP_SECRETS_KEY_FILE",
    group: "Places",
    kind: absolutePath,
    fallback: ({ homeFolder }) => `${homeFolder}/keys/secrets.key`,
    byDefault: "`$LOOP_HOME/keys/secrets.key`",
    meaning: "The keys that open the sealed secrets in the database. Made at first use, readable by its owner only. Every host of a home needs the same file.",
  }),
  host: fixed("Serving", {
    name: "LOOP_HOST",
    kind: host,
    default: "127.0.0.1",
    meaning: "The address to listen on. Other than loopback only once a token exists.",
  }),
  port: fixed("Serving", {
    name: "LOOP_PORT",
    kind: wholeNumber({ min: 0, max: 65_535 }),
    default: 4747,
    meaning: "The port to listen on. 0 takes any free one.",
  }),
  publicUrl: optional("Serving", {
    name: "LOOP_PUBLIC_URL",
    kind: webOrigin,
    unset: "not set: `http://` with `LOOP_HOST` and `LOOP_PORT`",
    meaning: "The address under which people and webhooks reach this server; links are made from it.",
  }),
  trustedProxies: row<readonly string[]>({
    name: "LOOP_TRUSTED_PROXIES",
    group: "Serving",
    kind: addressRanges,
    fallback: () => [],
    byDefault: "none",
    meaning: "Proxies whose word on the address of a caller is taken.",
  }),
  roles: row<readonly ProcessRole[]>({
    name: "LOOP_ROLE",
    group: "Serving",
    kind: processRoles,
    fallback: () => [...ROLES],
    byDefault: "all",
    meaning: "What this process does: `api` answers requests, `engine` moves runs, `pulse` watches sensors and timers.",
  }),
  serverUrl: optional("Serving", {
    name: "LOOP_URL",
    kind: webOrigin,
    unset: "not set: the server of this home, over its local socket",
    meaning: "The server that the command line speaks to, where it is another than that of this home. `https`, unless it is on this machine.",
  }),
  serverToken: optional("Serving", { name: "LOOP_TOKEN", kind: keyText, meaning: "The token for the server at `LOOP_URL`.", secret: true }),
  logLevel: fixed("Serving", {
    name: "LOOP_LOG_LEVEL",
    kind: oneOf("debug", "info", "warn", "error"),
    default: "info",
    meaning: "The least that is written to the log.",
  }),
  slots: fixed("Work", { name: "LOOP_SLOTS", kind: wholeNumber({ min: 1, max: 1_000 }), default: 16, meaning: "Runs that one process moves at once." }),
  leaseMs: fixed("Work", {
    name: "LOOP_LEASE_MS",
    kind: wholeNumber({ of: "milliseconds", min: 1_000 }),
    default: 10_000,
    meaning: "Milliseconds after which the run of a process that died is taken over.",
  }),
  maxTries: fixed("Work", {
    name: "LOOP_MAX_TRIES",
    kind: wholeNumber({ min: 1, max: 1_000 }),
    default: 5,
    meaning: "Tries without a move after which a run is put in quarantine and a person is asked.",
  }),
  sensorIntervalSeconds: optional("Work", {
    name: "LOOP_INTERVAL",
    kind: wholeNumber({ of: "seconds", min: 1, max: 2_678_400 }),
    unset: "not set: `pulse.interval` of `loop.yaml`, one minute where that says nothing",
    meaning: "Seconds between two runs of a sensor that does not say so itself, in place of what `loop.yaml` says.",
  }),
  sensorTimeoutSeconds: fixed("Work", {
    name: "LOOP_SENSOR_TIMEOUT",
    kind: wholeNumber({ of: "seconds", min: 0, max: 2_000_000 }),
    default: 60,
    meaning: "Seconds after which a sensor that does not say so itself is ended. `0`: never.",
  }),
  sensorMaxBytes: fixed("Work", {
    name: "LOOP_SENSOR_MAX_BYTES",
    kind: wholeNumber({ of: "bytes", min: 64, max: 1_048_576 }),
    default: 8_192,
    meaning: "The most that a sensor may say. More is an error reading.",
  }),
  minFreeMb: fixed("Work", {
    name: "LOOP_MIN_FREE_MB",
    kind: wholeNumber({ of: "megabytes", min: 0 }),
    default: 200,
    meaning: "Free disk space in megabytes below which no new work is taken.",
  }),
  otlpUrl: optional("Telemetry", {
    name: "LOOP_OTLP_URL",
    kind: webUrl,
    meaning: "Where traces, metrics and events are sent as OTLP over HTTP (JSON), such as `http://127.0.0.1:4318`.",
    unset: "not set: nothing is sent anywhere",
  }),
  otlpHeaders: optional("Telemetry", {
    name: "LOOP_OTLP_HEADERS",
    kind: headerList,
    meaning: "Headers for it, as `name=value,name=value`.",
    secret: true,
  }),
  otlpContent: off("Telemetry", { name: "LOOP_OTLP_CONTENT", meaning: "Send what events say, messages and results among it, not only that they happened." }),
  usesModel: off("Models", {
    name: "LOOP_MODEL",
    meaning:
      "`on`: use the provider keys found in the environment. `off`: they are named at the start and not used. Providers in `loop.yaml` do not depend on it.",
  }),
  fastModel: optional("Models", { name: "LOOP_FAST_MODEL", kind: modelName, meaning: "The model of the tier `fast`, in place of the one in `loop.yaml`." }),
  strongModel: optional("Models", {
    name: "LOOP_STRONG_MODEL",
    kind: modelName,
    meaning: "The model of the tier `strong`, in place of the one in `loop.yaml`.",
  }),
  embeddingModel: optional("Models", { name: "LOOP_EMBEDDING_MODEL", kind: modelName, meaning: "The embedder, in place of the one in `loop.yaml`." }),
  modelConnectMs: fixed("Models", {
    name: "LOOP_MODEL_CONNECT_MS",
    kind: wholeNumber({ of: "milliseconds", min: 1 }),
    default: 10_000,
    meaning: "Milliseconds until there must be a connection to a provider.",
  }),
  modelHeadersMs: fixed("Models", {
    name: "LOOP_MODEL_HEADERS_MS",
    kind: wholeNumber({ of: "milliseconds", min: 1 }),
    default: 120_000,
    meaning: "Milliseconds from the connection until an answer must begin. An answer that is not streamed begins when it is complete.",
  }),
  modelIdleMs: fixed("Models", {
    name: "LOOP_MODEL_IDLE_MS",
    kind: wholeNumber({ of: "milliseconds", min: 1 }),
    default: 30_000,
    meaning: "Milliseconds that an answer which has begun may be silent.",
  }),
  modelTimeoutMs: fixed("Models", {
    name: "LOOP_MODEL_TIMEOUT_MS",
    kind: wholeNumber({ of: "milliseconds", min: 1 }),
    default: 300_000,
    meaning: "Milliseconds for a whole call of a run to a model.",
  }),
  openaiApiKey: key("OPENAI_API_KEY", "Key for OpenAI."),
  openaiBaseUrl: baseUrl("OPENAI_BASE_URL", "Another address that speaks as OpenAI does."),
  anthropicApiKey: key("ANTHROPIC_API_KEY", "Key for Anthropic."),
  anthropicBaseUrl: baseUrl("ANTHROPIC_BASE_URL", "Another address that speaks as Anthropic does."),
  googleApiKey: key("GOOGLE_GENERATIVE_AI_API_KEY", "Key for Google."),
  googleBaseUrl: baseUrl("GOOGLE_GENERATIVE_AI_BASE_URL", "Another address that speaks as Google does."),
  openrouterApiKey: key("OPENROUTER_API_KEY", "Key for OpenRouter."),
  ollamaBaseUrl: optional("Models", { name: "OLLAMA_BASE_URL", kind: webUrl, meaning: "The address of an Ollama server.", forModel: "key" }),
  awsAccessKeyId: key("AWS_ACCESS_KEY_ID", "Key for Bedrock."),
  awsSecretAccessKey: key("AWS_SECRET_ACCESS_KEY", "Secret half of the key for Bedrock."),
  awsSessionToken: key("AWS_SESSION_TOKEN", "Token that goes with a temporary key for Bedrock."),
  awsRegion: optional("Models", { name: "AWS_REGION", kind: regionName, meaning: "Region of Bedrock.", forModel: "detail" }),
} as const;

/** What a worker finds in its environment, so that a program that it starts may be ours. */
const GIVEN_TO_WORKERS = ["BIN", "CONFIG", "CLAIMS_DIR", "REPORTS_DIR", "COST_LEDGER", "SESSION_ID", "SOCKET"].map((name) => `LOOP_${name}`);

/** Names of ours that are no settings of a home: those that the tests and trials of this program set, and those of workers. Read where they are used. */
export const INTERNAL_NAMES: readonly string[] = ["LOOP_FAILPOINT_TRACE", "LOOP_FAILPOINT_KILL_AT", "LOOP_TEST_DATABASE_URL", ...GIVEN_TO_WORKERS];

type ValueOf<R> = R extends Row<infer V> ? V : never;

/** What the environment says, checked and typed. Frozen: it is read once, and nobody else reads the environment. */
export type Settings = { readonly [K in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[K]> } & {
  /** Names, never values, of the provider variables that are set, whether or not they are used; sorted as in the documentation. */
  readonly modelKeysFound: readonly string[];
};
