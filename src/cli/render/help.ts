import { COMMON_FLAGS } from "../arguments.ts";
import { EXIT_MEANINGS, LOOP_EXIT_MEANINGS } from "../exit-codes.ts";
import type { Flag, Verb } from "../verb.ts";
import { GROUPS, VERBS } from "../verb-table.ts";
import { padded, wrapped } from "./width.ts";

const WIDTH = 80;

/** What `loop help` prints. */
export function overview(): string {
  const names = Object.keys(VERBS);
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const groups = GROUPS.map((group) => {
    const lines = names.filter((name) => VERBS[name]!.group === group).map((name) => `  ${padded(name, width)}${VERBS[name]!.summary}`);
    return `${group}\n${lines.join("\n")}`;
  });
  return [
    "loop: work done by people and agents together, under policy, with proof.",
    "Usage: loop <verb> [words] [--flags]\n       loop <verb> --help shows one verb with examples",
    ...groups,
    "For agents\n  loop _ help   everything that a session of an agent needs to work by\n  loop worker   the workers: loop _ worker list; loop config is loop completion",
    exitCodes(),
    "Settings come from the environment and a file .env here; see docs/settings.md.\nNO_COLOR is honoured; colour is used on a terminal only.",
  ].join("\n\n");
}

const exitCodes = (): string => ["Exit codes", ...EXIT_MEANINGS.map(([code, meaning]) => hanging(`  ${padded(String(code), 4)}`, meaning))].join("\n");

/** What `loop <verb> --help` prints. */
export function verbHelp({ name, summary, verb }: { readonly name: string; readonly summary: string; readonly verb: Verb }): string {
  const flags = Object.entries({ ...verb.flags, ...COMMON_FLAGS });
  const shown = flags.map(([flag, kind]) => flagUsage(flag, kind));
  const width = Math.min(32, Math.max(...shown.map((usage) => usage.length))) + 2;
  return [
    summary,
    `Usage: ${["loop", name, verb.args].join(" ").trim()}${verb.takesLabels ? " [--<label>=<value>]" : ""} [flags]`,
    ...(verb.about === undefined ? [] : [wrapped(verb.about, WIDTH).join("\n")]),
    ["Flags", ...flags.map(([, kind], index) => hanging(`  ${padded(shown[index]!, width)}`, kind.means))].join("\n"),
    [verb.examples.length === 1 ? "Example" : "Examples", ...verb.examples.map((example) => `  ${example}`)].join("\n"),
    hanging(
      "Exit codes: ",
      `${(name.startsWith("_ ") ? LOOP_EXIT_MEANINGS : EXIT_MEANINGS).map(([code, , word]) => `${code} ${word}`).join(", ")}; loop help says more`,
    ),
  ].join("\n\n");
}

/** `--journal <line>` */
export const flagUsage = (flag: string, { takes, value }: Flag): string => `--${flag}${takes === undefined ? "" : ` <${value ?? "text"}>`}`;

function hanging(head: string, text: string): string {
  const lines = wrapped(text, WIDTH - head.length);
  return lines.map((line, index) => (index === 0 ? head : " ".repeat(head.length)) + line).join("\n");
}
