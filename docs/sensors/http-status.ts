// Whether web addresses answer as they should. One that goes down or comes back wakes; how long it took does not.
// loop:interval=60
// loop:network=example.com

// Change these lines, and the hosts above. `status`: what counts as up; left out: anything from 200 to 399. A redirect is an answer and is not followed.
const PLACES: readonly { readonly url: string; readonly status?: number }[] = [{ url: "https://example.com/" }];
const PATIENCE_MS = 10_000;

async function look({ url, status }: (typeof PLACES)[number]): Promise<{ url: string; state: string; ms: number }> {
  const startMs = performance.now();
  const state = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) }).then(
    async (answer) => {
      await answer.body?.cancel();
      const isUp = status === undefined ? answer.status >= 200 && answer.status < 400 : answer.status === status;
      return isUp ? "up" : `down: ${answer.status}`;
    },
    (error: Error) => (error.name === "TimeoutError" ? "down: no answer in time" : "down: no connection"),
  );
  return { url, state, ms: Math.round(performance.now() - startMs) };
}

const seen = await Promise.all(PLACES.map(look));
const signal = { down: seen.filter(({ state }) => state !== "up").length, places: Object.fromEntries(seen.map(({ url, state }) => [url, state])) };
console.log(JSON.stringify({ signal, detail: { ms: Object.fromEntries(seen.map(({ url, ms }) => [url, ms])) } }));
