import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor } from "#src/kernel/redaction.ts";
import { memorySurface } from "#src/testing/engine.ts";
import type { Act } from "./act.ts";
import { messagePerformer } from "./perform-message.ts";

test("a message with a secret in it is refused, and any other is not", () => {
  const redactor = createRedactor();
  redactor.learn("plum-tractor-19");
  const { check } = messagePerformer(new Map([["outbox", memorySurface("outbox")]]), redactor);
  const saying = (text: string) =>
    ({ id: "act_1", kind: "message", name: "dispatch", args: { surface: "outbox", to: "a", name: "A", subject: "s", text } }) as unknown as Act;
  check(saying("the tap drips"));
  assert.throws(() => check(saying("the key is plum-tractor-19")), { code: "input_invalid", message: /goes outside, and text holds the value of a secret/ });
  assert.throws(() => check(saying(`use ${Buffer.from("it is plum-tractor-19").toString("base64")}`)), /holds the value of a secret/);
});
