import type { Json } from "#src/kernel/canonical-json.ts";

/** A tool as a server describes it, and the digest over every part of that. */
export interface ListedTool {
  readonly tool: string;
  readonly digest: string;
  readonly definition: Json;
}

/** What the record knows of a tool of a server. */
export interface ToolPin {
  readonly tool: string;
  /** What may be used; null: it came after the server was first seen, and nobody has approved it. */
  readonly digest: string | null;
  readonly definition: Json;
  /** What the server listed last; null: it lists it no more. */
  readonly seenDigest: string | null;
  readonly seenDefinition: Json;
}

/** A server by its name and the digest of its command or address. */
export interface ToolSourceKey {
  readonly server: string;
  readonly source: string;
}

/** The pins of tools, in the record. */
export interface ToolPins {
  /** Null: this server was never seen under this command or address. Sorted by name. */
  of(key: ToolSourceKey): Promise<readonly ToolPin[] | null>;
  /** Writes down what a server lists now. Seen for the first time, all of it is pinned; later, what is new or changed waits for an approval. Safe to call twice. */
  see(key: ToolSourceKey, listed: readonly ListedTool[]): Promise<readonly ToolPin[]>;
}
