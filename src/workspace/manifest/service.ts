import { z } from "zod";
import { duration, header, secretReference, slug } from "./common.ts";

/** One that cannot be read would fail at every call. */
const schemaObject = z.record(z.string(), z.json()).superRefine((schema, context) => {
  const fault = schemaFault(schema);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `expected a JSON Schema that can be read: ${fault}` });
});
const isOfObject = ({ type }: Readonly<Record<string, unknown>>): boolean => type === undefined || [type].flat().includes("object");

function schemaFault(schema: object): string | undefined {
  try {
    z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const members = z.array(z.string().min(1).max(64)).default([]);

/** When a service hands over by itself, beside what its agents decide: after a tool was called, after an answer, or once whoever asked said yes in the conversation. */
const serviceHandoff = z.strictObject({
  from: slug,
  to: slug,
  on: z.union([
    z.literal("output"),
    z.strictObject({ tool: z.string().min(1) }),
    z.strictObject({ confirm: z.string().min(1), yes: z.array(z.string().min(1)).min(1).default(["yes"]) }),
  ]),
});

/** `services/<name>.yaml`: a typed HTTP endpoint served by one agent, or by several that hand over to each other. */
export const serviceManifest = z.strictObject({
  ...header,
  kind: z.literal("Service"),
  name: slug,
  description: z.string().default(""),
  /** Where it answers besides `/v1/services/<name>`, such as `/chat`; there it answers with the output alone. */
  path: z
    .string()
    .regex(/^\/[a-z0-9_/-]+$/, "expected a path such as /chat")
    .refine(
      (path) => !/^\/(v1|docs|openapi\.json|tools\/invoke|approvals|usage|audit|healthz)(\/|$)/.test(path),
      "expected a path that the server does not use itself",
    )
    .optional(),
  startingAgent: slug,
  agents: z.array(slug).min(1),
  handoffs: z.array(serviceHandoff).default([]),
  /**
   * JSON Schemas of what comes in and what goes out; left out: a text. In that of the output `x-enumFrom` and `x-keysFrom` name members of the input
   * whose values are then the only possible values, or keys.
   */
  input: schemaObject.refine(isOfObject, "expected the schema of an object, which is what a body is").optional(),
  output: schemaObject.optional(),
  /** What every agent of it is told, and which members of the input belong to the item at hand, to the session, and to the agent alone. */
  context: z.strictObject({ business: z.string().default(""), item: members, session: members, agent: members }).prefault({}),
  /** A conversation keeps its session; else each call stands alone, unless it names a session. */
  conversation: z.boolean().default(false),
  /** At `path`: the output as it is, or a list of messages. */
  reply: z.enum(["output", "messages"]).default("output"),
  /** What the answer is called when no output came that fits, after one repair. */
  unusable: slug.default("output_unusable"),
  /** Pages of these origins may call it from a browser. */
  origins: z.array(z.url({ protocol: /^https?$/ })).default([]),
  /** Hosts that `callback_url` may name though they are within the own network, with `:port` where it is not the usual one. */
  callbackHosts: z.array(z.string().min(1)).default([]),
  /** What results are signed with when they are sent to a `callback_url`; left out: nobody is called back. */
  callbackSecret: secretReference.optional(),
  limits: z.strictObject({ timeout: duration.default(120_000), callsPerMinute: z.int().min(1).max(100_000).default(600) }).prefault({}),
});
export type ServiceManifest = z.infer<typeof serviceManifest>;

/** What one file of code defines, each as its file in YAML would say it, or why nothing. Lines and columns from 1. */
export type Defined =
  | { readonly kind: "services"; readonly services: readonly { readonly line: number; readonly column: number; readonly manifest: unknown }[] }
  | { readonly kind: "broken"; readonly line: number; readonly why: string };

/** Runs one file of services/, apart from everything. `code`: all that it may import, by path. `noSandbox`: it may run without one where there is none. */
export type DefineServices = (file: string, code: ReadonlyMap<string, Uint8Array>, options: { readonly noSandbox: boolean }) => Promise<Defined>;
