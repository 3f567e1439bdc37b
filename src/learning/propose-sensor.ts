import { sha256 } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import type { LearningDeps } from "./learn.ts";
import { putBeforePeople, soundWith } from "./open-proposal.ts";
import type { Proposal, ProposedFile } from "./proposal.ts";

export interface SensorWanted {
  /** Without a folder; without an ending it is a shell script. */
  readonly name: string;
  readonly script: string;
  /** A principal id. */
  readonly author: string;
}

/**
 * Proposes a sensor: a program that runs again and again in the name of the workspace, so nothing of it runs before an owner or admin accepts it. The same
 * script twice is one open proposal. @throws LoopError input_invalid
 */
export async function proposeSensor(deps: LearningDeps, { name, script, author }: SensorWanted): Promise<Proposal> {
  const { db, clock, workspaces } = deps;
  const { revision } = await workspaces.current();
  const files = await revisionFiles(db, revision);
  const path = `sensors/${/\.[a-z]+$/.test(name) ? name : `${name}.sh`}`;
  const before = files.get(path);
  const file: ProposedFile = { path, text: asProgram(path, script), base: before === undefined ? null : sha256(before) };
  if (before !== undefined && sha256(file.text) === file.base)
    throw new LoopError("input_invalid", `${path} says exactly this already. Nothing was proposed.`, { facts: { file: path } });
  soundWith(files, file);
  return putBeforePeople(deps, {
    id: newId("pro", clock.nowMs()),
    kind: "sensor",
    title: `${before === undefined ? "new" : "changed"} sensor ${path.slice("sensors/".length)}`,
    reason: `Whoever decides wants to know what ${path} says. It is a program: it runs again and again, in the sandbox, from the moment at which it is accepted.`,
    fingerprint: `sensor:${path}:${sha256(file.text)}`,
    files: [file],
    sources: { tickets: [] },
    test: null,
    prompt: null,
    author,
  });
}

/** A file that says by what it is run, with one line feed at its end. */
function asProgram(path: string, script: string): string {
  const text = `${script.trimEnd()}\n`;
  return text.startsWith("#!") || !path.endsWith(".sh") ? text : `#!/usr/bin/env bash\n${text}`;
}
