import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** The files of one state of the code, written where nothing but its own process reads them. */
export interface CodeFolder {
  readonly path: string;
  close(): Promise<void>;
}

export async function writeCode(files: ReadonlyMap<string, Uint8Array>): Promise<CodeFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "loopwright-code-")));
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), bytes, { mode: 0o400 });
  }
  return { path, close: () => rm(path, { recursive: true, force: true }) };
}

export interface CodeCall {
  readonly code: CodeFolder;
  /** In the folder, such as tools/orders.ts or services/orders.ts. */
  readonly file: string;
  readonly call: { readonly [key: string]: Json };
  readonly timeoutMs: number;
  readonly maxResultBytes: number;
  readonly signal: AbortSignal;
}

const CHILD = fileURLToPath(new URL(`./code-child${extname(import.meta.filename)}`, import.meta.url));
/** `src/` or `dist/`, and what stands beside it. */
const SOURCES = dirname(dirname(dirname(CHILD)));
const PACKAGE = dirname(SOURCES);
const ZOD = dirname(fileURLToPath(import.meta.resolve("zod/package.json")));
const MEMORY_MB = 256;
const ENVELOPE_BYTES = 4_096;

/**
 * Calls the code in a process of its own: in the sandbox, without the environment of the server, and by Node's own permissions without other files, programs,
 * threads and add-ons. @throws LoopError tool_failed naming file and line | sandbox_unavailable
 */
export async function callCode(
  sandbox: SandboxPort,
  { code, file, call, timeoutMs, maxResultBytes, signal }: CodeCall,
): Promise<{ readonly [key: string]: Json }> {
  const cwd = await realpath(await mkdtemp(join(tmpdir(), "loopwright-call-")));
  try {
    const callFile = join(cwd, "call.json");
    await writeFile(callFile, JSON.stringify(call), { mode: 0o600 });
    const readable = [`${SOURCES}/*`, join(PACKAGE, "package.json"), `${ZOD}/*`, `${code.path}/*`, `${cwd}/*`];
    const ran = await sandbox.run(
      {
        argv: [
          process.execPath,
          "--permission",
          ...readable.map((path) => `--allow-fs-read=${path}`),
          `--max-old-space-size=${MEMORY_MB}`,
          "--no-warnings",
          CHILD,
          code.path,
          file,
          callFile,
        ],
        cwd,
        writable: [],
        readable: [code.path, SOURCES, join(PACKAGE, "package.json"), ZOD, process.execPath],
        env: { TZ: "UTC", LANG: "C.UTF-8" },
        timeoutMs,
        maxOutputBytes: maxResultBytes + ENVELOPE_BYTES,
      },
      signal,
    );
    if (ran.timedOut) throw failed(`${file} took longer than ${timeoutMs} ms and was ended`);
    if (ran.exitCode !== 0) throw failed(whyFailed(ran.stderr, { file, code }));
    if (ran.truncated) throw failed(`${file} gave a result of more than ${maxResultBytes} bytes`);
    return readAnswer(ran.stdout, file);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

const failed = (why: string): LoopError => new LoopError("tool_failed", `${why}.`);

function readAnswer(stdout: string, file: string): { readonly [key: string]: Json } {
  try {
    const value: unknown = JSON.parse(stdout);
    if (typeof value === "object" && value !== null) return value as { readonly [key: string]: Json };
  } catch {
    // the sentence below says it
  }
  throw failed(`${file} ended without a result`);
}

const LONGEST_REASON = 500;
const HERE = "\u0001"; // stands for the folder of the code: other folders may be named tools too

/** Without a stack it stands in brackets, with its members after it: [TypeError: fetch failed] { */
const THROWN = /^(?:Uncaught )?(?:\[(\w*(?:Error|Exception)\b[^\n]*)\](?: \{)?|(\w*(?:Error|Exception)\b[^\n]*))$/m;

/** Where in the workspace it broke, and what was thrown. Paths of this machine are left out. */
function whyFailed(stderr: string, { file, code }: { file: string; code: CodeFolder }): string {
  const marked = stderr.replaceAll(`file://${code.path}/`, HERE).replaceAll(`${code.path}/`, HERE);
  const at = new RegExp(String.raw`${HERE}((?:tools|services)/[\w./-]+\.ts):(\d+)`).exec(marked);
  const said = marked.replaceAll(HERE, "");
  const thrown = THROWN.exec(said)?.slice(1).find(Boolean) ?? lastLine(said);
  const reason = thrown.replace(/^\w*Error(?: \[\w+\])?: /, "").slice(0, LONGEST_REASON) || "it was ended by the system";
  return `${at ? `${at[1]}:${at[2]}` : file}: ${reason.replace(/\.$/, "")}`;
}

/** Node ends what it says of a crash with its own version. */
const lastLine = (said: string): string =>
  said
    .trim()
    .split("\n")
    .findLast((line) => line.trim() !== "" && !line.startsWith("Node.js v")) ?? "";
