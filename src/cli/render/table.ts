import { type Look, toned } from "./look.ts";
import { columns, cut, padded } from "./width.ts";

export interface Column<T> {
  readonly head: string;
  /** Safe to show, on one line; with colour codes only where `least` is not given. */
  readonly cell: (row: T) => string;
  readonly align?: "right";
  /** May be cut down to so many columns when the table is too wide; the widest such column is cut first. */
  readonly least?: number;
}

const GAP = "  ";

/** Rows under heads, no wider than the page where the columns allow it. */
export function tableText<T>(rows: readonly T[], table: readonly Column<T>[], look: Look): string {
  const cells = rows.map((row) => table.map((column) => column.cell(row)));
  const widths = fitted(table, { cells, width: look.width });
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => padded(table[index]!.least === undefined ? text : cut(text, widths[index]!), widths[index]!, table[index]!.align))
      .join(GAP)
      .trimEnd();
  return [toned(line(table.map(({ head }) => head)), "quiet", look), ...cells.map(line)].join("\n");
}

function fitted<T>(table: readonly Column<T>[], { cells, width }: { cells: readonly (readonly string[])[]; width: number }): number[] {
  const widths = table.map(({ head }, index) => Math.max(columns(head), ...cells.map((row) => columns(row[index]!))));
  let over = widths.reduce((sum, one) => sum + one, GAP.length * (table.length - 1)) - width;
  while (over > 0) {
    const room = table.map(({ least }, index) => (least === undefined ? 0 : Math.max(0, widths[index]! - Math.max(least, 1))));
    const widest = room.indexOf(Math.max(...room));
    const give = Math.min(over, room[widest]!);
    if (give <= 0) break;
    widths[widest]! -= give;
    over -= give;
  }
  return widths;
}

/** Names and values below each other, the values in one column. */
export function pairsText(pairs: readonly (readonly [name: string, value: string])[], look: Look): string {
  const width = Math.max(...pairs.map(([name]) => columns(name)));
  return pairs.map(([name, value]) => `${toned(padded(name, width), "quiet", look)}${GAP}${value}`).join("\n");
}
