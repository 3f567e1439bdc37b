import type { ServerResponse } from "node:http";

/** Waits until what was written has gone out. False: the reader took nothing for `stallMs`. True also when it is gone. */
export function drained(response: ServerResponse, stallMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (taken: boolean) => (): void => {
      clearTimeout(timer);
      response.off("drain", done).off("close", done);
      resolve(taken);
    };
    const done = settle(true);
    const timer = setTimeout(settle(false), stallMs);
    timer.unref();
    response.once("drain", done).once("close", done);
  });
}
