import type { Id, PrincipalId, RunId } from "#src/kernel/ids.ts";
import type { Role } from "./role.ts";

export type TokenId = Id<"tkn">;
export type PrincipalKind = "person" | "agent" | "service";

/** Who acts. */
export interface Principal {
  readonly id: PrincipalId;
  /** Unique; how people name each other. */
  readonly handle: string;
  readonly kind: PrincipalKind;
  readonly displayName: string;
  readonly roles: readonly Role[];
  /** The teams that it belongs to, by name. */
  readonly groups: readonly string[];
  readonly languages: readonly string[];
  /** Label values that this principal looks after, such as `{ property: ["warm_taipei_2br"] }`. */
  readonly looksAfter: Readonly<Record<string, readonly string[]>>;
  /** `workspace`: made and changed by the team files; `server`: by the server itself. */
  readonly source: "server" | "workspace";
  readonly createdAtMs: number;
  /** Set: may do nothing any more; the name stays for the journal. */
  readonly disabledAtMs: number | null;
}

/** A principal by the right of one token. */
export interface Caller extends Principal {
  readonly tokenId: TokenId;
  readonly scopes: readonly string[];
  /** The run that the bearer is: a worker speaks for itself alone. Null: it is nobody's. */
  readonly runId: RunId | null;
  /** The act as which it speaks, by its key: what was done is found again under it after a crash. Left out: it is no act. */
  readonly actKey?: string;
}
