import type { z } from "zod";
import type { Json } from "#src/kernel/canonical-json.ts";

/** By this a process that loads the code of a workspace knows a tool, wherever the function came from. */
export const TOOL = Symbol.for("loopwright.tool");

export interface ToolCall {
  /** The same on every try of the same act: hand it to what you call, so that a repeat changes nothing. */
  readonly key: string;
}

export interface ToolDefinition<T extends z.ZodType = z.ZodType> {
  /** The tool is called `<file>.<name>`. */
  readonly name: string;
  readonly description: string;
  /** Arguments are read by it before `run` sees them. */
  readonly input: T;
  /** What a repeat would do; left out: `once`. `findable` needs `find`. */
  readonly effect?: "read" | "idempotent" | "findable" | "once";
  /** Left out: low for `read`, else medium. */
  readonly risk?: "low" | "medium" | "high";
  /** It sends or changes something outside, where a text could have chosen what or where to. Left out: true. */
  readonly outbound?: boolean;
  /** Its result may hold what must not leave. Left out: true. */
  readonly private?: boolean;
  /** Gives JSON. What it throws is told to the model as the reason why it failed. */
  run(args: z.infer<T>, call: ToolCall): Promise<Json> | Json;
  /** Whether the effect with this key happened: its result, or undefined. */
  find?(args: z.infer<T>, call: ToolCall): Promise<Json | undefined> | Json | undefined;
}

const EFFECTS = ["read", "idempotent", "findable", "once"];
const RISKS = ["low", "medium", "high"];

/** A tool of a workspace, exported from a file of `tools/`. @throws TypeError saying what is wrong with the definition */
export function defineTool<T extends z.ZodType>(definition: ToolDefinition<T>): ToolDefinition<T> {
  const { name, description, input, effect = "once", risk, run, find } = definition;
  const wrong = (what: string): never => {
    throw new TypeError(`defineTool: ${what}`);
  };
  if (typeof name !== "string" || !/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name))
    wrong("name: expected letters, digits, - and _, starting with a letter, 64 at most");
  if (typeof description !== "string" || description.trim() === "") wrong(`description of ${name}: expected a sentence that says when to use it`);
  if (typeof (input as { safeParse?: unknown } | undefined)?.safeParse !== "function")
    wrong(`input of ${name}: expected a schema such as z.object({ id: z.string() })`);
  if (!EFFECTS.includes(effect)) wrong(`effect of ${name}: expected one of ${EFFECTS.join(", ")}`);
  if (risk !== undefined && !RISKS.includes(risk)) wrong(`risk of ${name}: expected one of ${RISKS.join(", ")}`);
  if (typeof run !== "function") wrong(`run of ${name}: expected a function`);
  if (effect === "findable" && typeof find !== "function") wrong(`find of ${name}: expected a function, since its effect is findable`);
  return Object.defineProperty({ ...definition }, TOOL, { value: true });
}
