import assert from "node:assert/strict";
import test from "node:test";
import type { z } from "zod";
import type { policyCondition } from "#src/workspace/manifest/governance.ts";
import { type Cleared, clearedByPerson, egressNeedsPerson, taintOf, type Trust, TRUSTS } from "./trust.ts";

type Taint = NonNullable<z.infer<typeof policyCondition>["taint"]>[number];
const sameInManifest: Trust extends Taint ? (Taint extends Trust ? true : never) : never = true;

test("the taint of a run is the union over what it read, each once", () => {
  assert.ok(sameInManifest);
  assert.deepEqual(taintOf([{ trust: "tool" }, { trust: "owner" }, { trust: "tool" }]), ["owner", "tool"]);
  assert.deepEqual(taintOf([]), []);
  assert.deepEqual(taintOf(TRUSTS.map((trust) => ({ trust }))), TRUSTS);
});

test("any two of untrusted text, private data and a way out may meet; all three need a person", () => {
  for (const untrusted of [true, false]) {
    for (const sawPrivate of [true, false]) {
      for (const outbound of [true, false]) {
        const answer = egressNeedsPerson({ taint: untrusted ? ["owner", "outside"] : ["owner", "member", "agent"], sawPrivate, outbound });
        assert.equal(answer.kind, untrusted && sawPrivate && outbound ? "ask" : "cleared");
      }
    }
  }
});

test("the ask names the untrusted sources and is put to the usual people", () => {
  assert.deepEqual(egressNeedsPerson({ taint: ["owner", "tool", "learned"], sawPrivate: true, outbound: true }), {
    kind: "ask",
    decision: {
      outcome: "ask",
      rule: "egress",
      why: "the run has read untrusted text (tool, learned) and private data, and this goes outside",
      matched: ["egress"],
      approvers: { roles: ["approver", "admin", "owner"], names: [] },
      quorum: 1,
      expiry: [],
    },
  });
});

test("what sends cannot be called without clearance", () => {
  const send = (_cleared: Cleared): string => "sent";
  // @ts-expect-error a look-alike is no clearance
  send({ by: "harmless" });
  const answer = egressNeedsPerson({ taint: ["outside"], sawPrivate: false, outbound: true });
  // @ts-expect-error an answer that may be an ask is no clearance
  send(answer);
  assert.ok(answer.kind === "cleared");
  assert.equal(send(answer.cleared), "sent");
  assert.equal(clearedByPerson({ id: "ask_1", answer: "approve" }).by, "ask_1");
  // @ts-expect-error a denial clears nothing
  clearedByPerson({ id: "ask_1", answer: "deny" });
});
