import { answerIn, open, type Target } from "./api.ts";
import { cutAnswer, failureOf, notRunning } from "./failures.ts";

/** One block of a stream of server-sent events. */
export interface ServerEvent {
  /** The cursor. Alone in the first block: where the stream begins. */
  readonly id: string | undefined;
  readonly data: string | undefined;
}

/** What a path such as `/v1/feed` sends, until the signal, or until the server ends it. @throws LoopError server_not_running, or the failure that the server names */
export async function* followEvents(target: Target, path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const socket = open(target, { method: "GET", path });
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const bytes = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    const head = await readHead(bytes);
    if (!head.isStream) {
      const { status, text } = answerIn(await readToEnd(bytes, head.bytes));
      throw status === 0 ? cutAnswer() : failureOf(status, text);
    }
    yield* blocksIn(bytes, head.rest);
  } catch (error) {
    if (signal.aborted) return;
    throw isSystemError(error) ? notRunning(target, error) : error;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}

interface Head {
  readonly isStream: boolean;
  readonly bytes: Buffer;
  readonly rest: Buffer;
}

async function readHead(source: AsyncIterator<Buffer>): Promise<Head> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end !== -1) {
      const head = bytes.subarray(0, end).toString("latin1");
      return { isStream: /^HTTP\/1\.[01] 200/.test(head) && /^content-type: text\/event-stream/im.test(head), bytes, rest: bytes.subarray(end + 4) };
    }
    const next = await source.next();
    if (next.done) return { isStream: false, bytes, rest: bytes };
    bytes = Buffer.concat([bytes, next.value]);
  }
}

async function readToEnd(source: AsyncIterator<Buffer>, first: Buffer): Promise<Buffer> {
  const chunks = [first];
  for (let next = await source.next(); !next.done; next = await source.next()) chunks.push(next.value);
  return Buffer.concat(chunks);
}

async function* blocksIn(source: AsyncIterator<Buffer>, first: Buffer): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = decoder.decode(first, { stream: true });
  for (;;) {
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const lines = block.split("\n");
      if (lines.includes("event: end")) return;
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      const id = lines.findLast((line) => line.startsWith("id: "))?.slice(4);
      yield { id, data: data.length === 0 ? undefined : data.join("\n") };
    }
    const next = await source.next();
    if (next.done) return;
    text += decoder.decode(next.value, { stream: true });
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && "syscall" in error;
