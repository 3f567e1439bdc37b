import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { eachLine } from "./lines.ts";
import { until } from "./wait.ts";

/** One line that a child said: a JSON object with a `say`. */
export type Said = { readonly say: string } & { readonly [key: string]: unknown };

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of a trial. It is ended with the trial, by its own id, whatever became of it. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly said: readonly Said[];
  readonly exited: Promise<Ended>;
  hasExited(): boolean;
  /** The first thing of this kind that it said. @throws Error when it ended, or said nothing in time; with the end of its standard error */
  heard(kind: string, limitMs?: number): Promise<Said>;
  tell(line: object): void;
  signal(signal: NodeJS.Signals): void;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits. */
  stop(): Promise<Ended>;
  errors(): string;
}

export interface ChildOptions {
  readonly name: string;
  /** A file of this folder, run by the same Node. */
  readonly script: URL;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Programs put before Node, such as `unshare -n`. */
  readonly under?: readonly string[];
}

const USUAL_LIMIT_MS = 60_000;

/** The environment of the trial without settings of a home that somebody works with. */
const OURS = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(LOOP_|DATABASE_URL$|.*_API_KEY$|.*_BASE_URL$)/.test(name)));

export function startChild({ name, script, args = [], env = {}, under = [] }: ChildOptions): Child {
  const line = [...under, process.execPath, fileURLToPath(script), ...args];
  const child = spawn(line[0]!, line.slice(1), { env: { ...OURS, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const said: Said[] = [];
  let stderr = "";
  let ended: Ended | undefined;
  eachLine(child.stdout, (text) => void said.push(...readLine(text)));
  child.stderr.on("data", (data: Buffer) => (stderr = (stderr + data.toString()).slice(-20_000)));
  child.stdin.on("error", () => undefined); // it was killed while something was told to it
  const exited = new Promise<Ended>((resolve) => {
    child.once("error", (error) => ((stderr += error.message), resolve((ended = { code: -1, signal: null }))));
    child.once("close", (code, signal) => resolve((ended = { code, signal })));
  });
  return {
    name,
    pid: child.pid ?? 0,
    said,
    exited,
    hasExited: () => ended !== undefined,
    async heard(kind, limitMs = USUAL_LIMIT_MS) {
      const find = () => said.find((one) => one.say === kind);
      await until(() => find() !== undefined || ended !== undefined, { limitMs, everyMs: 10 });
      const found = find();
      if (found) return found;
      throw new Error(`${name} said no "${kind}" in ${limitMs} ms${ended ? `; it ended with ${ended.signal ?? ended.code}` : ""}. ${stderr.slice(-2_000)}`);
    },
    tell: (value) => void child.stdin.write(`${JSON.stringify(value)}\n`),
    signal: (signal) => signalTo(child, signal),
    async kill() {
      signalTo(child, "SIGKILL");
      await exited;
    },
    async stop() {
      signalTo(child, "SIGTERM");
      return exited;
    },
    errors: () => stderr,
  };
}

function signalTo(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
}

function readLine(text: string): Said[] {
  if (!text.startsWith('{"say":')) return [];
  return [JSON.parse(text) as Said];
}
