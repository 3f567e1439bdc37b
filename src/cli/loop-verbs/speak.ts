import { createApi } from "../client/api.ts";
import type { Context } from "../verb.ts";

/** Says one verb of the contract to the server, and prints its answer: as it came with `--json`, else in these words. */
export async function speak<Answer>(context: Context, verb: string, { input, words }: { input: object; words: (answer: Answer) => string }): Promise<void> {
  const body = await createApi(context.agentTarget()).post(`/v1/loop/${verb.replaceAll(" ", "/")}`, input);
  context.print(context.json ? body : words(JSON.parse(body) as Answer));
}

/** Asks the server for what one verb of the contract shows. What is undefined is left out. */
export function look(context: Context, verb: string, input: Readonly<Record<string, string | undefined>> = {}): Promise<string> {
  const given = Object.entries(input).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as [string, string]]));
  const query = new URLSearchParams(given).toString();
  return createApi(context.agentTarget()).get(`/v1/loop/${verb.replaceAll(" ", "/")}${query === "" ? "" : `?${query}`}`);
}
