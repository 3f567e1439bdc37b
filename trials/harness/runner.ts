import type { Case, Judged } from "./case.ts";
import { missing } from "./needs.ts";
import { inLanes } from "./wait.ts";
import { openWorld, type Shared } from "./world.ts";

export interface Line {
  readonly id: string;
  readonly title: string;
  readonly verdict: "held" | "late" | "not held" | "incomplete" | "skipped";
  readonly reached: number;
  readonly wanted: number;
  readonly figure: string;
  readonly seconds: number;
}

const CLOSE_LIMIT_MS = 30_000;
/** Whether an injection meets what it is meant for may be chance; one that did not says nothing, so the case is run again. */
const TRIES_TO_REACH = 3;

/** Runs one case, for as long as it may take, and ends whatever it left. Never throws. */
async function runCase(shared: Shared, { one, short }: { one: Case; short: boolean }): Promise<Line> {
  const { id, title } = one;
  const lacking = missing(one.needs ?? []);
  if (lacking.length > 0)
    return { id, title, verdict: "skipped", reached: 0, wanted: 0, seconds: 0, figure: `needs ${(one.needs ?? []).join(", ")}; missing ${lacking.join(", ")}` };
  const startMs = performance.now();
  const world = await openWorld(shared, short);
  const seen = await inTime(one.run(world), short ? one.limitMs.short : one.limitMs.full);
  const isGood = seen.held && seen.reached >= seen.wanted;
  const troubles = await Promise.race([world.close(isGood ? undefined : id), after(CLOSE_LIMIT_MS).then(() => ["what it started could not be ended in time"])]);
  const held = seen.held && troubles.length === 0;
  const figure = [seen.figure, ...troubles.map((trouble) => `left behind: ${trouble}`)].join("; ");
  const verdict = !held ? "not held" : !isGood ? "incomplete" : seen.isLate ? "late" : "held";
  return { id, title, verdict, reached: seen.reached, wanted: seen.wanted, figure, seconds: (performance.now() - startMs) / 1_000 };
}

async function inTime(running: Promise<Judged>, limitMs: number): Promise<Judged> {
  const nothing = { reached: 0, wanted: 0, held: false };
  const judgement = running.catch((error: unknown): Judged => ({
    ...nothing,
    figure: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }));
  return Promise.race([judgement, after(limitMs).then((): Judged => ({ ...nothing, figure: `it did not end within ${limitMs / 1_000} s` }))]);
}

function after(limitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, limitMs).unref());
}

/** Those that measure one after the other, then the others, two at a time. */
export async function runCases(
  shared: Shared,
  cases: readonly Case[],
  { short, lanes, tell }: { short: boolean; lanes: number; tell: (line: Line) => void },
): Promise<Line[]> {
  const lines: Line[] = [];
  const run = async (one: Case): Promise<void> => {
    let line = await runCase(shared, { one, short });
    for (let again = 1; line.verdict === "incomplete" && again < TRIES_TO_REACH; again += 1) line = await runCase(shared, { one, short });
    lines.push(line);
    tell(line);
  };
  await inLanes(
    cases.filter((one) => one.alone),
    1,
    run,
  );
  await inLanes(
    cases.filter((one) => !one.alone),
    lanes,
    run,
  );
  return lines;
}

export function print({ id, verdict, reached, wanted, figure, seconds }: Line): string {
  const said = verdict === "skipped" ? `skipped (${figure})` : `${verdict === "incomplete" ? `incomplete (wanted ${wanted})` : verdict}  ${figure}`;
  return `${id.padEnd(15)}reached ${String(reached).padEnd(6)}${said}  [${seconds.toFixed(1)} s]`;
}
