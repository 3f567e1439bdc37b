import type { PersonShape } from "../client/shapes.ts";
import type { Look } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { type Column, tableText } from "./table.ts";

export function peopleListText(people: readonly PersonShape[], look: Look): string {
  const table: readonly Column<PersonShape>[] = [
    { head: "handle", cell: ({ handle }) => plainLine(handle), least: 8 },
    { head: "name", cell: ({ displayName }) => plainLine(displayName), least: 8 },
    { head: "roles", cell: ({ roles, disabledAt }) => (disabledAt === null ? roles.join(", ") || "none" : "disabled"), least: 8 },
    { head: "looks after", cell: ({ looksAfter }) => plainLine(Object.values(looksAfter).flat().join(", ")) || "-", least: 8 },
    { head: "from", cell: ({ source }) => source },
  ];
  return tableText(people, table, look);
}
