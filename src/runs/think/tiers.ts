import type { Workspace } from "#src/workspace/model.ts";

/** Models by tier, best first: what the tier names, then the fallbacks. */
export interface ModelTiers {
  readonly fast: readonly string[];
  readonly strong: readonly string[];
}

export interface TierSettings {
  /** From the settings; these win over loop.yaml. */
  readonly fast?: string | undefined;
  readonly strong?: string | undefined;
  /** For a tier that nothing names. */
  readonly usual?: { readonly fast: string; readonly strong: string } | undefined;
}

/** What `models` of loop.yaml says; a tier that is not named uses the other. */
export function tiersOf(workspace: Workspace, settings: TierSettings): ModelTiers {
  const named = workspace.manifest.models;
  const fast = settings.fast ?? named?.fast ?? settings.usual?.fast;
  const strong = settings.strong ?? named?.strong ?? settings.usual?.strong;
  const fallbacks = named?.fallbacks ?? [];
  const list = (first: string | undefined, second: string | undefined): string[] => {
    const best = first ?? second;
    return best === undefined ? [] : [...new Set([best, ...fallbacks])];
  };
  return { fast: list(fast, strong), strong: list(strong, fast) };
}
