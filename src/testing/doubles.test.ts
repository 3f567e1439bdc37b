import { embedderSuite } from "./embedder.suite.ts";
import { hashEmbedder } from "./hash-embedder.ts";
import { memorySurface } from "./memory-surface.ts";
import { messagePortSuite } from "./message-port.suite.ts";

embedderSuite({ name: "by the hash of words", subject: () => Promise.resolve(hashEmbedder()) });

messagePortSuite({
  name: "in this process",
  subject: () => {
    const port = memorySurface("chat");
    return Promise.resolve({ port, to: "ana", read: () => Promise.resolve(port.messages().map(({ text }) => text)) });
  },
});
