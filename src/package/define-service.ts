import { z } from "zod";

/** By this a process that loads the code of a workspace knows a service, wherever the function came from. Under it: where the definition stands. */
export const SERVICE = Symbol.for("loopwright.service");

/** When a service hands over by itself: after an answer, after a tool was called, or once whoever asked said yes in the conversation. */
export interface ServiceHandoff {
  readonly from: string;
  readonly to: string;
  readonly on: "output" | { readonly tool: string } | { readonly confirm: string; readonly yes?: readonly string[] };
}

/** The members of a file of `services/` in YAML, with schemas of zod. */
export interface ServiceDefinition {
  /** It answers at `/v1/services/<name>`. */
  readonly name: string;
  readonly description?: string;
  /** Where it answers besides, such as `/chat`; there it answers with the output alone. */
  readonly path?: string;
  readonly startingAgent: string;
  readonly agents: readonly string[];
  readonly handoffs?: readonly ServiceHandoff[];
  /** Left out: a text. `.meta({ "x-enumFrom": "options" })` names a member of the input whose values are then the only possible ones. */
  readonly input?: z.ZodType;
  readonly output?: z.ZodType;
  /** What every agent is told, and which members of the input belong to the item at hand, to the session, and to the agent alone. */
  readonly context?: {
    readonly business?: string;
    readonly item?: readonly string[];
    readonly session?: readonly string[];
    readonly agent?: readonly string[];
  };
  readonly conversation?: boolean;
  readonly reply?: "output" | "messages";
  readonly unusable?: string;
  readonly origins?: readonly string[];
  readonly callbackHosts?: readonly string[];
  /** Such as `secret:callbacks`. */
  readonly callbackSecret?: string;
  /** `timeout` such as `30s`. */
  readonly limits?: { readonly timeout?: string; readonly callsPerMinute?: number };
}

export interface DefinedService {
  /** As the same file in YAML would have it. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** A service of a workspace, exported from a file of `services/`. @throws TypeError saying what is wrong with the definition */
export function defineService(definition: ServiceDefinition): DefinedService {
  if (typeof definition !== "object" || definition === null) throw wrong("expected an object such as { name, startingAgent, agents }");
  const { name, input, output } = definition;
  const manifest = {
    apiVersion: "loopwright.dev/v1",
    kind: "Service",
    ...definition,
    ...(input === undefined ? {} : { input: jsonSchema(input, { io: "input", of: `input of ${name}` }) }),
    ...(output === undefined ? {} : { output: jsonSchema(output, { io: "output", of: `output of ${name}` }) }),
  };
  return Object.defineProperty({ manifest }, SERVICE, { value: new Error("defined here").stack ?? "" });
}

const wrong = (what: string, cause?: unknown): TypeError => new TypeError(`defineService: ${what}`, { cause });

function jsonSchema(schema: z.ZodType, { io, of }: { readonly io: "input" | "output"; readonly of: string }): object {
  if (typeof (schema as { safeParse?: unknown } | null)?.safeParse !== "function")
    throw wrong(`${of}: expected a schema such as z.object({ text: z.string() })`);
  const { $schema: _, ...made } = converted(schema, { io, of });
  return made;
}

function converted(schema: z.ZodType, { io, of }: { readonly io: "input" | "output"; readonly of: string }) {
  try {
    return z.toJSONSchema(schema, { io, override: ({ zodSchema }) => requireShown(zodSchema, of) });
  } catch (cause) {
    if (cause instanceof TypeError) throw cause;
    throw wrong(`${of}: ${(cause as Error).message}. Expected what JSON Schema can say`, cause);
  }
}

/** A check in code would be left out of the JSON Schema, and so never be made. */
function requireShown({ _zod }: z.core.$ZodTypes, of: string): void {
  const checks = (_zod.def as { readonly checks?: readonly z.core.$ZodCheck[] }).checks ?? [];
  if (_zod.def.type === "custom" || checks.some((check) => check._zod.def.check === "custom"))
    throw wrong(`${of}: a check in code (refine, check or custom) would never be made. Expected what JSON Schema can say`);
}
