import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { messagePortSuite } from "#src/testing/message-port.suite.ts";
import { testOutbox } from "#src/testing/outbox.ts";

messagePortSuite({
  name: "outbox",
  subject: async (t) => {
    const { db } = await testDatabase(t);
    const { surface, files } = await testOutbox(t, { db, clock: heldClock() });
    return { port: surface, to: "ana", read: async () => (await files()).map(([, text]) => text) };
  },
});
