import { systemClock } from "#src/kernel/clock.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Look } from "./look.ts";

const WIDEST = 100;
const NARROWEST = 40;

/** Colour only on a terminal, and not where NO_COLOR is set (https://no-color.org). */
export function pageOf(env: Environment, stream: { readonly isTTY?: boolean; readonly columns?: number }): Look {
  const colour = stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return { width: Math.min(WIDEST, Math.max(NARROWEST, stream.columns || 80)), colour, nowMs: systemClock.nowMs() };
}
