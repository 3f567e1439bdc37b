import type { AskId, Id } from "#src/kernel/ids.ts";

export type ApplyRequestId = Id<"apl">;

/*
 * How a wish to change the workspace moves: one way out of `open`, taken once, by one guarded statement.
 *
 *   open ──▶ applied    an owner or admin approved, and the files were still those that were shown
 *     ├────▶ refused    approved, but the folder or what is in force had become another one
 *     └────▶ denied     nobody approved in time, or somebody denied
 *
 * A return to an older revision by an owner or admin is born `applied`: its row is there so that the folder gets the files even after a crash.
 */
export interface ApplyRequest {
  readonly id: ApplyRequestId;
  readonly state: "open" | "applied" | "refused" | "denied";
  readonly askId: AskId | null;
  /** Of the exact files that were shown. */
  readonly digest: string;
  /** Of the power that was in force. */
  readonly base: string;
  /** Path to the digest of the content. */
  readonly files: Readonly<Record<string, string>>;
  /** The revision that is returned to; null: the folder is applied. */
  readonly target: number | null;
  readonly author: string;
  readonly note: string;
  readonly revision: number | null;
  readonly reason: string | null;
  readonly createdAtMs: number;
}
