import { createQueue, type Queue } from "#src/database/queue.ts";
import { listDeadLetters } from "#src/database/queue-dead-letters.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { withRecord } from "../server/own-record.ts";
import type { Context, Verb } from "../verb.ts";

const MOST = 200;

export const jobList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "Ordinary jobs (learning, say) are tried again by themselves. One that failed for good is kept here until somebody looks.",
  examples: ["loop jobs list", "loop jobs redrive 0199c0ff-ee00-712a-8b6e-5d4c3b2a1908"],
  async run(_given, context) {
    const letters = await withRecord(context, ({ db }) => listDeadLetters(db, MOST));
    if (context.json) return context.print(JSON.stringify({ deadLetters: letters }));
    if (letters.length === 0) return context.print("No job has failed for good.");
    const lines = letters.map(({ id, queue, tries, error }) => `${id}  ${queue}  ${tries} tries  ${plainLine(error)}`);
    context.print([...lines, `Try one again: ${context.command()} jobs redrive <id>; or let it be: ${context.command()} jobs discard <id>`].join("\n"));
  },
};

const deciding = (verb: "redrive" | "discard", done: string): Verb => ({
  args: "<id>",
  flags: {},
  words: { least: 1, most: 1 },
  examples: [`loop jobs ${verb} 0199c0ff-ee00-712a-8b6e-5d4c3b2a1908`],
  async run(given, context) {
    const id = given.words[0]!;
    await withQueue(context, (queue) => queue[verb](id));
    context.print(context.json ? JSON.stringify({ id, done: verb }) : done);
  },
});

export const jobRedrive = deciding("redrive", "It is tried again, with all its tries, while a server works.");
export const jobDiscard = deciding("discard", "Discarded.");

async function withQueue(context: Context, work: (queue: Queue) => Promise<void>): Promise<void> {
  await withRecord(context, async ({ db, url, log }) => {
    const queue = createQueue({ db, url, log, supervises: false });
    await queue.start();
    try {
      await work(queue);
    } finally {
      await queue.stop();
    }
  });
}
