import type { Permission } from "#src/people/permission.ts";
import type { ModelTiers } from "#src/runs/think/tiers.ts";
import type { Workspace } from "#src/workspace/model.ts";

/** A model that clients may name, and what their token needs for it. */
export interface Offer {
  /** What clients say. */
  readonly name: string;
  /** `provider:model`. */
  readonly model: string;
  readonly tier: keyof ModelTiers | null;
  readonly scope: Permission;
}

interface Entry {
  readonly name: string;
  readonly model: string;
  readonly scope: Permission;
}

const TIERS: readonly string[] = ["fast", "strong"] satisfies (keyof ModelTiers)[];

/** What `gateway` of loop.yaml offers by name, in its order; groups such as `openai:*` have no name of their own. */
export function offersOf(workspace: Workspace, tiers: ModelTiers): Offer[] {
  return entriesOf(workspace).flatMap((entry) => {
    const offer = entry.name.endsWith("*") ? undefined : toOffer(entry, tiers);
    return offer ? [offer] : [];
  });
}

/** Undefined: nothing of that name is offered. */
export function findOffer(workspace: Workspace, tiers: ModelTiers, name: string): Offer | undefined {
  const entries = entriesOf(workspace);
  const exact = entries.find((entry) => entry.name === name);
  if (exact && !name.endsWith("*")) return toOffer(exact, tiers);
  const group = entries.find((entry) => entry.name.endsWith(":*") && name.startsWith(entry.name.slice(0, -1)) && name.length >= entry.name.length);
  return group && { name, model: name, tier: null, scope: group.scope };
}

function toOffer({ name, model, scope }: Entry, tiers: ModelTiers): Offer | undefined {
  if (!TIERS.includes(model)) return { name, model, tier: null, scope };
  const tier = model as keyof ModelTiers;
  const best = tiers[tier][0];
  return best === undefined ? undefined : { name, model: best, tier, scope };
}

const entriesOf = (workspace: Workspace): readonly Entry[] =>
  (workspace.manifest.gateway?.models ?? []).map(({ name, model = name, scope }) => ({ name, model, scope }));
