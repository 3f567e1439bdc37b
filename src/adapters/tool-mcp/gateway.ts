import type { ListedTool, ToolPin, ToolPins, ToolSourceKey } from "#src/acts/ports/tool-pins.ts";
import type { ToolPort, ToolState } from "#src/acts/ports/tool-port.ts";
import type { LiveTools, ToolDeps, ToolFactory, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type Connection, createConnection } from "./connection.ts";
import { type Offer, offerOf } from "./definition.ts";
import { failedResult, resultOf } from "./result.ts";
import { openSession, ServerRefusal, type Session } from "./session.ts";
import { type KnowingTransport, stdioTransport } from "./stdio-transport.ts";
import { startProgram } from "./program.ts";
import { troubleOf } from "./trouble.ts";

export interface GatewayOptions {
  readonly version: string;
  readonly pins: ToolPins;
  readonly sourceOf: (server: ToolServerFrom<"mcp">) => string;
  /** Why arguments cannot be checked by a schema; null: they can. */
  readonly schemaProblem: (schema: Json) => string | null;
  /** The way to a server that speaks HTTP. */
  readonly http: (server: ToolServerFrom<"mcp">, deps: ToolDeps) => Promise<KnowingTransport>;
}

/** Tools of servers that speak MCP. */
export const mcpTools =
  (options: GatewayOptions): ToolFactory<"mcp"> =>
  (server, deps) =>
    new McpServerTools(server, deps, options);

/** What is known of a tool: its pin, and what a model may be told. */
interface Known {
  readonly pin: ToolPin;
  readonly offer: Offer;
}

const SMALLEST_MESSAGE = 4_194_304;

class McpServerTools implements LiveTools {
  readonly #server: ToolServerFrom<"mcp">;
  readonly #deps: ToolDeps;
  readonly #options: GatewayOptions;
  readonly #key: ToolSourceKey;
  readonly #connection: Connection;
  #known: ReadonlyMap<string, Known> = new Map();
  /** What the server lists in this connection. */
  #live: ReadonlyMap<string, string> | undefined;
  #hasMore = false;
  #isUnseen = true;
  #isOlder = false;

  constructor(server: ToolServerFrom<"mcp">, deps: ToolDeps, options: GatewayOptions) {
    [this.#server, this.#deps, this.#options] = [server, deps, options];
    this.#key = { server: server.name, source: options.sourceOf(server) };
    this.#connection = createConnection({
      server: server.name,
      timeoutMs: server.limits.timeout,
      concurrency: server.limits.concurrency,
      open: (onListChanged) => this.#open(onListChanged),
      listed: (tools, more) => this.#listed(tools, more),
    });
  }

  list(): ToolPort[] {
    if (this.#connection.blocked() !== null) return [];
    return [...this.#known.values()].flatMap((one) => (one.offer.kind === "usable" && this.#whyOff(one) === null ? [this.#portOf(one.pin, one.offer)] : []));
  }

  states(): ToolState[] {
    const server = this.#server;
    const blocked = this.#connection.blocked();
    const whole = wholeState({ server, blocked, trouble: this.#connection.trouble(), isUnseen: this.#isUnseen, more: this.#hasMore });
    const each = [...this.#known.values()].map((one): ToolState => {
      const why = this.#whyOff(one) ?? (blocked === null ? null : `its server is left alone for a while: ${blocked}`);
      return { name: `${server.name}.${one.pin.tool}`, state: why === null ? "on" : "off", why };
    });
    return [...whole, ...each];
  }

  async refresh(): Promise<void> {
    const pins = await this.#options.pins.of(this.#key);
    this.#isUnseen = pins === null;
    if (pins === null) void this.#connection.wake();
    else this.#take(pins);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #listed(tools: readonly ListedTool[], hasMore: boolean): Promise<void> {
    const live = digestsOf(tools);
    [this.#live, this.#hasMore] = [live, hasMore];
    const once = tools.filter(({ tool }) => live.get(tool) !== TWICE);
    this.#take(await this.#options.pins.see(this.#key, once));
    this.#isUnseen = false;
  }

  #take(pins: readonly ToolPin[]): void {
    const before = this.#known;
    this.#known = new Map(
      pins.map((pin) => {
        const known = before.get(pin.tool);
        if (known?.pin.digest === pin.digest && known.pin.seenDigest === pin.seenDigest) return [pin.tool, known];
        // What is on is listed as it was approved.
        return [pin.tool, { pin, offer: offerOf(pin.seenDefinition ?? pin.definition, this.#options.schemaProblem) }];
      }),
    );
  }

  #whyOff({ pin, offer }: Known): string | null {
    return whyOff({ pin, offer, server: this.#server, isTwice: this.#live?.get(pin.tool) === TWICE });
  }

  #portOf(pin: ToolPin, offer: Offer & { kind: "usable" }): ToolPort {
    const terms = this.#server.tools[pin.tool] ?? {};
    const effect = terms.effect ?? "once";
    return {
      name: `${this.#server.name}.${pin.tool}`,
      description: offer.description,
      schema: offer.schema,
      effect: effect === "findable" ? "once" : effect, // a server of MCP cannot be asked whether an act happened
      terms: { risk: terms.risk ?? "medium", outbound: terms.outbound ?? true, private: terms.private ?? true, untrusted: true },
      invoke: (args, { signal }) => this.#invoke({ pin, args, signal, mayRepeat: effect === "read" || effect === "idempotent" }),
    };
  }

  async #invoke({ pin, args, signal, mayRepeat }: { pin: ToolPin; args: Json; signal: AbortSignal; mayRepeat: boolean }): Promise<Json> {
    const { name, limits } = this.#server;
    try {
      return resultOf(await this.#connection.call({ tool: pin.tool, args, signal, mayRepeat, confirm: () => this.#confirm(pin) }), limits.maxResultBytes);
    } catch (error) {
      if (error instanceof ServerRefusal) return failedResult(error.code, error.message, limits.maxResultBytes);
      if (error instanceof LoopError && error.cause) this.#deps.log.warn("a tool server failed", { server: name, tool: pin.tool, why: troubleOf(error.cause) });
      throw error;
    }
  }

  /** The very definition that was offered is what is approved, and what the server lists now. */
  #confirm(offered: ToolPin): void {
    const { name } = this.#server;
    const known = this.#known.get(offered.tool);
    const why = known ? this.#whyOff(known) : "its server was never seen to have it";
    if (why === null && known!.pin.seenDigest === offered.seenDigest && this.#live?.get(offered.tool) === offered.seenDigest) return;
    throw new LoopError("tool_failed", `${name}.${offered.tool} is off: ${why ?? "its server describes it differently now"}. Nothing was done.`, {
      facts: { server: name, tool: offered.tool },
    });
  }

  async #open(onListChanged: () => void): Promise<Session> {
    const { limits, from, name } = this.#server;
    const transport =
      from.url !== undefined
        ? await this.#options.http(this.#server, this.#deps)
        : stdioTransport({
            start: () => startProgram(this.#server, this.#deps),
            maxMessageBytes: Math.max(SMALLEST_MESSAGE, 2 * limits.maxResultBytes),
            onStderr: (text) => this.#deps.log.debug("a tool server says", { server: name, text }),
          });
    const options = { version: this.#options.version, timeoutMs: limits.timeout, maxTools: limits.maxTools, onListChanged, isOlder: this.#isOlder };
    try {
      return await openSession({ ...options, transport });
    } catch (error) {
      this.#deps.log.warn("a tool server cannot be reached", { server: name, why: troubleOf(error) });
      this.#isOlder = !this.#isOlder; // there are servers that end at a question which came after them
      throw error;
    }
  }
}

const TWICE = "listed twice";

function digestsOf(tools: readonly ListedTool[]): Map<string, string> {
  const digests = new Map<string, string>();
  for (const { tool, digest } of tools) digests.set(tool, digests.has(tool) ? TWICE : digest);
  return digests;
}

interface Judged extends Known {
  readonly server: ToolServerFrom<"mcp">;
  readonly isTwice: boolean;
}

/** Why a tool is off, whatever the state of the connection; null: it is on. */
function whyOff({ pin, offer, server, isTwice }: Judged): string | null {
  const name = `${server.name}.${pin.tool}`;
  const pinned = Object.hasOwn(server.pins, pin.tool) ? server.pins[pin.tool] : undefined;
  if (isTwice) return "its server lists it twice";
  if (pin.seenDigest === null) return "its server has it no more";
  if (pinned !== undefined && pinned !== pin.seenDigest)
    return `tools/${server.name}.yaml pins another definition of it (${pinned.slice(0, 12)}…, and it is ${pin.seenDigest.slice(0, 12)}…)`;
  if (pin.digest === null && pinned === undefined)
    return `it came after its server was first seen. \`loop tools diff ${name}\` shows it, \`loop tools approve ${name}\` lets it be used`;
  if (pin.digest !== null && pin.digest !== pin.seenDigest && pinned === undefined)
    return `its definition changed since it was approved. \`loop tools diff ${name}\` shows how, \`loop tools approve ${name}\` lets it be used`;
  return offer.kind === "usable" ? null : offer.why;
}

interface Whole {
  readonly server: ToolServerFrom<"mcp">;
  readonly blocked: string | null;
  readonly trouble: string | null;
  readonly isUnseen: boolean;
  readonly more: boolean;
}

function wholeState({ server, blocked, trouble, isUnseen, more }: Whole): ToolState[] {
  const name = `${server.name}.*`;
  if (blocked !== null) return [{ name, state: "off", why: `the server is left alone for a while: ${blocked}` }];
  if (trouble !== null) return [{ name, state: "off", why: `the server failed: ${trouble}` }];
  if (isUnseen) return [{ name, state: "off", why: "the server has not been seen yet; it is being asked" }];
  return more ? [{ name, state: "off", why: `the server lists more than ${server.limits.maxTools} tools; those beyond are not offered` }] : [];
}
