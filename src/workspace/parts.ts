import type { z } from "zod";
import { codeFileOf, readDefined } from "./defined-services.ts";
import { agentManifest } from "./manifest/agent.ts";
import { type FileSet, isStray, MAX_FILES, type Place, placeOf } from "./files.ts";
import { budgetManifest, policyManifest, teamManifest } from "./manifest/governance.ts";
import { entityFile, goalFrontMatter, historyFile, skillFrontMatter, skillMetadata, sopFrontMatter, voiceFrontMatter } from "./manifest/knowledge.ts";
import { modelProviderManifest } from "./manifest/provider.ts";
import { serviceManifest } from "./manifest/service.ts";
import { toolServerManifest } from "./manifest/tools.ts";
import { triggerManifest } from "./manifest/trigger.ts";
import { workspaceManifest } from "./manifest/workspace.ts";
import { isOpenLoop, readOpenLoop, resolveApprovers } from "./openloop-part.ts";
import { fileProblem, type Fault, type Problem } from "./problem.ts";
import { shape } from "./shape.ts";
import { readMarkdownFile, readYamlFile } from "./text-file.ts";
import type { Located } from "./yaml-text.ts";

const YAML_SCHEMAS = {
  workspace: workspaceManifest,
  agent: agentManifest,
  team: teamManifest,
  policy: policyManifest,
  budget: budgetManifest,
  history: historyFile,
  entities: entityFile,
  skillMetadata,
  toolServer: toolServerManifest,
  service: serviceManifest,
  trigger: triggerManifest,
  modelProvider: modelProviderManifest,
} as const;

const MARKDOWN_SCHEMAS = { sop: sopFrontMatter, voice: voiceFrontMatter, skill: skillFrontMatter, goal: goalFrontMatter } as const;

const SCHEMAS = { ...YAML_SCHEMAS, ...MARKDOWN_SCHEMAS };
type Shaped = keyof typeof SCHEMAS;

/** One file of the right shape, and where each part of it stands. */
export interface Part<T> {
  readonly file: string;
  readonly data: T;
  readonly body: string;
  readonly locate: Located["locate"];
}

export type PartOf<P extends Shaped> = Part<z.infer<(typeof SCHEMAS)[P]>>;

/** The sound files by place, in order of path, and the places that have an unsound one. */
export interface Parts {
  readonly of: <P extends Shaped>(place: P) => readonly PartOf<P>[];
  readonly playbook: Part<null> | undefined;
  readonly broken: ReadonlySet<Place>;
  readonly paths: readonly string[];
}

/** Reads each file on its own. References between files are looked at by `referenceProblems`. */
export function readParts(files: FileSet): { parts: Parts; problems: Problem[] } {
  const problems: Problem[] = [];
  const broken = new Set<Place>();
  const found = new Map<Place, Part<unknown>[]>();
  const paths = [...files.keys()].toSorted();
  if (paths.length > MAX_FILES) problems.push(fileProblem("loop.yaml", `a workspace of ${paths.length} files`, `${MAX_FILES} at most`));
  else for (const path of paths) readOne(path);
  if (!files.has("loop.yaml")) problems.push(fileProblem("loop.yaml", "no such file", "a file with apiVersion, kind: Workspace and name"));

  function readOne(path: string): void {
    const place = placeOf(path);
    if (place === undefined) {
      problems.push(isStray(path) ? strayProblem(path) : fileProblem(path, "a file that no part of a workspace reads", "a file in its place"));
      return;
    }
    if (place === "definedService") return readServices(path);
    const read = readPart(path, place, files.get(path)!);
    if (read === undefined) return;
    if (read.kind === "ok") {
      const before = found.get(place);
      if (before === undefined) found.set(place, [read.part]);
      else before.push(read.part);
    } else {
      broken.add(place);
      problems.push(...withFile(path, read.faults));
    }
  }

  function readServices(path: string): void {
    const { parts: defined, faults } = readDefined(path, files.get(path)!, files.get(codeFileOf(path)));
    found.set("service", [...(found.get("service") ?? []), ...defined]);
    if (faults.length > 0) broken.add("service");
    problems.push(...withFile(codeFileOf(path), faults));
  }

  const resolved = resolveApprovers((found.get("agent") ?? []) as PartOf<"agent">[], broken.has("team") ? [] : ((found.get("team") ?? []) as PartOf<"team">[]));
  if (found.has("agent")) found.set("agent", resolved.agents);
  if (!broken.has("team")) problems.push(...resolved.problems);

  const of = <P extends Shaped>(place: P) => (found.get(place) ?? []) as PartOf<P>[];
  const playbook = found.get("playbook")?.[0] as Part<null> | undefined;
  return { parts: { of, playbook, broken, paths }, problems };
}

type PartRead = { kind: "ok"; part: Part<unknown> } | { kind: "faults"; faults: readonly Fault[] };

/** Undefined for files that are taken as they are: scripts, sensors, code. */
function readPart(path: string, place: Place, bytes: Uint8Array): PartRead | undefined {
  const isMarkdown = place === "playbook" || place in MARKDOWN_SCHEMAS;
  if (!isMarkdown && !(place in YAML_SCHEMAS)) return undefined;
  const read = isMarkdown ? readMarkdownFile(bytes) : readYamlFile(bytes);
  if (read.kind === "faults") return read;
  const { document, body } = read;
  if (place === "playbook") return { kind: "ok", part: { file: path, data: null, body, locate: document.locate } };
  if (isMarkdown && document.value === null && place !== "goal") {
    return { kind: "faults", faults: [{ line: 1, column: 1, path: "", seen: "no front matter", expected: "fields between two lines of --- at the top" }] };
  }
  if (place === "agent" && isOpenLoop(document.value)) return readOpenLoop(path, document);
  const value = place === "goal" ? (document.value ?? {}) : document.value;
  const shaped = shape<unknown>(SCHEMAS[place as Shaped], { ...document, value });
  return shaped.kind === "ok" ? { kind: "ok", part: { file: path, data: shaped.data, body, locate: document.locate } } : shaped;
}

const FAULTS_SHOWN = 50;

function withFile(file: string, faults: readonly Fault[]): Problem[] {
  const shown = faults.slice(0, FAULTS_SHOWN).map((fault) => ({ file, ...fault }));
  const rest = faults.length - shown.length;
  return rest === 0
    ? shown
    : [...shown, { ...shown.at(-1)!, path: "", seen: `${rest} more problems in this file`, expected: "the ones above put right first" }];
}

const USUAL: Readonly<Record<string, string>> = {
  goals: "goals/<name>.md",
  brain: "brain/voice/*.md, brain/sops/*.md, brain/history/*.yaml or brain/entities/*.yaml",
  skills: "skills/<name>/SKILL.md, skills/<name>/skill.yaml or skills/<name>/references/",
};

function strayProblem(path: string): Problem {
  const top = path.split("/")[0]!;
  return fileProblem(path, "a file that would not be read", `it at ${USUAL[top] ?? `${top}/<name>.yaml`}, or elsewhere if it is not meant to be read`);
}
