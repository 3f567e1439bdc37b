import type { Approvers, ExpiryStep } from "./manifest/common.ts";
import { nameProblems } from "./names.ts";
import { knownProviders, modelReferences } from "./model-references.ts";
import { approvalsRule } from "./model.ts";
import { GATEWAY_AGENT, JUDGE_AGENT } from "./manifest/workspace.ts";
import { didYouMean } from "./nearest.ts";
import type { Part, Parts } from "./parts.ts";
import { type Path, pathText, type Problem } from "./problem.ts";
import type { Place } from "./files.ts";

/** A name in one file that should stand for something in another. */
export interface Reference {
  readonly part: Part<unknown>;
  readonly path: Path;
  readonly name: string;
}

/** What names may refer to. `place`: where they are written; while a file there is unsound, nothing is said about names that are missing. */
interface Known {
  readonly what: string;
  readonly place: readonly Place[];
  readonly names: ReadonlySet<string>;
}

/** Names that stand for nothing, and names given twice. */
export function referenceProblems(parts: Parts): Problem[] {
  const missing = [
    ...missingIn(parts, knownVendors(parts), vendorReferences(parts)),
    ...labelProblems(parts),
    ...missingIn(
      parts,
      { what: "person", place: ["team"], names: new Set(parts.of("team").flatMap((team) => team.data.members.map((one) => one.id))) },
      people(parts),
    ),
    ...missingIn(parts, { what: "team", place: ["team"], names: new Set(parts.of("team").map(({ data }) => data.name)) }, groups(parts)),
    ...missingIn(parts, { what: "rule", place: ["policy", "agent"], names: knownRules(parts) }, liftedRules(parts)),
    ...missingIn(parts, { what: "agent", place: ["agent"], names: knownAgents(parts) }, agentReferences(parts)),
    ...missingIn(
      parts,
      { what: "kind of entity", place: ["entities"], names: new Set(parts.of("entities").map(({ data }) => data.entity)) },
      boundedKinds(parts),
    ),
    ...missingIn(parts, { what: "provider", place: ["workspace", "modelProvider"], names: knownProviders(parts) }, modelReferences(parts)),
    ...missingIn(parts, knownCategories(parts), skillCategories(parts)),
    ...missingIn(parts, { what: "sensor", place: [], names: new Set(sensorNames(parts.paths)) }, sensorReferences(parts)),
  ];
  return [...missing, ...judgeProblems(parts), ...nameProblems(parts)];
}

/** The judge inside is an agent of a certain name, and it thinks with a model. */
function judgeProblems(parts: Parts): Problem[] {
  if (parts.broken.has("agent")) return [];
  return parts.of("workspace").flatMap((part) => {
    const agent = parts.of("agent").find(({ data }) => data.name === JUDGE_AGENT);
    if (part.data.judge === "outside" || agent?.data.runner === "model") return [];
    const seen = agent ? `inside, but ${agent.file} has \`runner: ${agent.data.runner}\`` : `inside, but there is no agent ${JUDGE_AGENT}`;
    const wanted = `\`kind: Agent\`, \`name: ${JUDGE_AGENT}\`, \`runner: model\` and \`tools: [loop.*]\``;
    return [
      {
        file: part.file,
        ...part.locate(["judge"]),
        path: "judge",
        seen,
        expected: `${agent?.file ?? `agents/${JUDGE_AGENT}.yaml`} with ${wanted}, or judge: outside`,
      },
    ];
  });
}

export const sensorNames = (paths: readonly string[]): string[] => paths.flatMap((path) => /^sensors\/([^/]+?)(?:\.[^./]+)?$/.exec(path)?.[1] ?? []);

function missingIn(parts: Parts, known: Known, references: readonly Reference[]): Problem[] {
  if (known.place.some((place) => parts.broken.has(place))) return [];
  const names = [...known.names];
  return references
    .filter((reference) => !known.names.has(reference.name))
    .map(({ part, path, name }, index) => ({
      file: part.file,
      ...part.locate(path),
      path: pathText(path),
      seen: `the ${known.what} ${name}, which is nowhere described`,
      expected: names.length === 0 ? `a ${known.what} that exists; there is none yet` : `one of ${shown(names)}`,
      ...(index < HINTED ? didYouMean(name, names) : {}),
    }));
}

const HINTED = 100; // each looks at every name
const SHOWN_NAMES = 12;
const shown = (names: readonly string[]): string => {
  const sorted = names.toSorted();
  return sorted.length <= SHOWN_NAMES ? sorted.join(", ") : `${sorted.slice(0, SHOWN_NAMES).join(", ")} and ${sorted.length - SHOWN_NAMES} more`;
};

const each = (part: Part<unknown>, path: Path, names: readonly string[]): Reference[] => names.map((name, index) => ({ part, path: [...path, index], name }));

function entityNames(parts: Parts, kind: string): Set<string> {
  return new Set(parts.of("entities").flatMap(({ data }) => (data.entity === kind ? data.items.map((item) => item.id) : [])));
}

const knownVendors = (parts: Parts): Known => ({ what: "vendor", place: ["entities"], names: entityNames(parts, "vendor") });

function vendorReferences(parts: Parts): Reference[] {
  return [
    ...parts.of("sop").flatMap((part) => each(part, ["preferredVendors"], part.data.preferredVendors)),
    ...parts.of("skillMetadata").flatMap((part) => each(part, ["preferredVendors"], part.data.preferredVendors)),
    ...parts
      .of("history")
      .flatMap((part) => part.data.items.flatMap((item, index) => (item.vendor ? [{ part, path: ["items", index, "vendor"], name: item.vendor }] : []))),
    ...parts
      .of("entities")
      .flatMap((part) =>
        part.data.items.flatMap((item, index) =>
          Object.entries(item.preferredVendors).flatMap(([category, names]) => each(part, ["items", index, "preferredVendors", category], names)),
        ),
      ),
  ];
}

/** A label whose key is a kind of entity names one of them; other labels are free. */
function labelProblems(parts: Parts): Problem[] {
  const byKey = Map.groupBy(labelReferences(parts), ({ key }) => key);
  return [...new Set(parts.of("entities").map(({ data }) => data.entity))].flatMap((kind) => {
    const ofKind = (byKey.get(kind) ?? []).filter(({ name }) => !name.includes("*"));
    return missingIn(parts, { what: kind, place: ["entities"], names: entityNames(parts, kind) }, ofKind);
  });
}

type LabelReference = Reference & { readonly key: string };

function labelReferences(parts: Parts): LabelReference[] {
  const of = (part: Part<unknown>, path: Path, labels: Readonly<Record<string, string>>): LabelReference[] =>
    Object.entries(labels).map(([key, name]) => ({ part, path: [...path, key], name, key }));
  return [
    ...parts.of("sop").flatMap((part) => of(part, ["labels"], part.data.labels)),
    ...parts.of("voice").flatMap((part) => of(part, ["labels"], part.data.labels)),
    ...parts.of("goal").flatMap((part) => of(part, ["labels"], part.data.labels)),
    ...parts.of("history").flatMap((part) => part.data.items.flatMap((item, index) => of(part, ["items", index, "labels"], item.labels))),
    ...parts.of("entities").flatMap((part) => part.data.items.flatMap((item, index) => of(part, ["items", index, "labels"], item.labels))),
    ...parts.of("skillMetadata").flatMap((part) => of(part, ["triggers", "labels"], part.data.triggers.labels)),
    ...parts
      .of("trigger")
      .flatMap((part) =>
        "message" in part.data.on
          ? of(part, ["on", "message", "labels"], part.data.on.message.labels)
          : "schedule" in part.data.on
            ? of(part, ["on", "schedule", "labels"], part.data.on.schedule.labels)
            : [],
      ),
    ...parts.of("agent").flatMap((part) => of(part, ["handles", "labels"], part.data.handles.labels)),
    ...parts.of("policy").flatMap((part) => part.data.rules.flatMap((rule, index) => of(part, ["rules", index, "when", "label"], rule.when.label ?? {}))),
    ...parts.of("budget").flatMap((part) => {
      const { scope } = part.data;
      return "label" in scope && scope.value !== undefined ? [{ part, path: ["scope", "value"], name: scope.value, key: scope.label }] : [];
    }),
    ...parts
      .of("team")
      .flatMap((part) =>
        part.data.members.flatMap((member, index) =>
          Object.entries(member.looksAfter).flatMap(([key, names]) => each(part, ["members", index, "looksAfter", key], names).map((one) => ({ ...one, key }))),
        ),
      ),
  ];
}

const knownRules = (parts: Parts): Set<string> =>
  new Set([
    ...parts.of("policy").flatMap(({ data }) => data.rules.map(({ name }) => name)),
    ...parts.of("agent").flatMap(({ data }) => (data.approvals ? [approvalsRule(data.name)] : [])),
  ]);

const liftedRules = (parts: Parts): Reference[] =>
  parts.of("policy").flatMap((part) => part.data.rules.flatMap((rule, index) => each(part, ["rules", index, "lifts"], rule.lifts ?? [])));

interface WhoAt {
  readonly part: Part<unknown>;
  readonly path: Path;
  readonly who: Approvers;
}

/** Wherever approvers stand: in policies, agents, the thresholds of SOPs and skills, and where an ask escalates to. */
function approversIn(parts: Parts): WhoAt[] {
  const at = (part: Part<unknown>, path: Path, who: Approvers | undefined): WhoAt[] => (who ? [{ part, path, who }] : []);
  const terms = (part: Part<unknown>, path: Path, { approvers, expiry }: { approvers?: Approvers | undefined; expiry: readonly ExpiryStep[] }): WhoAt[] => [
    ...at(part, [...path, "approvers"], approvers),
    ...expiry.flatMap((step, index) => (step.do === "escalate" ? at(part, [...path, "expiry", index, "to"], step.to) : [])),
  ];
  return [
    ...parts.of("policy").flatMap((part) => part.data.rules.flatMap((rule, index) => terms(part, ["rules", index], rule))),
    ...parts.of("agent").flatMap((part) => (part.data.approvals ? terms(part, ["approvals"], part.data.approvals) : [])),
    ...parts.of("sop").flatMap((part) => at(part, ["escalation", "approvers"], part.data.escalation?.approvers)),
    ...parts.of("skillMetadata").flatMap((part) => at(part, ["approval", "approvers"], part.data.approval?.approvers)),
  ];
}

const people = (parts: Parts): Reference[] => [
  ...approversIn(parts).flatMap(({ part, path, who }) => each(part, [...path, "names"], who.names)),
  ...parts.of("team").flatMap((part) => each(part, ["also"], part.data.also)),
];

const groups = (parts: Parts): Reference[] => approversIn(parts).flatMap(({ part, path, who }) => each(part, [...path, "groups"], who.groups ?? []));

/** The gateway of loop.yaml acts as an agent of that name, in policies and budgets. */
function knownAgents(parts: Parts): Set<string> {
  const gateway = parts.of("workspace").some(({ data }) => data.gateway) ? [GATEWAY_AGENT] : [];
  return new Set([...parts.of("agent").map(({ data }) => data.name), ...gateway]);
}

/** In policies a `*` makes a pattern; a name without one that no agent has would make a rule that never applies. */
function agentReferences(parts: Parts): Reference[] {
  const policies = parts
    .of("policy")
    .flatMap((part) => part.data.rules.flatMap((rule, index) => each(part, ["rules", index, "when", "agent"], rule.when.agent ?? [])));
  return [
    ...parts.of("workspace").flatMap((part) => (part.data.defaults.agent ? [{ part, path: ["defaults", "agent"], name: part.data.defaults.agent }] : [])),
    ...parts.of("budget").flatMap((part) => ("agent" in part.data.scope ? [{ part, path: ["scope", "agent"], name: part.data.scope.agent }] : [])),
    ...policies.filter(({ name }) => !name.includes("*")),
    ...parts.of("agent").flatMap((part) => [...each(part, ["handoffs"], part.data.handoffs), ...each(part, ["delegates"], part.data.delegates)]),
    ...parts.of("service").flatMap((part) => [{ part, path: ["startingAgent"], name: part.data.startingAgent }, ...each(part, ["agents"], part.data.agents)]),
    ...parts.of("service").flatMap((part) =>
      part.data.handoffs.flatMap(({ from, to }, index) => [
        { part, path: ["handoffs", index, "from"], name: from },
        { part, path: ["handoffs", index, "to"], name: to },
      ]),
    ),
    ...parts.of("trigger").map((part) => ({ part, path: ["agent"], name: part.data.agent })),
  ];
}

/** A bound counts for each of the things that are known by name; a label with free words has none to count by. */
const boundedKinds = (parts: Parts): Reference[] =>
  parts.of("workspace").flatMap((part) => Object.keys(part.data.concurrency).map((name) => ({ part, path: ["concurrency", name], name })));

const knownCategories = (parts: Parts): Known => ({
  what: "category",
  place: ["sop", "history"],
  names: new Set([...parts.of("sop").map(({ data }) => data.category), ...parts.of("history").flatMap(({ data }) => data.items.map((item) => item.category))]),
});

const skillCategories = (parts: Parts): Reference[] => parts.of("skillMetadata").map((part) => ({ part, path: ["category"], name: part.data.category }));

function sensorReferences(parts: Parts): Reference[] {
  return [...parts.of("sop"), ...parts.of("skillMetadata")].flatMap((part) =>
    part.data.check?.by === "sensor" ? [{ part, path: ["check", "sensor"], name: part.data.check.sensor }] : [],
  );
}
