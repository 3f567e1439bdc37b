/** The files of a workspace by path: relative, `/` between the parts, Unicode NFC. */
export type FileSet = ReadonlyMap<string, Uint8Array>;

export const MAX_FILE_BYTES = 1_048_576;
export const MAX_FILES = 10_000;
export const MAX_TOTAL_BYTES = 64 * MAX_FILE_BYTES;

export type Place =
  | "workspace"
  | "playbook"
  | "goal"
  | "voice"
  | "sop"
  | "history"
  | "entities"
  | "agent"
  | "team"
  | "policy"
  | "budget"
  | "skill"
  | "skillMetadata"
  | "skillFile"
  | "sensor"
  | "toolServer"
  | "service"
  | "trigger"
  | "modelProvider"
  | "code"
  | "definedService";

const PLACES: readonly (readonly [RegExp, Place])[] = [
  [/^loop\.yaml$/, "workspace"],
  [/^PLAYBOOK\.md$/, "playbook"],
  [/^goals\/.+\.md$/, "goal"],
  [/^brain\/voice\/.+\.md$/, "voice"],
  [/^brain\/sops\/.+\.md$/, "sop"],
  [/^brain\/history\/.+\.(?:ya?ml|json)$/, "history"],
  [/^brain\/entities\/.+\.(?:ya?ml|json)$/, "entities"],
  [/^agents\/[^/]+\.ya?ml$/, "agent"],
  [/^teams\/[^/]+\.ya?ml$/, "team"],
  [/^policies\/[^/]+\.ya?ml$/, "policy"],
  [/^budgets\/[^/]+\.ya?ml$/, "budget"],
  [/^skills\/[^/]+\/SKILL\.md$/, "skill"],
  [/^skills\/[^/]+\/skill\.yaml$/, "skillMetadata"],
  [/^skills\/[^/]+\/(?:scripts|references|assets)\/.+$/, "skillFile"],
  [/^sensors\/.+$/, "sensor"],
  [/^tools\/[^/]+\.ya?ml$/, "toolServer"],
  [/^services\/[^/]+\.ya?ml$/, "service"],
  [/^triggers\/[^/]+\.ya?ml$/, "trigger"],
  [/^models\/[^/]+\.ya?ml$/, "modelProvider"],
  [/^(?:services|tools)\/.+\.ts$/, "code"],
  [/^services\/[^/]+\.ts\.json$/, "definedService"], // what the code beside it defined; stands in revisions, never in a folder
];

/** What stands at the top of a workspace and is read. */
export const TOP_LEVEL = [
  "loop.yaml",
  "PLAYBOOK.md",
  "goals",
  "brain",
  "agents",
  "teams",
  "policies",
  "budgets",
  "skills",
  "sensors",
  "triggers",
  "services",
  "tools",
  "models",
] as const;

/** Where a file belongs; undefined: nothing reads it. */
export function placeOf(path: string): Place | undefined {
  if (isHidden(path)) return undefined;
  return PLACES.find(([pattern]) => pattern.test(path))?.[1];
}

/** Files that are read, and files that look as if somebody expected them to be read, so that they can be told. */
export function isWanted(path: string): boolean {
  return placeOf(path) !== undefined || isStray(path);
}

/** A Markdown, YAML or JSON file in a folder of the workspace, but not where that folder keeps such files: a rule that would silently not apply. */
export function isStray(path: string): boolean {
  return placeOf(path) === undefined && !isHidden(path) && (TOP_LEVEL as readonly string[]).includes(path.split("/")[0]!) && /\.(?:md|ya?ml|json)$/i.test(path);
}

function isHidden(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".") || part === "node_modules" || part === "__pycache__" || /^readme\.md$/i.test(part));
}

const LIVE = new Set<Place>(["playbook", "goal", "voice", "sop", "history", "entities"]);

/** `apply`: power, which changes only by apply. `live`: direction and knowledge, taken as they are. Of an SOP the text is live; its thresholds are power (see power.ts). */
export function kindOf(path: string): "apply" | "live" {
  const place = placeOf(path);
  return place !== undefined && LIVE.has(place) ? "live" : "apply";
}
