import type { AgentManifest } from "./manifest/agent.ts";
import type { ServiceManifest } from "./manifest/service.ts";
import type { ToolServerManifest } from "./manifest/tools.ts";
import type { TriggerManifest } from "./manifest/trigger.ts";
import type { WorkspaceManifest } from "./manifest/workspace.ts";
import type { BudgetManifest, PolicyManifest, TeamManifest } from "./manifest/governance.ts";
import type { SensorHeader } from "./sensor-header.ts";
import type { EntityItem, HistoryItem, SkillFrontMatter, SkillMetadata, SopFrontMatter, VoiceFrontMatter } from "./manifest/knowledge.ts";

/** `source` is the path of the file that it stands in. */
export interface Sourced {
  readonly source: string;
}

/** Text in Markdown, without the front matter. */
export interface Written extends Sourced {
  readonly body: string;
}

/** `notes`: what its file says that means nothing here, in words that go on after its name; files of ours have none. */
export type Agent = AgentManifest & Sourced & { readonly notes?: readonly string[]; readonly openLoop?: OpenLoopWords };

/** What a file of OpenLoop says in its own words: its workspace, and each action that it allows with the tool that it is here. */
export interface OpenLoopWords {
  readonly workspace: string;
  readonly actions: Readonly<Record<string, string>>;
}
export type ToolServer = ToolServerManifest & Sourced;
export type Service = ServiceManifest & Sourced;
export type Trigger = TriggerManifest & Sourced;
/** The name of the rule that `approvals` of an agent makes. Rules of files have no colon. */
export const approvalsRule = (agent: string): string => `${agent}:approvals`;
export type Policy = PolicyManifest & Sourced;
export type Budget = BudgetManifest & Sourced;
export type Member = TeamManifest["members"][number] &
  Sourced & { readonly team: string; /** Every team that names this person. */ readonly groups: readonly string[] };
export type Sop = SopFrontMatter & Written;
/** `id`: the name of its file without folder and ending. */
export type Voice = VoiceFrontMatter & Written & { readonly id: string };
export type HistoryCase = HistoryItem & Sourced;
/** `kind` is what the file calls `entity`, such as vendor or property. */
export type Entity = EntityItem & Sourced & { readonly kind: string };

export interface Skill extends Written {
  readonly name: string;
  readonly description: string;
  readonly frontMatter: SkillFrontMatter;
  /** `skill.yaml`; null for a plain Agent Skill. */
  readonly metadata: SkillMetadata | null;
  /** Paths of the files under scripts/, references/ and assets/, sorted. */
  readonly files: readonly string[];
}

export interface Goal extends Written {
  /** The path below goals/ without ending, such as `stock` or `archive/stock`. */
  readonly id: string;
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly archived: boolean;
}

/** `name`: the file's, without ending. */
export interface Sensor extends Sourced, SensorHeader {
  readonly name: string;
}

/** A whole workspace that was found sound: shapes, references and names. Lists are in order of path, and of the file within. */
export interface Workspace {
  readonly manifest: WorkspaceManifest & Sourced;
  readonly agents: readonly Agent[];
  readonly toolServers: readonly ToolServer[];
  readonly services: readonly Service[];
  readonly triggers: readonly Trigger[];
  /** TypeScript below tools/ and services/, by path. */
  readonly code: readonly string[];
  readonly policies: readonly Policy[];
  /** Those of budgets/ and those that agents bring. */
  readonly budgets: readonly Budget[];
  readonly team: readonly Member[];
  readonly sops: readonly Sop[];
  readonly voice: readonly Voice[];
  readonly history: readonly HistoryCase[];
  readonly entities: ReadonlyMap<string, readonly Entity[]>;
  readonly skills: readonly Skill[];
  readonly goals: readonly Goal[];
  readonly sensors: readonly Sensor[];
  readonly playbook: Written | null;
}
