import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Seen } from "./checks.ts";

const LOOP = join(import.meta.dirname, "..", "..", "bin", "loop");
const LONGEST_MS = 60_000;

/** A `loop` that goes on in the background, as an agent leaves it. */
export interface Waiting {
  readonly process: ChildProcess;
  readonly done: Promise<Seen>;
  isOver(): boolean;
}

/** Whoever drives the verbs of one home from outside, by `bin/loop` and nothing else. */
export interface Agent {
  readonly home: string;
  (...args: string[]): Promise<Seen>;
  /** With something on standard input. */
  given(input: string, ...args: string[]): Promise<Seen>;
  json<T>(...args: string[]): Promise<T>;
  waiting(...args: string[]): Waiting;
  /** Of processes of this home. */
  serverIds(): number[];
}

/** The settings of whoever runs the trials are not those of the program under test. */
const bare = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("LOOP_") && name !== "DATABASE_URL" && !name.endsWith("_API_KEY")),
);

export function agentOf(home: string, env: Readonly<Record<string, string>>): Agent {
  const own = { ...bare, LOOP_HOME: home, LOOP_PORT: "0", ...env };
  const given: Agent["given"] = (input, ...args) =>
    new Promise((resolve) => {
      const child = execFile(LOOP, args, { cwd: join(home, ".."), env: own, timeout: LONGEST_MS }, (error, out, err) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err });
      });
      child.stdin!.on("error", () => undefined); // it may end without having read it
      child.stdin!.end(input);
    });
  return Object.assign((...args: string[]) => given("", ...args), {
    home,
    given,
    async json<T>(...args: string[]): Promise<T> {
      const seen = await given("", ...args, "--json");
      if (seen.code !== 0) throw new Error(`loop ${args.join(" ")} ended with ${seen.code}: ${seen.out}${seen.err}`);
      return JSON.parse(seen.out) as T;
    },
    waiting: (...args: string[]) => waitFor(args, { home, env: own }),
    serverIds: () => idsIn(join(home, "processes")),
  });
}

function waitFor(args: readonly string[], { home, env }: { home: string; env: NodeJS.ProcessEnv }): Waiting {
  const child = spawn(LOOP, args, { cwd: join(home, ".."), env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err, isOver] = ["", "", false];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString("utf8")));
  const done = new Promise<Seen>((resolve) =>
    child.on("close", (code) => {
      isOver = true;
      resolve({ code: code ?? -1, out, err });
    }),
  );
  return { process: child, done, isOver: () => isOver };
}

function idsIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .map((name) => (JSON.parse(readFileSync(join(folder, name), "utf8")) as { processId: number }).processId)
      .filter(isThere);
  } catch {
    return []; // nobody has served this home yet
  }
}

/** One that was killed leaves its file. */
function isThere(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false; // there is no such process, or it is nobody's of ours
  }
}
