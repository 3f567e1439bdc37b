import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join, posix, relative } from "node:path";
import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { whyForbidden } from "./deny-list.ts";

type ShellServer = ToolServerFrom<"shell">;
type ShellDeps = Pick<ToolDeps, "sandbox" | "workspaceFolder" | "hidden">;

const text = z
  .string()
  .max(131_072)
  .refine((value) => !value.includes("\0"), "expected a text without NUL");
const args = z.strictObject({
  argv: z
    .array(text)
    .min(1)
    .max(1_000)
    .refine(([program]) => program !== "" && !program?.startsWith("-"), "expected the name of a program first")
    .describe("program and arguments, each by itself; no shell reads them unless the program is one"),
  reason: z.string().max(500).optional().describe("what it is for, for the person who is asked"),
});
type Given = z.infer<typeof args>;

/** `<server>.run`: one command in the sandbox, an act of kind `shell`. What the deny list names is refused before anybody is asked. */
export function shellTools(server: ShellServer, deps: ShellDeps): ToolPort[] {
  const { programs, folder, timeout } = server.from;
  return [
    nativeTool(server, {
      name: "run",
      kind: "shell",
      description: `Runs one command${folder === undefined ? " in an empty folder" : ` in ${folder}`}, without a network. ${programs.length === 0 ? "" : `Programs: ${programs.join(", ")}.`}`,
      args,
      effect: "once",
      terms: { risk: "high", outbound: true, private: true, untrusted: true },
      check: (given) => requireAllowed(server, given),
      facts: async ({ argv }) => ({
        risk: "high",
        labels: { program: posix.basename(argv[0]!).slice(0, 128) || "unknown" },
        ...(folder === undefined ? {} : { path: await folderOf(folder, deps) }),
      }),
      async invoke(given, { signal }) {
        requireAllowed(server, given);
        return inFolder(folder, deps, (cwd) => run(given, { cwd, deps, timeoutMs: timeout, maxOutputBytes: server.limits.maxResultBytes, signal }));
      },
    }),
  ];
}

function requireAllowed(server: ShellServer, { argv }: Given): void {
  const { programs } = server.from;
  if (programs.length > 0 && !programs.includes(argv[0]!))
    throw new LoopError("input_invalid", `${server.name} does not run ${argv[0]!.slice(0, 80)}. Expected one of ${programs.join(", ")}.`);
  const why = whyForbidden(argv);
  if (why !== null) throw new LoopError("input_invalid", `This command is run for nobody: ${why}.`);
}

interface Limits {
  readonly cwd: string;
  readonly deps: ShellDeps;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal;
}

async function run({ argv }: Given, { cwd, deps, timeoutMs, maxOutputBytes, signal }: Limits): Promise<Json> {
  const sandbox = await deps.sandbox();
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: cwd, LANG: "C.UTF-8" };
  const ran = await sandbox.run({ argv: argv as [string, ...string[]], cwd, writable: [], env, timeoutMs, maxOutputBytes }, signal);
  return { exitCode: ran.exitCode, timedOut: ran.timedOut, stdout: ran.stdout, stderr: ran.stderr, truncated: ran.truncated, sandbox: sandbox.name };
}

async function inFolder(folder: string | undefined, deps: ShellDeps, work: (cwd: string) => Promise<Json>): Promise<Json> {
  if (folder !== undefined) return work(await folderOf(folder, deps));
  const own = await realpath(await mkdtemp(join(tmpdir(), "loopwright-command-")));
  try {
    return await work(own);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** @throws LoopError tool_failed for a folder in which a command could change what agents are told and may do, or the server itself */
async function folderOf(folder: string, { workspaceFolder, hidden }: ShellDeps): Promise<string> {
  const path = await realpath(isAbsolute(folder) ? folder : join(workspaceFolder, folder)).catch((cause: unknown) => {
    throw new LoopError("tool_failed", `The folder ${folder} of the command is not there. Make it first.`, { cause });
  });
  const isWithin = (inner: string, outer: string): boolean => !/^\.\.(?:\/|$)/.test(relative(outer, inner)) && !isAbsolute(relative(outer, inner));
  const real = await Promise.all([workspaceFolder, ...hidden].map((place) => realpath(place).catch(() => place)));
  const wall = real.find((place) => isWithin(path, place) || isWithin(place, path));
  if (wall === undefined) return path;
  throw new LoopError("tool_failed", `The folder ${path} holds ${wall}, or lies in it, and a command may write its folder. Give it one apart.`);
}
