import { type Look, type Tone, toned } from "./look.ts";
import { plain } from "#src/kernel/plain.ts";
import { padded, wrapped } from "./width.ts";

/** What one look at one thing found. */
export interface Finding {
  readonly what: string;
  readonly state: "ok" | "warn" | "bad";
  readonly seen: string;
  /** What to do about it. */
  readonly todo?: string;
}

const SIGN: Readonly<Record<Finding["state"], readonly [text: string, tone: Tone]>> = { ok: ["ok  ", "good"], warn: ["warn", "ask"], bad: ["BAD ", "bad"] };

export function findingsText(findings: readonly Finding[], look: Look): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const margin = " ".repeat(6 + width + 2);
  const lines = findings.map(({ what, state, seen, todo }) => {
    const [sign, tone] = SIGN[state];
    const told = [...wrapped(plain(seen), look.width - margin.length), ...(todo === undefined ? [] : wrapped(`→ ${plain(todo)}`, look.width - margin.length))];
    return told.map((line, index) => (index === 0 ? `${toned(sign, tone, look)}  ${padded(what, width)}  ${line}` : margin + line)).join("\n");
  });
  return [...lines, "", verdict(findings)].join("\n");
}

function verdict(findings: readonly Finding[]): string {
  const count = (state: Finding["state"]): number => findings.filter((finding) => finding.state === state).length;
  if (count("bad") > 0) return `${count("bad")} ${count("bad") === 1 ? "thing is" : "things are"} in the way; what to do stands beside each.`;
  return count("warn") > 0 ? "It can work; look at the warnings when you have time." : "All is well.";
}
