import type { Client } from "@modelcontextprotocol/client";
import type { ListedTool } from "#src/acts/ports/tool-pins.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { listedTool } from "./definition.ts";
import type { ServerAnswer } from "./result.ts";
import type { KnowingTransport } from "./stdio-transport.ts";
import { ServerTrouble } from "./trouble.ts";

const MOST_PAGES = 64;
const PROBE_MS = 5_000;

/** The server said no in the words of the protocol; what it said is its own text. */
export class ServerRefusal extends Error {
  override readonly name = "ServerRefusal";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The server did not answer in time. Whether it did what it was asked is not known. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** One connection to a server. */
export interface Session {
  /** All pages, up to so many tools. @throws Error */
  list(): Promise<{ readonly tools: readonly ListedTool[]; readonly more: boolean }>;
  /** @throws ServerRefusal | NoAnswer | Error when the connection is gone */
  call(tool: string, args: Json, options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<ServerAnswer>;
  /** Aborted when it is gone, with the reason. */
  readonly gone: AbortSignal;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly transport: KnowingTransport;
  /** It broke off when it was asked in the newer way. */
  readonly isOlder: boolean;
  readonly version: string;
  readonly timeoutMs: number;
  readonly maxTools: number;
  /** The server says that its tools are others now. */
  readonly onListChanged: () => void;
}

/** Connects and agrees on a version. @throws Error with the reason, which may be the server's own words */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { Client: McpClient } = await import("@modelcontextprotocol/client");
  const anything = { getValidator: () => (value: unknown) => ({ valid: true as const, data: value as never, errorMessage: undefined }) };
  const client = new McpClient(
    { name: "loopwright", version: options.version },
    {
      capabilities: {}, // nothing is done for a server: no sampling, no questions to people, no files
      versionNegotiation: { mode: options.isOlder ? "legacy" : "auto", probe: { timeoutMs: Math.min(PROBE_MS, options.timeoutMs) } },
      inputRequired: { autoFulfill: false },
      jsonSchemaValidator: anything, // schemas of answers are the server's word about itself
    },
  );
  const gone = new AbortController();
  client.onclose = () => gone.abort(options.transport.trouble() ?? new ServerTrouble("the connection ended"));
  client.setNotificationHandler("notifications/tools/list_changed", () => options.onListChanged());
  try {
    await client.connect(options.transport, { timeout: options.timeoutMs });
  } catch (error) {
    await client.close().catch(() => undefined);
    throw options.transport.trouble() ?? error;
  }
  return sessionOf(client, options, gone.signal);
}

function sessionOf(client: Client, { transport, timeoutMs, maxTools }: SessionOptions, gone: AbortSignal): Session {
  const told = (error: unknown): never => {
    throw transport.trouble() ?? error;
  };
  return {
    gone,
    async list() {
      const tools: ListedTool[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MOST_PAGES && tools.length <= maxTools; page += 1) {
        const params = cursor === undefined ? {} : { cursor };
        const answer = await client.request({ method: "tools/list", params }, { timeout: timeoutMs }).catch(told);
        tools.push(...answer.tools.map(listedTool));
        cursor = answer.nextCursor;
        if (cursor === undefined) return { tools: tools.slice(0, maxTools), more: tools.length > maxTools };
      }
      return { tools: tools.slice(0, maxTools), more: true };
    },
    async call(tool, args, { signal, timeoutMs: callMs }) {
      const { ProtocolError, SdkError, SdkErrorCode } = await import("@modelcontextprotocol/client");
      try {
        const params = { name: tool, arguments: args as Record<string, unknown> };
        return (await client.request({ method: "tools/call", params }, { signal, timeout: callMs, maxTotalTimeout: callMs })) as ServerAnswer;
      } catch (error) {
        if (error instanceof ProtocolError) throw new ServerRefusal(error.code, error.message);
        if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) throw new NoAnswer(error.message, { cause: error });
        return told(error);
      }
    },
    close: () => client.close(),
  };
}
