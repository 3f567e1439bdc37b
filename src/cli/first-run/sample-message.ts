import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { readYaml } from "#src/workspace/yaml-text.ts";
import { ROOT } from "../context.ts";

/** A message to try, as a file of `samples/` says it. */
export interface SampleMessage {
  readonly sender: string;
  readonly language: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly externalId: string;
  readonly text: string;
}

/** One of the sample workspace. @throws LoopError input_invalid when the file is not as it should be */
export function readSample(workspace: string, name: string): SampleMessage {
  const file = join(ROOT, "workspaces", workspace, "samples", `${name}.yaml`);
  const read = readYaml(readFileSync(file, "utf8"));
  const { sender, language, labels, externalId, text } = (read.kind === "ok" ? read.document.value : {}) as SampleMessage;
  if (typeof text === "string" && typeof sender === "string") return { sender, language, labels, externalId, text };
  throw new LoopError("input_invalid", `${file} is no sample message. Put back the file that belongs to this version.`, { facts: { file } });
}
