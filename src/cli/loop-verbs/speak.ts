import { createApi } from "../client/api.ts";
import type { Context } from "../verb.ts";

/** Says one verb of the contract to the server, and prints its answer: as it came with `--json`, else in these words. */
export async function speak<Answer>(context: Context, verb: string, { input, words }: { input: object; words: (answer: Answer) => string }): Promise<void> {
  const body = await createApi(context.agentTarget()).post(`/v1/loop/${verb.replaceAll(" ", "/")}`, input);
  context.print(context.json ? body : words(JSON.parse(body) as Answer));
}
