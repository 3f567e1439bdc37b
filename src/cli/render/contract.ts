import { LOOP_EXIT_MEANINGS } from "../exit-codes.ts";
import { padded, wrapped } from "./width.ts";

/** A verb of `loop _` as its line here shows it. */
export interface ContractVerb {
  readonly name: string;
  readonly args: string;
  readonly summary: string;
  readonly about: string | undefined;
  /** With what they take, such as `--journal <line>`. */
  readonly flags: readonly string[];
}

const WIDTH = 80;

const LOOP = `You decide; Loopwright senses, keeps the record, runs the workers and carries questions to people. Work like this, until a person stops you:

1. loop _ wait --json
   Ends at once while an ask is open that you may answer, else when the world moves; \`changed\` says what moved. It has no time limit: give it none of yours. Exit code 2: the pulse is down, so tell the person.
2. Decide ONE move. Read PLAYBOOK.md first: it is the judgement. Then goals, snapshots, asks, workers and the journal, which is what was done already. To do nothing is a move.
3. Do it with one verb below. Say why with --journal: the line is what you will read tomorrow.
4. Begin again with the \`cursor\` that you saw: loop _ wait --json --since <cursor>. What moved meanwhile ends it at once, what you left open on purpose does not.

A question of a worker: answer it with \`loop _ answer\` if PLAYBOOK.md lets you, else put it to the person in your own window, and answer with their words. Asks with \`yours\` false are for people alone: say that they wait.
What cannot be taken back (merge, deploy, delete, pay, send) always wants the person's yes.`;

const DIFFERS = `\`loop _\` speaks with LOOP_TOKEN where it is set, as it is for a worker, else as the agent \`root\` of this home; never as a person, whatever terminal it is typed in. So everything is on record under the name of who did it.
A person's verbs (\`loop help\`) are \`loop asks\`, \`loop answer\`, \`loop approve\`, \`loop apply\`, \`loop status\`, \`loop watch\`. Leave them to the person.
--json prints what the server says, as it says it; without, a line or a few for people. Errors go to standard error, and with --json to standard output as {code, detail, …}.
A body that is left out, or that is a lone -, is read from standard input. A body that begins with - stands after --.
A name is 1 to 64 letters, digits, . - and _, without a dot in front and without two dots in a row.`;

/** Where a rule of the system is stricter than the tools of this kind are used to. */
const RULES: readonly (readonly [what: string, rule: string])[] = [
  ["Approvals", "are given by people only. No verb here approves; an act that policy asks about waits until a person has said yes."],
  [
    "Power",
    "comes into force by a person: a sensor that you write waits for `loop accept`, agents, policies and tools for `loop apply`. Goals and PLAYBOOK.md need nobody.",
  ],
  ["Acts", "go through policy: a command may be allowed, asked about or denied, and each is on record before it begins."],
  ["Waiting", "is not polling: the server wakes you. Do not sleep and look; wait."],
  ["Answers", "settle a question once. Whoever comes second is refused and told who was first; an answer that is not among the options is refused."],
  ["Unknown", "is never success: a check that could not be read has failed, a cost that nobody reported is unknown, a question that nobody answered is open."],
  [
    "Files",
    "PLAYBOOK.md, goals/ and sensors/ are the truth and may be edited by hand. journal.md and snapshots/ are copies of the record. What lies in reports/ is kept in it: loop _ report list.",
  ],
];

/** What `loop _ help` prints: enough to work by for an agent that never saw this before. */
export function contractText(verbs: readonly ContractVerb[]): string {
  const groups = Map.groupBy(verbs, ({ name }) => (WORKER_VERBS.has(name) ? "Verbs of workers, about themselves" : "Verbs"));
  const shown = [...groups].map(([title, of]) => [title, ...of.flatMap(verbLines)].join("\n"));
  return [
    "loop _: the verbs of agents and workers, over one contract with /v1/loop.",
    paragraphs(LOOP),
    ...shown,
    `How these differ from a person's verbs\n${paragraphs(DIFFERS)}`,
    ["Rules that hold whoever speaks", ...RULES.map(([what, rule]) => hanging(`  ${padded(what, 11)}`, rule))].join("\n"),
    ["Exit codes", ...LOOP_EXIT_MEANINGS.map(([code, meaning]) => hanging(`  ${padded(String(code), 4)}`, meaning))].join("\n"),
    "loop _ help <verb> shows one verb with its flags and examples.",
  ].join("\n\n");
}

/** What a worker says about itself; the others steer. */
const WORKER_VERBS: ReadonlySet<string> = new Set(["ask", "told", "kill", "claim", "unclaim", "cost"]);

function verbLines({ name, args, summary, about, flags }: ContractVerb): string[] {
  const more = [`${summary}${about === undefined ? "" : ` ${about}`}`, ...(flags.length === 0 ? [] : [flags.join("  ")])];
  return [`  loop _ ${name} ${args}`.trimEnd(), ...more.flatMap((text) => wrapped(text, WIDTH - 6).map((line) => `      ${line}`))];
}

const paragraphs = (text: string): string =>
  text
    .split("\n")
    .flatMap((line) => {
      const head = /^(?:\d\. | {3})?/.exec(line)![0];
      const lines = wrapped(line.slice(head.length), WIDTH - head.length);
      return lines.map((part, index) => (part === "" ? "" : (index === 0 ? head : " ".repeat(head.length)) + part));
    })
    .join("\n");

function hanging(head: string, text: string): string {
  const lines = wrapped(text, WIDTH - head.length);
  return lines.map((line, index) => (index === 0 ? head : " ".repeat(head.length)) + line).join("\n");
}
