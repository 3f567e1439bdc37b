import { eachLine } from "./lines.ts";

/** What the trial is told, one line each. */
export function say(kind: string, more: object = {}): void {
  process.stdout.write(`${JSON.stringify({ say: kind, ...more })}\n`);
}

/** Lines from the trial. When the trial is gone, so is the child: the stop is asked for. */
export function listen(onLine: (line: { readonly [key: string]: unknown }) => void, onGone: () => void): void {
  eachLine(process.stdin, (text) => onLine(JSON.parse(text) as { readonly [key: string]: unknown }));
  process.stdin.on("close", onGone);
}

/** Runs once, on SIGTERM or when the trial is gone, and ends the process with 0 when all went well. */
export function endBy(stop: () => Promise<void>): () => void {
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", end);
  return end;
}
