export interface WorkspaceShape {
  readonly revision: number;
  readonly name: string;
  readonly problems: readonly { readonly file: string; readonly line: number; readonly seen: string; readonly expected: string }[];
  readonly waiting: readonly { readonly file: string; readonly words: string }[];
  readonly wantsAgent: boolean;
  readonly judge: JudgeShape;
  readonly request: { readonly ask: string | null; readonly state: string; readonly reason: string | null; readonly at: string } | null;
}

export interface ProblemShape {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly seen: string;
  readonly expected: string;
  readonly hint?: string | undefined;
}

/** What a change of the workspace means. */
export interface PlanShape {
  readonly widens: boolean;
  readonly power: readonly { readonly effect: "wider" | "narrower" | "same"; readonly file: string; readonly words: string }[];
  readonly live: readonly { readonly file: string; readonly words: string }[];
}

export interface ProblemsShape {
  readonly kind: "problems";
  readonly problems: readonly ProblemShape[];
}

export type PlannedShape = ProblemsShape | ({ readonly kind: "plan"; readonly revision: number; readonly digest: string; readonly isNew: boolean } & PlanShape);

export type AppliedShape =
  | ProblemsShape
  | ({ readonly kind: "applied"; readonly revision: number; readonly isNew: boolean } & PlanShape)
  | ({ readonly kind: "unconfirmed"; readonly digest: string } & PlanShape)
  | ({ readonly kind: "asked"; readonly ask: string; readonly digest: string } & PlanShape);

export interface RevisionShape {
  readonly number: number;
  readonly digest: string;
  readonly kind: string;
  readonly author: string;
  readonly note: string;
  readonly at: string;
}

export interface AgentShape {
  readonly name: string;
  readonly description: string;
  readonly runner: string;
  readonly procedure: string;
  readonly source: string;
  readonly tools: readonly string[];
  readonly power: readonly string[];
  readonly budgets: readonly {
    readonly name: string;
    readonly period: string;
    readonly capNanos: number | null;
    readonly spentNanos: number;
    readonly onReach: string;
  }[];
  readonly runs: { readonly total: number; readonly open: number; readonly lastAt: string | null };
}

export interface UsageShape {
  readonly key: string | null;
  readonly calls: number;
  readonly failed: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: number;
  readonly unknownCalls: number;
  readonly meanMs: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** Who decides, and how the judge inside stands. */
export interface JudgeShape {
  readonly where: "outside" | "inside";
  readonly last: { readonly run: string; readonly state: string; readonly reason: string | null; readonly at: string; readonly endedAt: string | null } | null;
  readonly next: { readonly kind: string; readonly why: string; readonly until: string | null } | null;
}
