import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import type { LiveProcess } from "#src/acts/ports/sandbox-port.ts";
import { ServerTrouble } from "./trouble.ts";

const LONGEST_UNSENT = 16_777_216;
/** Messages in a second, beyond which a program floods. */
const MOST_MESSAGES = 2_000;

export interface StdioOptions {
  readonly start: () => Promise<LiveProcess>;
  /** A message with more is the end of the connection. */
  readonly maxMessageBytes: number;
  /** What the program says on its standard error, as it comes and cut; for the log. */
  readonly onStderr: (text: string) => void;
}

/** A transport that knows what first went wrong with it. */
export interface KnowingTransport extends Transport {
  trouble(): ServerTrouble | undefined;
}

/** MCP over the input and output of a program: one message a line. Whatever the program writes, what is held of it is bounded. */
export function stdioTransport(options: StdioOptions): KnowingTransport {
  let running: LiveProcess | undefined;
  let first: ServerTrouble | undefined;
  let isClosed = false;
  const fail = (what: string): void => {
    if (isClosed) return; // it ends because it was told to
    first ??= new ServerTrouble(what);
    transport.onerror?.(first);
  };
  const transport: KnowingTransport = {
    trouble: () => first,
    async start() {
      const program = await options.start();
      running = program;
      readLines(program, { ...options, onLine, onFlood });
      program.stderr.on("data", (chunk: Buffer) => options.onStderr(chunk.subarray(0, 4_096).toString("utf8")));
      void program.ended.then((why) => {
        fail(why);
        transport.onclose?.();
      });
    },
    async send(message) {
      if (!running || running.stdin.writableLength > LONGEST_UNSENT) throw new ServerTrouble("the program does not read its input");
      running.stdin.write(`${JSON.stringify(message)}\n`);
    },
    async close() {
      isClosed = true;
      await running?.stop();
    },
  };
  function onLine(line: string): void {
    const message = parse(line);
    if (message === undefined) transport.onerror?.(new Error("the program wrote a line that is no message"));
    else transport.onmessage?.(message);
  }
  function onFlood(what: string): void {
    fail(`the program wrote ${what}`);
    void transport.close();
  }
  return transport;
}

interface Reading extends StdioOptions {
  readonly onLine: (line: string) => void;
  /** Called once; nothing is read after it. */
  readonly onFlood: (what: string) => void;
}

function readLines(program: LiveProcess, { maxMessageBytes, onLine, onFlood }: Reading): void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isOver = false;
  let messages = 0;
  let sinceMs = performance.now();
  program.stdout.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0 && !isOver; end = rest.indexOf(10)) {
      const line = Buffer.concat([...held, rest.subarray(0, end)]);
      rest = rest.subarray(end + 1);
      [held, heldBytes] = [[], 0];
      if (line.length > maxMessageBytes) return over(`a message of more than ${maxMessageBytes} bytes`);
      if (performance.now() - sinceMs > 1_000) [sinceMs, messages] = [performance.now(), 0];
      messages += 1;
      if (messages > MOST_MESSAGES) return over(`more than ${MOST_MESSAGES} messages in a second`);
      if (line.length > 1) onLine(line.toString("utf8"));
    }
    if (isOver) return;
    held.push(rest);
    heldBytes += rest.length;
    if (heldBytes > maxMessageBytes) over(`a message of more than ${maxMessageBytes} bytes`);
  });
  function over(what: string): void {
    [held, heldBytes, isOver] = [[], 0, true];
    onFlood(what);
  }
}

/** A line that is no JSON object is no message; its shape is looked at further on. */
function parse(line: string): JSONRPCMessage | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JSONRPCMessage) : undefined;
  } catch {
    return undefined;
  }
}
