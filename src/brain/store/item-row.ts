import type { Trust } from "#src/policy/trust.ts";
import type { BrainItem, Labels, Layer } from "../item.ts";

export interface ItemRow {
  readonly id: string;
  readonly layer: Layer;
  readonly source: string;
  readonly title: string;
  readonly body: string;
  readonly phrases: readonly string[];
  readonly data: BrainItem["data"];
  readonly labels: Labels;
  readonly categories: readonly string[];
  readonly scope: string;
  readonly trust: Trust;
  readonly author: string | null;
  readonly language: string | null;
  readonly digest: string;
  readonly happened_at: Date | null;
  readonly expires_at: Date | null;
}

export function toItem(row: ItemRow): BrainItem {
  const { happened_at, expires_at, ...same } = row;
  return { ...same, happenedAtMs: happened_at?.getTime() ?? null, expiresAtMs: expires_at?.getTime() ?? null };
}
