interface Spent {
  readonly costNanos: number;
  readonly unknownCalls: number;
}

/** Nano-dollars as dollars: "$0.043", "$12.50", "$0.0004". Null is unknown, and said so. */
export function moneyText(nanos: number | null): string {
  if (nanos === null) return "unknown";
  const dollars = nanos / 1e9;
  if (dollars >= 1) return `$${dollars.toFixed(2)}`;
  return nanos !== 0 && dollars < 0.001 ? `$${dollars.toPrecision(2)}` : `$${dollars.toFixed(3)}`;
}

/** Dollars as a person said them: "$138", "$6.50"; null is unknown. */
export function usdText(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return "unknown";
  return Number.isInteger(usd) ? `$${usd}` : `$${usd.toFixed(2)}`;
}

/** What calls cost together. Calls whose cost is unknown make the sum unknown, with what is known of it. */
export function spentText({ costNanos, unknownCalls }: Spent): string {
  if (unknownCalls === 0) return moneyText(costNanos);
  const calls = unknownCalls === 1 ? "1 call" : `${unknownCalls} calls`;
  return costNanos === 0 ? `unknown (${calls})` : `unknown (${calls}), and ${moneyText(costNanos)} known`;
}

export const tokensText = (tokens: number): string => (tokens >= 10_000 ? `${Math.round(tokens / 1_000)}k` : String(tokens));
