import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { MessagePort, OutboundMessage } from "#src/acts/ports/message-port.ts";

/** A port and what people would read behind it. */
export interface MessagePortSubject {
  readonly port: MessagePort;
  /** An address that takes messages. */
  readonly to: string;
  /** Everything that lies there now, a text each. */
  read(): Promise<readonly string[]>;
}

export interface MessagePortSuite {
  readonly name: string;
  readonly subject: (t: TestContext) => Promise<MessagePortSubject>;
}

/** What every place for messages owes its callers. */
export function messagePortSuite({ name, subject }: MessagePortSuite): void {
  describe(`a message port: ${name}`, () => {
    test("a message arrives whole, under its key and no other", async (t) => {
      const { port, to, read } = await subject(t);
      assert.equal(await port.find("act_1"), undefined);
      const posted = await port.post(message(to, WORDS), "act_1");
      assert.equal(posted.surface, port.name);
      assert.ok(posted.messageId.length > 0);
      assert.deepEqual([await port.find("act_1"), await port.find("act_2")], [posted, undefined]);
      const texts = await read();
      assert.equal(texts.length, 1);
      assert.ok(texts[0]!.includes(WORDS), texts[0]);
    });

    test("the same key is one message, one after the other and at the same moment; another key is another message", async (t) => {
      const { port, to, read } = await subject(t);
      const first = await port.post(message(to, "one"), "act_1");
      assert.deepEqual(await port.post(message(to, "one"), "act_1"), first);
      const together = await Promise.all(Array.from({ length: 4 }, () => port.post(message(to, "two"), "act_2")));
      for (const ref of together) assert.deepEqual(ref, together[0]);
      assert.notDeepEqual(together[0], first);
      assert.equal((await read()).length, 2);
    });

    test("where it can edit, the text takes the place of the old one, as often as it is tried", async (t) => {
      const { port, to, read } = await subject(t);
      if (!port.edit) return t.skip("it cannot edit");
      const posted = await port.post(message(to, "Shall the pump be ordered?"), "act_1");
      for (let tried = 0; tried < 2; tried += 1) await port.edit(posted, message(to, "Ana said yes."), "act_1:2");
      const texts = await read();
      assert.equal(texts.length, 1);
      assert.ok(texts[0]!.includes("Ana said yes.") && !texts[0]!.includes("Shall the pump"), texts[0]);
      assert.deepEqual(await port.find("act_1"), posted);
      await assert.rejects(port.edit({ ...posted, messageId: "none" }, message(to, "x"), "act_9:2"), { code: "surface_refused" });
    });
  });
}

const WORDS = "冷氣漏水\nน้ำรั่ว — ✅ *not bold* <b>not a tag</b> & \u0022quoted\u0022\n\nEnd.";

const message = (to: string, text: string): OutboundMessage => ({ to, subject: "About the pump", text, facts: { ticket: 7 } });
