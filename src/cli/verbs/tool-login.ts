import type { Verb } from "../verb.ts";

interface Answer {
  readonly server: string;
  readonly link: string | null;
}

export const toolLogin: Verb = {
  args: "<server>",
  flags: { finish: { means: "end the login: the address that the browser ended at is read from standard input" } },
  words: { least: 1, most: 1 },
  about:
    "Prints a link for you to open; nothing is opened by itself. When you have agreed, the browser ends at an address that nothing answers: copy the whole of it and give it back.",
  examples: ["loop tools login calendar", "loop tools login calendar --finish"],
  async run(given, context) {
    const server = given.words[0]!;
    const address = given.has("finish") ? await typedAddress(context.say) : undefined;
    const body = await context.api().post(`/v1/tools/${encodeURIComponent(server)}/login`, address === undefined ? {} : { address });
    if (context.json) return context.print(body);
    const { link } = JSON.parse(body) as Answer;
    const { plainLine } = await import("#src/kernel/plain.ts");
    if (link === null) return context.print(`${server} may be used: the login is done, and its tokens are sealed.`);
    context.print(plainLine(link));
    context.say(`Open it, agree, and then: ${context.command()} tools login ${server} --finish`);
  },
};

async function typedAddress(say: (text: string) => void): Promise<string> {
  if (process.stdin.isTTY) say("The address that the browser ended at:");
  const { createInterface } = await import("node:readline");
  for await (const line of createInterface(process.stdin)) if (line.trim() !== "") return line.trim();
  return "";
}
