/**
 * Many callers, one statement: what comes in while a piece of work is under way is done together by the next one. An idle caller waits for nobody.
 * A piece that fails fails for all who are in it. Results stand in the order of the items.
 */
export function batched<Item, Result>(work: (items: readonly Item[]) => Promise<readonly Result[]>, most: number): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];
  let busy = false;
  const go = async (): Promise<void> => {
    busy = true;
    while (waiting.length > 0) {
      const now = waiting.slice(0, most);
      waiting = waiting.slice(most);
      try {
        const results = await work(now.map(({ item }) => item));
        now.forEach(({ resolve }, index) => resolve(results[index]!));
      } catch (error) {
        now.forEach(({ reject }) => reject(error));
      }
    }
    busy = false;
  };
  return (item) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    waiting.push({ item, resolve, reject });
    if (!busy) void go();
    return promise;
  };
}
