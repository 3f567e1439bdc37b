import { failover } from "./failover.ts";
import type { Case } from "./harness/case.ts";

/** Every case, in the order of README.md. */
export const CASES: readonly Case[] = [...failover];
