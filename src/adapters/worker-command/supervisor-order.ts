import type { StatusFile } from "./status-file.ts";

/** What a supervisor reads on its input. */
export interface SupervisorOrder {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mark: string;
  /** A signal that asks is not for the first process: the sandbox, which would take the others along. */
  readonly isHolder: boolean;
  readonly status: StatusFile;
}

/** What it says on its output, one line. */
export type SupervisorWord = { readonly running: true } | { readonly failed: string };
