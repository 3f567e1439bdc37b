import type { Terminal } from "@xterm/headless";

/** What a terminal of this size shows after these bytes, a line each, without what is empty below. Loads the terminal only now. */
export async function screenOf(bytes: Buffer, { columns, rows }: { readonly columns: number; readonly rows: number }): Promise<readonly string[]> {
  const xterm = await import("@xterm/headless");
  const terminal = new (xterm.default ?? xterm).Terminal({ cols: columns, rows, scrollback: 0, allowProposedApi: true });
  try {
    await new Promise<void>((resolve) => terminal.write(bytes, resolve));
    return linesOf(terminal, rows);
  } finally {
    terminal.dispose();
  }
}

function linesOf(terminal: Terminal, rows: number): readonly string[] {
  const { active } = terminal.buffer;
  const lines = Array.from({ length: rows }, (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? "");
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
}
