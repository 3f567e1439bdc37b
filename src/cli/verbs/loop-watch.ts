import { LoopError } from "#src/kernel/errors.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { EXIT } from "../exit-codes.ts";
import type { Context, Verb } from "../verb.ts";
import type { Notice } from "../watch/screen-state.ts";

export const loopWatch: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about:
    "A screen of the terminal with what needs you, the workers, what the sensors say, the goals and the journal; it changes as they do. Enter opens a question and answers it, as yourself; ? shows the keys. 80 columns by 24 rows are enough. In a script: `loop status`, `loop asks --json`, `loop feed --follow --json`.",
  examples: ["loop watch", "NO_COLOR=1 loop watch"],
  async run(_given, context) {
    if (context.json || !process.stdout.isTTY || !process.stdin.isTTY) {
      context.say(
        "loop watch needs a terminal, for its keys and its screen. In a script use `loop asks --json`, `loop _ state --json` or `loop feed --follow --json`.",
      );
      return EXIT.usage;
    }
    await context.api().get("/v1/ready"); // without a server there is nothing to watch, and it is said before the screen is taken
    const { useProductionReact } = await import("../watch/production-react.ts");
    useProductionReact();
    const [{ showScreen }, { follow }, { colour }] = await Promise.all([import("../watch/screen.ts"), import("../watch/follow.ts"), context.look()]);
    await showScreen({
      clock: systemClock,
      colour,
      follow: (told, signal) => follow(context.freshTarget, told, signal),
      answer: (deed) => give(context, { askId: deed.ask.id, answer: deed.answer, reason: deed.reason }),
    });
    return EXIT.done;
  },
};

/** Of the answer, in words for one line. */
async function give(context: Context, { askId, answer, reason }: { askId: string; answer: string; reason: string | undefined }): Promise<Notice> {
  const { createApi } = await import("../client/api.ts");
  try {
    const body = await createApi(context.freshTarget()).post(`/v1/asks/${askId}/answer`, { answer, ...(reason === undefined ? {} : { reason }) });
    const { answeredText } = await import("../render/answered.ts");
    return { text: answeredText(JSON.parse(body) as Parameters<typeof answeredText>[0]).split("\n")[0]!, tone: "good" };
  } catch (error) {
    if (error instanceof LoopError) return { text: error.message, tone: "bad" };
    throw error;
  }
}
