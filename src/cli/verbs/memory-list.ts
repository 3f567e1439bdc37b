import type { MemoryShape, MemoryStoryShape } from "../client/memory-shapes.ts";
import { quoted } from "../context.ts";
import { openNew } from "../new-file.ts";
import { idPath } from "../references.ts";
import type { Context, Given, Verb } from "../verb.ts";

const FLAGS = {
  scope: { takes: "text", value: "scope", means: "only channel, agent, workspace, ticket or person" },
  agent: { takes: "text", value: "name", means: "only what this agent remembers" },
  about: { takes: "text", value: "subject", means: "only this subject" },
} as const;

interface Page {
  readonly memories: readonly MemoryShape[];
  readonly next: string | null;
}

function queryOf(given: Given, more: Readonly<Record<string, string>>): string {
  const chosen = Object.keys(FLAGS).flatMap((name) => (given.text(name) === undefined ? [] : [[name, given.text(name)!] as [string, string]]));
  return new URLSearchParams([...chosen, ...Object.entries(more)]).toString();
}

export const memoryList: Verb = {
  args: "",
  flags: {
    ...FLAGS,
    limit: { takes: "text", value: "number", means: "how many; 50 when left out" },
    after: { takes: "text", value: "memory", means: "those remembered after this one" },
  },
  words: { least: 0, most: 0 },
  about: "What is remembered about a person is shown to that person alone.",
  examples: ["loop memory list", "loop memory list --scope channel --about 'release day'"],
  async run(given, context) {
    const paging = Object.fromEntries(["limit", "after"].flatMap((name) => (given.text(name) === undefined ? [] : [[name, given.text(name)!]])));
    const body = await context.api().get(`/v1/memories?${queryOf(given, paging)}`);
    if (context.json) return context.print(body);
    const { memoryListText } = await import("../render/memories.ts");
    const { memories, next } = JSON.parse(body) as Page;
    context.print(memoryListText(memories, await context.look()));
    if (next !== null) context.say(`There are more: ${context.command()} memory list --after ${next}`);
  },
};

export const memoryWhy: Verb = {
  args: "<memory>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "Shows where a memory came from, whether a stranger may have had a word in it, who was told it, and until when it stays.",
  examples: ["loop memory why mem_0199c0ffee00712a8b6e5d4c3b2a1908"],
  async run(given, context) {
    const body = await context.api().get(`/v1/memories/${idPath(given.words[0]!)}`);
    if (context.json) return context.print(body);
    const { memoryStoryText } = await import("../render/memories.ts");
    context.print(memoryStoryText(JSON.parse(body) as MemoryStoryShape, await context.look()));
  },
};

export const memoryForget: Verb = {
  args: "<memory>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "Its words are deleted, also in what was recalled of it. The journal keeps that it was forgotten, and by whom.",
  examples: ["loop memory forget mem_0199c0ffee00712a8b6e5d4c3b2a1908"],
  async run(given, context) {
    const body = await context.api().delete(`/v1/memories/${idPath(given.words[0]!)}`);
    context.print(context.json ? body : `${(JSON.parse(body) as { id: string }).id} is forgotten.`);
  },
};

export const memoryExport: Verb = {
  args: "<file>",
  flags: FLAGS,
  words: { least: 1, most: 1 },
  about: "One JSON object a line: all that you may see. The file is never written over an existing one.",
  examples: ["loop memory export memories.jsonl", "loop memory export mine.jsonl --scope person"],
  async run(given, context) {
    const file = given.words[0]!;
    const count = await writeAll(given, context, file);
    context.print(context.json ? JSON.stringify({ file, memories: count }) : `${count} ${count === 1 ? "memory" : "memories"} in ${quoted(file)}.`);
  },
};

async function writeAll(given: Given, context: Context, file: string): Promise<number> {
  const handle = await openNew(file);
  try {
    let count = 0;
    for (let after: string | null = ""; after !== null;) {
      const paging: Readonly<Record<string, string>> = { limit: "200", ...(after === "" ? {} : { after }) };
      const { memories, next } = JSON.parse(await context.api().get(`/v1/memories?${queryOf(given, paging)}`)) as Page;
      for (const memory of memories) await handle.write(`${JSON.stringify(memory)}\n`);
      count += memories.length;
      after = next;
    }
    await handle.sync();
    return count;
  } finally {
    await handle.close();
  }
}
