import type { Workspace } from "#src/workspace/model.ts";

export type Tier = "fast" | "strong";

/** Models by tier, best first: what the tier names, then the fallbacks. */
export interface ModelTiers {
  readonly fast: readonly string[];
  readonly strong: readonly string[];
}

/** What `models` of loop.yaml says; a tier that is not named uses the other. `overrides` come from the settings and win. */
export function tiersOf(workspace: Workspace, overrides: { fast?: string | undefined; strong?: string | undefined }): ModelTiers {
  const named = workspace.manifest.models;
  const fast = overrides.fast ?? named?.fast;
  const strong = overrides.strong ?? named?.strong;
  const fallbacks = named?.fallbacks ?? [];
  const list = (first: string | undefined, second: string | undefined): string[] => {
    const best = first ?? second;
    return best === undefined ? [] : [...new Set([best, ...fallbacks])];
  };
  return { fast: list(fast, strong), strong: list(strong, fast) };
}

/** Whether an agent that says `auto` thinks with a model here. */
export const hasModel = (tiers: ModelTiers): boolean => tiers.strong.length > 0;
