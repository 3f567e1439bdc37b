import { LoopError } from "#src/kernel/errors.ts";
import { agentBudgets } from "./agent-budgets.ts";
import { codeProblems, withCodeServers } from "./code-servers.ts";
import { type FileSet, placeOf } from "./files.ts";
import { listFolder } from "./folder.ts";
import type { Entity, Goal, Skill, Workspace } from "./model.ts";
import { folderOf, voiceId } from "./names.ts";
import { type Part, type Parts, readParts } from "./parts.ts";
import { inOrder, type Problem, problemsText } from "./problem.ts";
import { referenceProblems } from "./references.ts";
import { sensorProblems, sensorsOf } from "./sensors.ts";

export type ParsedWorkspace = { readonly kind: "ok"; readonly workspace: Workspace } | { readonly kind: "problems"; readonly problems: readonly Problem[] };

/**
 * The files of a workspace folder that something reads; dotfiles, node_modules, README.md and everything unknown are left out.
 * @throws LoopError workspace_invalid when the folder cannot be read, or holds links that leave it, files over 1 MB or more than 10,000 files
 */
export async function readFolder(folder: string): Promise<FileSet> {
  const { files, problems } = await listFolder(folder);
  if (problems.length > 0) throw invalidWorkspace(problems);
  return files;
}

function invalidWorkspace(problems: readonly Problem[]): LoopError {
  return new LoopError("workspace_invalid", problemsText(problems), { facts: { problems: problems.length, file: problems[0]?.file ?? null } });
}

/** Pure: the same files give the same workspace in every process, so each builds it from the record. Problems come all at once, in order of file and line. Never throws. */
export function parseWorkspace(files: FileSet): ParsedWorkspace {
  const { parts, problems } = readParts(files);
  const all = [...problems, ...referenceProblems(parts), ...codeProblems(toolFiles(parts), parts.paths), ...sensorProblems(parts.paths, files)];
  return all.length === 0 ? { kind: "ok", workspace: toWorkspace(parts, files) } : { kind: "problems", problems: inOrder(all) };
}

const sourced = <T extends object>(part: Part<T>): T & { source: string } => ({ ...part.data, source: part.file });
const written = <T extends object>(part: Part<T>): T & { source: string; body: string } => ({ ...part.data, source: part.file, body: part.body });

const toolFiles = (parts: Parts) =>
  parts.of("toolServer").map(({ file, data: { name, from } }) => ({ file, name, code: from.by === "code" ? from.file : null }));

function toWorkspace(parts: Parts, files: FileSet): Workspace {
  return {
    manifest: manifest(parts),
    agents: parts.of("agent").map(sourced),
    toolServers: withCodeServers(parts.of("toolServer").map(sourced), files),
    services: parts.of("service").map(sourced),
    triggers: parts.of("trigger").map(sourced),
    code: parts.paths.filter((path) => placeOf(path) === "code"),
    policies: parts.of("policy").map(sourced),
    budgets: [...parts.of("budget").map(sourced), ...parts.of("agent").map(sourced).flatMap(agentBudgets)],
    team: parts
      .of("team")
      .flatMap(({ file, data }) => data.members.map((member) => ({ ...member, team: data.name, groups: groupsOf(parts, member.id), source: file }))),
    sops: parts.of("sop").map(written),
    voice: parts.of("voice").map((part) => ({ ...written(part), id: voiceId(part.file) })),
    history: parts.of("history").flatMap(({ file, data }) => data.items.map((item) => ({ ...item, source: file }))),
    entities: entities(parts),
    skills: parts.of("skill").map((part) => skill(parts, part)),
    goals: parts.of("goal").map(goal),
    sensors: sensorsOf(parts.paths, files),
    playbook: parts.playbook ? { source: parts.playbook.file, body: parts.playbook.body } : null,
  };
}

const groupsOf = (parts: Parts, person: string): string[] =>
  parts.of("team").flatMap(({ data }) => (data.also.includes(person) || data.members.some(({ id }) => id === person) ? [data.name] : []));

/** Providers with a file of their own stand beside those of loop.yaml. */
function manifest(parts: Parts): Workspace["manifest"] {
  const file = sourced(parts.of("workspace")[0]!);
  const own = parts.of("modelProvider").map(({ data: { name, wire, baseUrl, apiKey, region } }) => [name, { wire, baseUrl, apiKey, region }] as const);
  return { ...file, providers: { ...file.providers, ...Object.fromEntries(own) } };
}

function entities(parts: Parts): Map<string, Entity[]> {
  const byKind = new Map<string, Entity[]>();
  for (const { file, data } of parts.of("entities")) {
    const items = data.items.map((item) => ({ ...item, kind: data.entity, source: file }));
    byKind.set(data.entity, [...(byKind.get(data.entity) ?? []), ...items]);
  }
  return byKind;
}

function skill(parts: Parts, part: ReturnType<typeof skillParts>[number]): Skill {
  const folder = folderOf(part.file);
  return {
    name: part.data.name,
    description: part.data.description,
    frontMatter: part.data,
    metadata: parts.of("skillMetadata").find(({ file }) => folderOf(file) === folder)?.data ?? null,
    files: parts.paths.filter((path) => path.startsWith(`skills/${folder}/`) && path.split("/").length > 3),
    source: part.file,
    body: part.body,
  };
}

const skillParts = (parts: Parts) => parts.of("skill");

function goal(part: Part<{ readonly title?: string | undefined; readonly labels: Record<string, string> }>): Goal {
  const id = part.file.slice("goals/".length, -".md".length);
  const heading = /^#\s+(.+)$/m.exec(part.body)?.[1]?.trim();
  return { id, title: part.data.title ?? heading ?? id, labels: part.data.labels, archived: id.startsWith("archive/"), source: part.file, body: part.body };
}
