import type { Entity, HistoryCase, Skill, Sop, Voice, Workspace } from "#src/workspace/model.ts";
import { type BrainItem, type FileLayer, sealItem, WORKSPACE_SCOPE } from "./item.ts";

type Facts<L extends FileLayer> = Pick<BrainItem<L>, "source" | "title" | "body"> & Partial<Omit<BrainItem<L>, "layer" | "digest" | "id">>;

/** What the files of a workspace say, item by item, in the order of the model. Pure. */
export function itemsOf(workspace: Workspace): BrainItem<FileLayer>[] {
  const owners = new Set(workspace.team.filter((member) => member.roles.includes("owner")).map((member) => member.id));
  return [
    ...workspace.sops.map(sopItem),
    ...workspace.skills.map(skillItem),
    ...workspace.voice.map((memo) => voiceItem(memo, owners)),
    ...workspace.history.map(historyItem),
    ...[...workspace.entities.values()].flat().map(entityItem),
  ];
}

function itemOf<L extends FileLayer>(layer: L, facts: Facts<L>): BrainItem<L> {
  return sealItem<L>({
    id: `${layer}:${facts.source}`,
    layer,
    phrases: [],
    data: {},
    labels: {},
    categories: [],
    scope: WORKSPACE_SCOPE,
    trust: "owner",
    author: null,
    language: null,
    happenedAtMs: null,
    expiresAtMs: null,
    ...facts,
  });
}

function sopItem(sop: Sop): BrainItem<"sop"> {
  const { source, body, title, labels, language, ...data } = sop;
  return itemOf("sop", { source, title, body, labels, language, phrases: sop.triggers, categories: [sop.category], data });
}

/** Distilled from finished work, whoever let it in: what it was distilled from may have come from outside. */
function skillItem(skill: Skill): BrainItem<"skill"> {
  const { source, body, metadata } = skill;
  const common = { source, title: skill.name, body: `${skill.description}\n\n${body}` };
  if (metadata === null) return itemOf("skill", common);
  return itemOf("skill", {
    ...common,
    trust: "learned",
    author: metadata.sources.by,
    labels: metadata.triggers.labels,
    categories: [metadata.category],
    phrases: metadata.triggers.phrases,
    happenedAtMs: Date.parse(metadata.sources.at),
    data: metadata,
  });
}

function voiceItem(memo: Voice, owners: ReadonlySet<string>): BrainItem<"voice"> {
  const { source, body, title, labels, categories, language, speaker } = memo;
  const trust = owners.has(speaker) ? "owner" : "member";
  const happenedAtMs = Date.parse(memo.recordedAt);
  return itemOf("voice", {
    source,
    title,
    body,
    labels,
    categories,
    language,
    author: speaker,
    trust,
    happenedAtMs,
    data: memo.audio === undefined ? {} : { audio: memo.audio },
  });
}

function historyItem(one: HistoryCase): BrainItem<"history"> {
  const { id, title, category, labels, vendor, costUsd } = one;
  const data = { category, vendor, costUsd };
  const happenedAtMs = Date.parse(one.resolvedAt);
  return itemOf("history", { source: `${one.source}#${id}`, title, body: one.summary, labels, categories: [category], trust: "member", happenedAtMs, data });
}

/** An entity answers to its own label too: the property `p1` to `property=p1`. How to reach somebody is left out: it is not for a model's context. */
function entityItem(entity: Entity): BrainItem<"entity"> {
  const { id, kind, name, aliases, categories, languages, preferredVendors } = entity;
  const labels = { ...entity.labels, [kind]: id };
  const data = { kind, id, languages, preferredVendors };
  return itemOf("entity", { source: `${entity.source}#${id}`, title: name, body: entity.notes, labels, categories, phrases: [...aliases, id], data });
}
