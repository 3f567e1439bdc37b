import { z } from "zod";

export const number = z.int().positive();
export const ref = z
  .string()
  .min(1)
  .max(250)
  .regex(/^(?![-/.])[^\s~^:?*[\\\p{Cc}]+$/u, "expected a branch, a tag or a commit");

/** Worded by whoever may write there, and not for everybody's eyes. */
export const READS = { effect: "read" as const, terms: { risk: "low" as const, outbound: false, private: true, untrusted: true } };

export type Cut = (text: string, share: number) => string;

/** A share of what a result may have: `cut(text, 4)` leaves a quarter. */
export function cutter(maxBytes: number): Cut {
  return (text, share) => {
    const bytes = Buffer.from(text);
    const most = Math.floor(maxBytes / share);
    return bytes.length <= most ? text : `${new TextDecoder().decode(bytes.subarray(0, most), { stream: true })} …`;
  };
}

export interface Common {
  readonly check: (args: { readonly repo: string }) => void;
  readonly cut: Cut;
}
