import type { TokenShape } from "../client/shapes.ts";
import type { Look } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { type Column, tableText } from "./table.ts";
import { agoText } from "./time.ts";

export function tokenListText(tokens: readonly TokenShape[], look: Look): string {
  if (tokens.length === 0) return "There are no tokens.";
  const table: readonly Column<TokenShape>[] = [
    { head: "token", cell: ({ id }) => id },
    { head: "of", cell: ({ handle }) => plainLine(handle), least: 6 },
    { head: "label", cell: ({ label }) => plainLine(label), least: 8 },
    { head: "scopes", cell: ({ scopes }) => scopes.join(" "), least: 6 },
    { head: "ends", cell: (token) => endOf(token, look.nowMs), align: "right" },
  ];
  return tableText(tokens, table, look);
}

function endOf({ expiresAt, revokedAt }: TokenShape, nowMs: number): string {
  if (revokedAt !== null) return "revoked";
  return expiresAt === null ? "never" : agoText(expiresAt, nowMs);
}
