import assert from "node:assert/strict";
import { test } from "node:test";
import type { CostGroupShape } from "../client/shapes.ts";
import { spentOf, spentText, usdText } from "./spent.ts";

const group = (key: string | null, usd: number): CostGroupShape => ({
  key,
  costNanos: usd * 1_000_000_000,
  calls: 1,
  openCalls: 0,
  unknownCalls: 0,
  listNanos: 0,
  estimatedCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  tiers: {},
});

test("what was spent is shown in all, by kind and by runner, with four places and no zeros at the end", () => {
  const spent = spentOf([group("worker", 1.25), group(null, 0.25)], [group("pi", 1), group("claude", 0.25), group(null, 0.25)]);
  assert.equal(spentText("today", spent), "today: $1.5\nby kind\n  worker  $1.25\n  models  $0.25\nby runner\n  pi  $1\n  claude  $0.25\n  models  $0.25");
  assert.deepEqual([0, 1.5, 0.00004, 0.00012, 12.3456789].map(usdText), ["$0", "$1.5", "$0", "$0.0001", "$12.3457"]);
  assert.equal(spentText("today", spentOf([], [])), "Nothing was spent today.");
});
