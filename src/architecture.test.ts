import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { test } from "node:test";
import { ERRORS } from "#src/kernel/errors.ts";

const ROOT = dirname(import.meta.dirname);

/** ARCHITECTURE.md §5 from top to bottom: a part may import itself and the parts before it here. */
const PARTS = [
  "kernel",
  "settings",
  "database",
  "leases",
  "journal",
  "secrets",
  "people",
  "workspace",
  "policy",
  "ledger",
  "asks",
  "brain",
  "tickets",
  "acts",
  "evidence",
  "runs",
  "learning",
  "apply",
  "intake",
  "pulse",
  "services",
  "gateway",
  "processes",
  "connections",
];
const FACES = ["http", "mcp", "cli"];
/** What an adapter may import beside its own folder. */
const ADAPTER_IMPORTS = ["kernel/", "acts/ports/", "workspace/manifest/", "database/open.ts", "secrets/sources.ts", "processes/", "connections/"];
/** Stores that faces may call, since they only read, or keep what belongs to the face itself. */
const STORES_FOR_FACES = /^(\w+\/store\/(read|state|feed|receipts|principals|tokens|idempotency)|learning\/store\/read-[a-z-]+)\.ts$/;

/** Rules broken today, each as `file: what`. It may only get shorter: an exception that is no longer needed fails, and none is added. */
const EXCEPTIONS: readonly string[] = [];

const MAX_LINES = 300;
const MAX_TEST_LINES = 500;

const isTest = (file: string) => /\.(test|suite)\.ts$|-fixture\.ts$|(^|\/)fake-[a-z-]+\.ts$/.test(file);
const isStore = (file: string) => /(^|\/)store\/[^/]+\.ts$/.test(file);
const inAny =
  (...places: readonly string[]) =>
  (file: string) =>
    places.some((place) => file.startsWith(place));

interface Place {
  readonly holds: (file: string) => boolean;
  /** Completes "may be imported only …". */
  readonly only: string;
}
const SQL_PLACE: Place = {
  holds: (file) => inAny("database/", "testing/")(file) || isStore(file) || isTest(file),
  only: "in database/, testing/ and the store/ of a part: put the statement into store/ and call that",
};
const within = (...places: readonly string[]): Place => ({ holds: inAny(...places), only: `in ${places.join(", ")}: ask that part for what is needed` });

const orInTests = ({ holds, only }: Place): Place => ({ holds: (file) => holds(file) || isTest(file) || inAny("testing/")(file), only });

/** npm package → where it may be imported. A package without a row may be imported nowhere. */
const PACKAGES: readonly (readonly [RegExp, Place])[] = [
  [/^(pg|kysely)$/, SQL_PLACE],
  [/^pg-boss$/, within("database/")],
  [/^(fastify|@fastify\/.+|fastify-type-provider-zod)$/, within("http/")],
  [/^(ai|@ai-sdk\/.+|@openrouter\/ai-sdk-provider|ai-sdk-ollama)$/, within("adapters/model-aisdk/")],
  [/^ajv$/, orInTests(within("acts/"))],
  [/^@modelcontextprotocol\/client$/, within("adapters/tool-mcp/")],
  [/^@(lydell\/node-pty|xterm\/headless)$/, within("adapters/worker-command/")],
  [/^@pydantic\/genai-prices$/, within("ledger/")],
  [/^(ink|react)$/, within("cli/watch/")],
  [/^yaml$/, orInTests(within("settings/", "workspace/", "learning/", "apply/"))],
  [/^zod$/, { holds: (file) => !inAny("kernel/")(file), only: "outside kernel/, which needs no package" }],
  [/^emulate$/, { holds: (file) => isTest(file) || inAny("testing/")(file), only: "in tests" }],
  [/^@copilotkit\/aimock$/, { holds: (file) => isTest(file) || inAny("testing/")(file), only: "in tests" }],
];

const OUTSIDE_WORLD: Place = {
  holds: (file) =>
    isTest(file) ||
    inAny("adapters/", "processes/", "connections/", "cli/", "http/", "testing/")(file) ||
    /^database\/(launch|postgres-[a-z-]+)\.ts$/.test(file) ||
    /^workspace\/git(-[a-z-]+)?\.ts$/.test(file),
  only: "by adapters/, the faces, the database launcher and the local git of workspace/: perform it as an act, through a port of acts/ports/",
};
const NETWORK_OR_PROCESS = /^node:(child_process|cluster|dgram|dns|http|http2|https|net|tls)(\/|$)/;

interface Word {
  readonly pattern: RegExp;
  readonly what: string;
  readonly allowed: (file: string) => boolean;
  readonly instead: string;
}
const WORDS: readonly Word[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date(\(\)|(?![\w(]))|\bTemporal\.Now\b/,
    what: "reads the clock of the machine",
    allowed: (file) => file === "kernel/clock.ts",
    instead: "take a Clock (kernel/clock.ts), or use loop_now() in SQL",
  },
  {
    pattern: /(?<![\w.])now\(\)|\b(clock|statement|transaction)_timestamp\(\)|\bcurrent_timestamp\b/i,
    what: "has now() in SQL",
    allowed: (file) => file === "testing/database.ts" || /^database\/[^/]+\.test\.ts$/.test(file), // what makes the clock of tests, and what tries it
    instead: "use loop_now(), which tests can move",
  },
  {
    pattern: /\bprocess\.env\b/,
    what: "reads the environment",
    allowed: (file) =>
      isTest(file) ||
      inAny("settings/", "testing/")(file) ||
      ["kernel/failpoint.ts", "cli/main.ts", "cli/start.ts", "cli/watch/production-react.ts", "connections/proxy-bridge-child.ts"].includes(file),
    instead: "take the setting as a parameter; only settings/ reads it",
  },
  {
    pattern: /(?<![\w.#$])fetch\(|\bglobalThis\.fetch\b|\bnew (WebSocket|EventSource|XMLHttpRequest)\b/,
    what: "opens a connection",
    allowed: OUTSIDE_WORLD.holds,
    instead: "perform it as an act, through a port of acts/ports/",
  },
  {
    pattern: /^export \*/m,
    what: "passes everything on",
    allowed: () => false,
    instead: "let each reader import from the file that has it",
  },
];

interface Violation {
  /** `file: what`, as in EXCEPTIONS. */
  readonly key: string;
  readonly sentence: string;
}

/** What is wrong with one file of src/, seen from its text alone. `file` is relative to src/. */
function violationsOf(file: string, text: string): Violation[] {
  const found = (what: string, instead: string): Violation => ({ key: `${file}: ${what}`, sentence: `src/${file} ${what}: ${instead}.` });
  const code = withoutComments(text);
  const limit = isTest(file) ? MAX_TEST_LINES : MAX_LINES;
  const lines = text.split("\n").length - 1;
  return [
    ...(partOf(file) === null
      ? [found("stands in no part", `move it into one of ${[...PARTS, "adapters/<kind>-<name>", ...FACES, "testing"].join(", ")}`)]
      : []),
    ...(posix.basename(file) === "index.ts" ? [found("is a barrel", "let each reader import from the file that has it")] : []),
    ...(lines > limit ? [found(`has ${lines} lines`, `split it; ${limit} is the most`)] : []),
    ...WORDS.filter(({ pattern, allowed }) => !allowed(file) && pattern.test(code)).map(({ what, instead }) => found(what, instead)),
    ...importsOf(code).flatMap((made) => {
      const instead = wrongImport(file, made);
      return instead === null ? [] : [found(`imports ${made.from}`, instead)];
    }),
  ];
}

interface Import {
  readonly from: string;
  readonly typesOnly: boolean;
}

function importsOf(code: string): Import[] {
  const written = code.matchAll(/^[ \t]*(?:import|export(?=\s+(?:type\s+)?[*{]))\s+(type\s)?(?:[^"'`;]*?\sfrom\s+)?["']([^"']+)["']/gm);
  const loaded = code.matchAll(/\bimport\(\s*["'`]([^"'`]+)["'`]/g);
  return [
    ...[...written].map(([, type, from]) => ({ from: from!, typesOnly: type !== undefined })),
    ...[...loaded].map(([, from]) => ({ from: from!, typesOnly: false })),
  ];
}

/** Where to go instead, or null when the import is right. */
function wrongImport(file: string, made: Import): string | null {
  const { from } = made;
  if (from.startsWith("node:")) return wrongBuiltin(file, made);
  if (from.startsWith("#src/")) return wrongFile(file, from, from.slice("#src/".length));
  if (from.startsWith(".")) return wrongFile(file, from, posix.normalize(posix.join(posix.dirname(file), from)));
  if (/^(\/|file:|https?:|data:)/.test(from)) return "name a file of src/ by #src/ or relatively, or a package";
  return wrongPackage(file, from);
}

function wrongBuiltin(file: string, { from, typesOnly }: Import): string | null {
  if (from === "node:test" && !isTest(file) && !inAny("testing/")(file)) return "it may be imported only in tests and testing/";
  return NETWORK_OR_PROCESS.test(from) && !typesOnly && !OUTSIDE_WORLD.holds(file) ? `it may be imported only ${OUTSIDE_WORLD.only}` : null;
}

function wrongPackage(file: string, from: string): string | null {
  const name = from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
  const place = PACKAGES.find(([pattern]) => pattern.test(name))?.[1];
  if (place === undefined) return "no part may import this package yet; say in PACKAGES of src/architecture.test.ts which one may";
  return place.holds(file) ? null : `it may be imported only ${place.only}`;
}

function wrongFile(file: string, from: string, target: string): string | null {
  const [mine, theirs] = [partOf(file), partOf(target)];
  if (!target.endsWith(".ts")) return "write the whole name of the file, with .ts at its end";
  if (mine === theirs && mine !== "") return from.startsWith("#") ? "inside its own part a file is named relatively" : null;
  const wrong = wrongPart({ file, mine: mine ?? "", target, theirs: theirs ?? "" });
  return wrong ?? (from.startsWith("#") ? null : `in another part a file is named #src/${target}`);
}

interface Crossing {
  readonly file: string;
  readonly mine: string;
  readonly target: string;
  readonly theirs: string;
}

function wrongPart({ file, mine, target, theirs }: Crossing): string | null {
  if (mine === "" || mine === "testing") return null; // main.ts, tests of the whole and the doubles know everything
  if (theirs === "") return "nobody imports what starts the program; run it as a process, or take what it builds as a parameter";
  if (theirs === "testing") return isTest(file) || mine === "package" ? null : "doubles are for tests; take the port as a parameter";
  if (mine.startsWith("adapters/")) return wrongForAdapter(target, theirs);
  if (theirs.startsWith("adapters/")) return "only main.ts and its parts know adapters; take the port of acts/ports/ as a parameter";
  if (FACES.includes(mine)) return wrongForFace(file, target, theirs);
  if (mine === "package" || PARTS.indexOf(theirs) < PARTS.indexOf(mine)) return PARTS.includes(theirs) ? null : "a face is thin; call the part that it calls";
  return `${theirs}/ stands below ${mine}/ in ARCHITECTURE.md §5; take what is needed as a parameter, or move what both need into a part above both`;
}

function wrongForAdapter(target: string, theirs: string): string | null {
  if (theirs.startsWith("adapters/")) return "adapters never import each other; what several need belongs above them, without a vendor in it";
  return inAny(...ADAPTER_IMPORTS)(target) ? null : `an adapter may import only ${ADAPTER_IMPORTS.join(", ")}; take the rest through its options`;
}

function wrongForFace(file: string, target: string, theirs: string): string | null {
  if (!PARTS.includes(theirs)) return "faces do not know each other; what both need belongs in a part above";
  if (isStore(target) && !STORES_FOR_FACES.test(target) && !isTest(file))
    return `a face changes nothing by itself; call the function of ${theirs}/ that uses this statement`;
  return target.startsWith("database/postgres-") ? "this is the inside of database/; call launch.ts, open.ts or migrate.ts" : null;
}

/** `kernel`, `adapters/model-aisdk`, …; empty for what stands beside the parts and knows all of them; null for a place that is none. */
function partOf(file: string): string | null {
  const [first = "", second = "", third] = file.split("/");
  if (second === "") return /^main(-[a-z]+)?\.ts$/.test(first) || first.endsWith(".test.ts") ? "" : null;
  if (first === "adapters") return third === undefined ? null : `adapters/${second}`;
  return [...PARTS, ...FACES, "testing", "package"].includes(first) ? first : null;
}

/** Texts stay, since statements are in them. */
function withoutComments(text: string): string {
  const texts = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|${"`(?:[^`\\\\]|\\\\.)*`"}`;
  return text.replace(new RegExp(String.raw`(${texts})|\/\/[^\n]*|\/\*[^]*?\*\/`, "g"), (_, kept: string | undefined) => kept ?? "");
}

const sources = (): (readonly [string, string])[] =>
  globSync("**/*.ts", { cwd: import.meta.dirname })
    .toSorted()
    .filter((file) => file !== "architecture.test.ts")
    .map((file) => [file, readFileSync(join(import.meta.dirname, file), "utf8")] as const);

test("every file of src/ keeps to the parts, the packages, the clock and the sizes that are agreed", () => {
  const found = sources().flatMap(([file, text]) => violationsOf(file, text));
  const sentences = found.filter(({ key }) => !EXCEPTIONS.includes(key)).map(({ sentence }) => sentence);
  assert.equal(sentences.length, 0, `\n${sentences.join("\n")}`);
  assert.deepEqual(
    EXCEPTIONS.filter((exception) => !found.some(({ key }) => key === exception)),
    [],
    "no longer needed: take these out of EXCEPTIONS",
  );
});

test("no statement of a migration but the one that makes loop_now() reads the clock of the database", () => {
  const folder = join(ROOT, "migrations");
  const clock = WORDS.find(({ what }) => what === "has now() in SQL")!.pattern;
  const guilty = globSync("*.sql", { cwd: folder }).filter((file) => clock.test(readFileSync(join(folder, file), "utf8").replaceAll(/--[^\n]*/g, "")));
  assert.deepEqual(guilty, ["0001_time.sql"]);
});

test("every error code has its row in docs/errors.md, with the answer and the retry that it really has", () => {
  const text = readFileSync(join(ROOT, "docs", "errors.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| (never|later) \| ([^|]+) \| ([^|]+) \|$/gm)];
  const documented = rows.map(([, code, httpStatus, retry]) => ({ code, httpStatus: Number(httpStatus), retry }));
  assert.deepEqual(
    documented,
    Object.entries(ERRORS).map(([code, kind]) => ({ code, ...kind })),
  );
});

const WRONG: readonly (readonly [file: string, text: string, sentence: RegExp])[] = [
  [
    "kernel/ids.ts",
    'import { readSettings } from "#src/settings/read.ts";',
    /imports #src\/settings\/read\.ts: settings\/ stands below kernel\/ .* as a parameter/,
  ],
  ["policy/decide.ts", 'import type { Run } from "#src/runs/run.ts";', /runs\/ stands below policy\//],
  ["policy/decide.ts", 'import {\n  type Run,\n  runOf,\n} from "#src/runs/run.ts";', /runs\/ stands below policy\//],
  ["policy/decide.ts", 'const { runOf } = await import("#src/runs/run.ts");', /runs\/ stands below policy\//],
  ["policy/decide.ts", 'export { runOf } from "#src/runs/run.ts";', /runs\/ stands below policy\//],
  ["policy/decide.test.ts", 'import { runOf } from "#src/runs/run.ts";', /runs\/ stands below policy\//],
  ["runs/reconcile.ts", 'import { modelPort } from "#src/adapters/model-aisdk/model-port.ts";', /only main\.ts and its parts know adapters/],
  ["http/routes.ts", 'import { modelPort } from "#src/adapters/model-aisdk/model-port.ts";', /only main\.ts and its parts know adapters/],
  ["adapters/a-b/x.ts", 'import { y } from "#src/adapters/c-d/y.ts";', /adapters never import each other/],
  ["adapters/a-b/x.ts", 'import { y } from "../c-d/y.ts";', /adapters never import each other/],
  ["adapters/a-b/x.ts", 'import { createRun } from "#src/runs/create.ts";', /an adapter may import only kernel\//],
  ["adapters/a-b/x.ts", 'import { start } from "#src/acts/store/start.ts";', /an adapter may import only kernel\//],
  ["http/routes.ts", 'import { settle } from "#src/asks/store/settle.ts";', /a face changes nothing by itself; call the function of asks\//],
  ["cli/up.ts", 'import { freePort } from "#src/database/postgres-process.ts";', /inside of database\//],
  ["cli/up.ts", 'import { serve } from "#src/http/serve.ts";', /faces do not know each other/],
  ["cli/up.ts", 'import { serve } from "#src/main.ts";', /nobody imports what starts the program/],
  ["cli/up.ts", 'import { toolsOf } from "#src/main-tools.ts";', /nobody imports what starts the program/],
  ["runs/run.ts", 'import { serve } from "#src/http/serve.ts";', /a face is thin/],
  ["runs/run.ts", 'import { heldClock } from "#src/testing/held-clock.ts";', /doubles are for tests/],
  ["runs/run.ts", 'import { wake } from "../leases/store/wake.ts";', /is named #src\/leases\/store\/wake\.ts/],
  ["runs/run.ts", 'import { create } from "#src/runs/create.ts";', /named relatively/],
  ["runs/run.ts", 'import { create } from "./create";', /with \.ts at its end/],
  ["runs/run.ts", 'import { create } from "./create.js";', /with \.ts at its end/],
  ["runs/run.ts", 'import { create } from "/home/somebody/create.ts";', /relatively, or a package/],
  ["runs/run.ts", 'import { parse } from "yaml";', /only in settings\/, workspace\//],
  ["runs/run.ts", 'import { sql } from "kysely";', /imports kysely: it may be imported only in database\/, testing\/ and the store\//],
  ["http/routes.ts", 'import pg from "pg";', /store\//],
  ["runs/jobs.ts", 'import { PgBoss } from "pg-boss";', /only in database\//],
  ["mcp/serve.ts", 'import fastify from "fastify";', /only in http\//],
  ["runs/think/model.ts", 'import { generateText } from "ai";', /only in adapters\/model-aisdk\//],
  ["adapters/model-other/x.ts", 'import { createOpenAI } from "@ai-sdk/openai";', /only in adapters\/model-aisdk\//],
  ["kernel/shape.ts", 'import { z } from "zod";', /outside kernel\//],
  ["runs/run.ts", 'import { map } from "lodash/fp";', /no part may import this package yet/],
  ["runs/run.ts", 'import { spawn } from "node:child_process";', /perform it as an act/],
  ["workspace/load.ts", 'import { execFile } from "node:child_process";', /perform it as an act/],
  ["database/notify.ts", 'import { connect } from "node:net";', /perform it as an act/],
  ["runs/run.ts", 'import { test } from "node:test";', /only in tests/],
  ["runs/run.ts", 'const answer = await fetch("https://example.org");', /opens a connection/],
  ["runs/run.ts", "const call = options.fetch ?? globalThis.fetch;", /opens a connection/],
  ["runs/run.ts", "const at = Date.now();", /take a Clock/],
  ["runs/run.test.ts", "const at = new Date();", /take a Clock/],
  ["runs/run.ts", "const at = +new Date;", /take a Clock/],
  ["runs/store/x.ts", "await sql`select now()`.execute(db);", /use loop_now\(\)/],
  ["runs/store/x.ts", "await sql`select current_timestamp`.execute(db);", /use loop_now\(\)/],
  ["runs/run.ts", 'const home = process.env["HOME"];', /only settings\/ reads it/],
  ["main.ts", 'const home = process.env["HOME"];', /only settings\/ reads it/],
  ["runs/run.ts", 'export * from "./create.ts";', /passes everything on/],
  ["runs/index.ts", "export const one = 1;", /is a barrel/],
  ["helpers.ts", "export const one = 1;", /stands in no part/],
  ["helpers/one.ts", "export const one = 1;", /stands in no part/],
  ["adapters/one.ts", "export const one = 1;", /stands in no part/],
  ["runs/run.ts", "\n".repeat(301), /has 301 lines: split it; 300 is the most/],
  ["runs/run.test.ts", "\n".repeat(501), /500 is the most/],
];

for (const [file, text, sentence] of WRONG) {
  test(`it is seen that ${file} may not have ${JSON.stringify(text.slice(0, 60))}`, () => {
    const found = violationsOf(file, text);
    assert.equal(found.length, 1, JSON.stringify(found));
    assert.match(found[0]!.sentence, sentence);
  });
}

const RIGHT: readonly (readonly [file: string, text: string])[] = [
  ["runs/run.ts", 'import { wake } from "#src/leases/store/wake.ts";\nimport { create } from "./create.ts";\nimport { move } from "./moves/move.ts";'],
  ["runs/moves/move.ts", 'import { runOf } from "../run.ts";'],
  ["runs/run.test.ts", 'import { testDatabase } from "#src/testing/database.ts";\nimport { sql } from "kysely";\nimport { spawn } from "node:child_process";'],
  ["asks/store/settle.ts", 'import { sql } from "kysely";\nimport type { Db } from "#src/database/open.ts";'],
  [
    "adapters/a-b/x.ts",
    'import type { ModelPort } from "#src/acts/ports/model-port.ts";\nimport { spawn } from "node:child_process";\nimport { y } from "./y.ts";',
  ],
  ["adapters/a-b/store/x.ts", 'import { sql } from "kysely";\nimport type { Db } from "#src/database/open.ts";'],
  ["http/serve.ts", 'import fastify from "fastify";\nimport { answer } from "#src/asks/answer.ts";\nimport type { Db } from "#src/database/open.ts";'],
  ["cli/main.ts", 'import { request } from "node:http";\nconst env = process.env;'],
  ["runs/run.ts", 'import type { IncomingMessage } from "node:http";'],
  ["http/routes.test.ts", 'import { moveTicket } from "#src/tickets/store/move.ts";'],
  ["canary.test.ts", 'import { sandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";'],
  ["runs/desk/desk.test.ts", 'import { parse } from "yaml";'],
  ["database/migrate.test.ts", "await sql`select loop_now() - now()`.execute(db);"],
  ["main.ts", 'import { modelPort } from "#src/adapters/model-aisdk/model-port.ts";\nimport { serve } from "#src/http/serve.ts";'],
  ["package/testing.ts", 'export { heldClock } from "#src/testing/held-clock.ts";'],
  ["runs/run.ts", "// Date.now() and process.env are for others\n/* select now() */\nconst at = new Date(clock.nowMs());\nconst late = performance.now();"],
  ["runs/store/x.ts", "await sql`select loop_now()`.execute(db); // not now()"],
  ["kernel/clock.ts", "export const systemClock = { nowMs: () => Date.now() };"],
  ["runs/run.ts", 'const url = "https://example.org"; const refetch = again.fetch(url);'],
  ["workspace/git.ts", 'import { execFile } from "node:child_process";'],
  ["runs/run.ts", "\n".repeat(300)],
];

for (const [file, text] of RIGHT) {
  test(`${file} may have ${JSON.stringify(text.slice(0, 60))}`, () => assert.deepEqual(violationsOf(file, text), []));
}
