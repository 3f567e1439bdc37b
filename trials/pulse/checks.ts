export interface Seen {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The checks of a session, each printed as it is made. */
export interface Checks {
  /** `seen` is shown where it is not so. */
  that(name: string, isSo: boolean, seen?: unknown): void;
  /** How a command ended, and what it said on either stream. */
  ended(name: string, seen: Seen, expected: { code: number; said?: RegExp }): void;
  readonly made: readonly { readonly name: string; readonly isSo: boolean }[];
}

const SHOWN = 400;

export function startChecks(print: (line: string) => void): Checks {
  const made: { name: string; isSo: boolean }[] = [];
  const that: Checks["that"] = (name, isSo, seen) => {
    made.push({ name, isSo });
    const shown = typeof seen === "string" ? seen : (JSON.stringify(seen) ?? "");
    print(`  ${isSo ? "ok  " : "NOT "} ${name}${isSo ? "" : `: ${shown.slice(0, SHOWN)}`}`);
  };
  return {
    made,
    that,
    ended: (name, seen, { code, said = /(?:)/ }) => that(name, seen.code === code && said.test(`${seen.out}${seen.err}`), seen),
  };
}
