export interface Batches {
  /** Items of one piece of work at most. */
  readonly most: number;
  /** What comes within this time is done together, by callers who wait for nothing; left out: an idle caller waits for nobody. */
  readonly gatherMs?: number;
}

export interface Batched<Item, Result> {
  (item: Item): Promise<Result>;
  /** What was given so far is done now, and this is over when it is. */
  flush(): Promise<void>;
}

/**
 * Many callers, one statement: what comes in while a piece of work is under way is done together by the next one, never by one that began before. A piece that
 * fails fails for all who are in it. Results stand in the order of the items.
 */
export function batched<Item, Result>(work: (items: readonly Item[]) => Promise<readonly Result[]>, { most, gatherMs = 0 }: Batches): Batched<Item, Result> {
  interface Waiting {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];
  let working: Promise<void> | undefined;
  let gathering: NodeJS.Timeout | undefined;
  let isHurried = false;
  const mayWait = (): boolean => gatherMs > 0 && !isHurried && waiting.length < most;
  const drain = async (): Promise<void> => {
    do {
      const now = waiting.slice(0, most);
      waiting = waiting.slice(most);
      try {
        const results = await work(now.map(({ item }) => item));
        now.forEach(({ resolve }, index) => resolve(results[index]!));
      } catch (error) {
        now.forEach(({ reject }) => reject(error));
      }
    } while (waiting.length > 0 && !mayWait());
    working = undefined;
    isHurried = false;
    if (waiting.length > 0) gather();
  };
  const gather = (): void => {
    if (waiting.length > 0 && mayWait()) gathering ??= setTimeout(() => void go(), gatherMs);
    else void go();
  };
  const go = (): Promise<void> => {
    clearTimeout(gathering);
    gathering = undefined;
    if (waiting.length === 0) return working ?? Promise.resolve();
    return (working ??= drain());
  };
  const add = (item: Item): Promise<Result> => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    waiting.push({ item, resolve, reject });
    if (!working) gather();
    return promise;
  };
  const flush = (): Promise<void> => {
    isHurried = waiting.length > 0 || working !== undefined;
    return go();
  };
  return Object.assign(add, { flush });
}
