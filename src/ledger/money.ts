const NANOS_PER_USD = 1_000_000_000;

/** Dollars as whole nano-dollars, rounded to the nearest; beyond 2^53 (about nine million dollars) it stays there. */
export function nanosOfUsd(usd: number): number {
  return Math.min(Math.round(usd * NANOS_PER_USD), Number.MAX_SAFE_INTEGER);
}

/**
 * An amount for people: "$12.30", "$0.043", "$0.0000012"; below a dollar two significant digits and at least two decimals. Null is "unknown".
 * Rounded, so never added up again: sums are made in nanos.
 */
export function usdText(nanos: number | null): string {
  if (nanos === null) return "unknown";
  const usd = Math.abs(nanos) / NANOS_PER_USD;
  const sign = nanos < 0 ? "-" : "";
  if (usd >= 0.995 || usd === 0) return `${sign}$${usd.toFixed(2)}`;
  const leadingZeros = Math.max(0, -Math.floor(Math.log10(usd)) - 1);
  const [whole, decimals = ""] = usd.toFixed(leadingZeros + 2).split(".");
  return `${sign}$${whole}.${decimals.replace(/(?<!0)0+$/, "").padEnd(2, "0")}`;
}
