import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SandboxPort, SandboxResult } from "#src/acts/ports/sandbox-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { readBytes, type SensorBounds } from "./output.ts";
import type { SensorProgram } from "./programs.ts";

export interface SensorPlace {
  /** Which sandbox is in force; the workspace says. */
  readonly sandbox: () => Promise<SandboxPort>;
  /** The folder of the workspace, absolute and without links; a sensor starts there and only reads it. */
  readonly folder: string;
  /** @throws LoopError secret_unavailable */
  readonly secret: (reference: string) => Promise<string>;
  readonly bounds: SensorBounds;
  /** A way out of the sandbox to these hosts. */
  readonly wayTo: (hosts: readonly string[]) => Promise<WayOut>;
}

export interface WayOut {
  /** The command line of a program that finds it. */
  wrap(argv: SensorProgram["argv"]): SensorProgram["argv"];
  /** What such a program has to see beside its own files. */
  readonly readable: readonly string[];
  end(): void;
}

/** `ran`: it was started, however it ended. `refused`: it was not, and why. */
export type SensorRun =
  | { readonly kind: "ran"; readonly result: SandboxResult; readonly sandbox: string }
  | { readonly kind: "refused"; readonly why: string; readonly lacks: "sandbox" | "secret" };

const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin"; // the last one is where NixOS has them

/**
 * Runs a sensor once, apart from the machine: what it sees is only read, and its environment is `PATH`, an empty `HOME`, `LOOP_WORKSPACE` and the secrets that
 * it declares; where it declares hosts, it finds a proxy to them. All that it started is gone when this returns. Throws only for bugs.
 */
export async function runSensor(place: SensorPlace, program: SensorProgram, signal: AbortSignal): Promise<SensorRun> {
  const sandbox = await place.sandbox();
  const ready = await sandbox.available();
  if (!ready.ok) return { kind: "refused", why: `sandbox: ${ready.why}`, lacks: "sandbox" };
  const secrets = await secretsOf(place, program);
  if (typeof secrets === "string") return { kind: "refused", why: secrets, lacks: "secret" };
  const way = sandbox.name === "off" || program.network.length === 0 ? undefined : await place.wayTo(program.network);
  const home = sandbox.name === "off" ? await mkdtemp(join(tmpdir(), "loopwright-sensor-")) : "/tmp"; // in a sandbox that is an empty one of its own
  try {
    const result = await sandbox.run(
      {
        argv: way ? way.wrap(program.argv) : program.argv,
        cwd: place.folder,
        cwdIsReadOnly: true,
        writable: [],
        readable: [...program.readable, ...(way?.readable ?? [])],
        env: { ...secrets, PATH: SEARCH_PATH, HOME: home, TMPDIR: home, LOOP_WORKSPACE: place.folder },
        timeoutMs: program.timeoutMs ?? place.bounds.timeoutMs,
        maxOutputBytes: readBytes(place.bounds),
        endsWhenCut: true,
      },
      signal,
    );
    return { kind: "ran", result, sandbox: sandbox.name };
  } catch (error) {
    if (!(error instanceof LoopError && error.code === "sandbox_unavailable")) throw error;
    return { kind: "refused", why: `sandbox: ${error.message}`, lacks: "sandbox" };
  } finally {
    way?.end();
    if (sandbox.name === "off") await rm(home, { recursive: true, force: true });
  }
}

/** A text: which one is missing and why; never a value. */
async function secretsOf({ secret }: SensorPlace, { secrets }: SensorProgram): Promise<Readonly<Record<string, string>> | string> {
  const values: Record<string, string> = {};
  for (const [variable, reference] of Object.entries(secrets)) {
    try {
      values[variable] = await secret(reference);
    } catch (error) {
      if (!(error instanceof LoopError)) throw error;
      return `${variable} has no value: ${error.message}`;
    }
  }
  return values;
}
