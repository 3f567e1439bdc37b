import type { Db } from "#src/database/open.ts";
import { readRecentCalls, type RecentCall } from "./store/recent-calls.ts";
import { readUsage } from "./store/usage.ts";

export const USAGE_GROUPS = ["agent", "model", "service", "session", "purpose", "run", "all"] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageRow {
  /** Null: calls without one. */
  readonly key: string | null;
  /** Attempts that have ended. */
  readonly calls: number;
  /** Attempts that gave no answer. */
  readonly failed: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Cash; of calls whose cost is known. */
  readonly costNanos: number;
  readonly unknownCalls: number;
  /** From reservation to settlement, milliseconds; null where nothing was measured. */
  readonly meanMs: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** How models were used, per group: tokens, cost, how long they took and how often they gave no answer. */
export const usageReport = (db: Db, query: { by: UsageGroup; fromMs: number; toMs: number | null }): Promise<UsageRow[]> => readUsage(db, query);

export type { RecentCall };

/** The last calls of models for these agents that have ended, newest first. */
export const recentCalls = (db: Db, query: { readonly agents: readonly string[]; readonly limit: number }): Promise<RecentCall[]> => readRecentCalls(db, query);
