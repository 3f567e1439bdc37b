const formats = new Map<string, Intl.DateTimeFormat>();

/** A line as `journal.md` has it: `- 2026-03-08 09:30 write-goal stock`, by the clock of this zone. */
export function journalLine(timeZone: string, { atMs, line }: { readonly atMs: number; readonly line: string }): string {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }); // Sweden writes 2026-03-08 09:30
    formats.set(timeZone, format);
  }
  return `- ${format.format(atMs)} ${line}`;
}
