import type { Context, Flag, Verb } from "../verb.ts";
import { bodyOf } from "./body.ts";
import { look, speak } from "./speak.ts";

const MOST_WORDS = 5_000;
const JOURNAL: Readonly<Record<string, Flag>> = { journal: { takes: "text", value: "text", means: "what the journal says in place of the usual line" } };

const given = (members: Readonly<Record<string, unknown>>): object => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

interface Started {
  readonly name: string;
  readonly state: "started" | "asked" | "queued";
  readonly askId: string | null;
  readonly runId: string;
}

const startedWords = ({ name, state, askId, runId }: Started): string =>
  ({
    started: `start-worker ${name}`,
    asked: `start-worker ${name}: waits for an approval, \`loop approve ${askId}\``,
    queued: `start-worker ${name}: not started yet, \`loop run ${runId}\` shows where it stands`,
  })[state];

export const workerStart: Verb = {
  args: "<worker> <prompt…>",
  flags: {
    verify: { takes: "text", value: "command", means: "run once when it has ended; exit code 0: its work holds" },
    agent: { takes: "text", value: "name", means: "an agent with `runner: command`; left out: the only one" },
    command: { takes: "text", value: "template", means: "a command of its own, with {{prompt_file}}; a person has to approve it" },
    ...JOURNAL,
  },
  words: { least: 1, most: MOST_WORDS },
  about:
    "The prompt, or - for standard input, goes to a program that runs by itself, in a folder of its own, under the rules that every worker is told. That it ended is no proof: the ticket is done when --verify passed, or when somebody says so.",
  examples: [
    "loop _ worker start fix-login 'The login fails on Safari. Find out why and propose a fix.' --verify 'npm test'",
    "loop _ worker start triage - < task.md",
  ],
  async run(args, context) {
    const [id, ...words] = args.words as [string, ...string[]];
    const prompt = await bodyOf(words, { what: "prompt", usage: "loop _ worker start <worker> <prompt…>" });
    const input = given({ id, prompt, verify: args.text("verify"), agent: args.text("agent"), command: args.text("command"), journal: args.text("journal") });
    await speak<Started>(context, "worker start", { input, words: startedWords });
  },
};

export const workerKill: Verb = {
  args: "[<worker>]",
  flags: { reason: { takes: "text", value: "why", means: "why; kept in the record" }, ...JOURNAL },
  words: { least: 0, most: 1 },
  about: "Ends it with all that it started: asked first, then by force. Without a name whoever speaks is meant, which is how a worker ends itself.",
  examples: ["loop _ worker kill fix-login", "loop _ kill fix-login", "loop _ kill"],
  run: (args, context) =>
    speak<{ name: string; state: string }>(context, "kill", {
      input: given({ id: args.words[0] ?? (context.env["LOOP_SESSION_ID"] || undefined), reason: args.text("reason"), journal: args.text("journal") }),
      words: ({ name, state }) => (state === "ended" ? `kill-worker ${name}` : `kill-worker ${name}: it is ending`),
    }),
};

interface Row {
  readonly name: string;
  readonly health: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly startedAtMs: number;
  readonly lastOutputAtMs: number;
  readonly endedAtMs: number | null;
  readonly askId: string | null;
  readonly verify: string | null;
}

export const workerList: Verb = {
  args: "",
  flags: { a: { means: "those that ended within three days too" } },
  words: { least: 0, most: 0 },
  about: "busy: it works. waiting-ask: it waits for an answer. stuck: it printed nothing for long. dead: its program has ended.",
  examples: ["loop _ worker list", "loop _ worker list -a --json"],
  async run(args, context) {
    const body = await look(context, "worker list", { all: args.has("a") ? "true" : undefined });
    if (context.json) return context.print(body);
    const { nowMs, workers } = JSON.parse(body) as { nowMs: number; workers: readonly Row[] };
    context.print(workers.length === 0 ? "no workers" : await tableOf(workers, nowMs, context));
  },
};

async function tableOf(workers: readonly Row[], nowMs: number, context: Context): Promise<string> {
  const { tableText } = await import("../render/table.ts");
  const { lengthText } = await import("../render/time.ts");
  const until = ({ endedAtMs }: Row) => endedAtMs ?? nowMs;
  const columns = [
    { head: "ID", cell: ({ name }: Row) => name },
    { head: "HEALTH", cell: ({ health }: Row) => health },
    { head: "STATE", cell: ({ state, exitCode }: Row) => (exitCode === null ? state : `${state} ${exitCode}`) },
    { head: "IDLE", cell: (row: Row) => lengthText(Math.max(0, until(row) - row.lastOutputAtMs)) },
    { head: "UP", cell: (row: Row) => lengthText(Math.max(0, until(row) - row.startedAtMs)) },
    { head: "ASK", cell: ({ askId }: Row) => askId ?? "-" },
    { head: "VERIFY", cell: ({ verify }: Row) => verify ?? "-" },
  ];
  return tableText(workers, columns, await context.look());
}

const TAIL_EVERY_MS = 500;

export const workerLog: Verb = {
  args: "<worker>",
  flags: {
    bytes: { takes: "text", value: "count", means: "how much of its end; left out: 16384" },
    tail: { means: "go on showing what it prints until it ends" },
  },
  words: { least: 1, most: 1 },
  examples: ["loop _ worker log fix-login", "loop _ worker log fix-login --tail"],
  async run(args, context) {
    const { plain } = await import("#src/kernel/plain.ts");
    const [id] = args.words;
    for (let shown = ""; ;) {
      const body = await look(context, "worker log", { id, bytes: args.text("bytes") });
      if (context.json) return context.print(body);
      const { text, alive } = JSON.parse(body) as { text: string; alive: boolean };
      context.type(plain(newIn(text, shown)));
      if (!args.has("tail") || !alive) return;
      shown = text;
      await new Promise((resolve) => setTimeout(resolve, TAIL_EVERY_MS));
    }
  },
};

const OVERLAP = 400;

/** What came after what was shown; all, where the one cannot be found in the other. */
function newIn(text: string, shown: string): string {
  if (shown === "" || text.startsWith(shown)) return text.slice(shown.length);
  const end = shown.slice(-OVERLAP);
  const at = text.lastIndexOf(end);
  return at === -1 ? text : text.slice(at + end.length);
}

export const workerScreenshot: Verb = {
  args: "<worker>",
  flags: {},
  words: { least: 1, most: 1 },
  examples: ["loop _ worker screenshot fix-login"],
  async run(args, context) {
    const body = await look(context, "worker screenshot", { id: args.words[0] });
    if (context.json) return context.print(body);
    const { plain } = await import("#src/kernel/plain.ts");
    context.print((JSON.parse(body) as { lines: readonly string[] }).lines.map(plain).join("\n"));
  },
};
