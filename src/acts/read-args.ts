import { z } from "zod";
import { LoopError } from "#src/kernel/errors.ts";
import type { Act } from "./act.ts";

/** The arguments of an act in the shape that its performer needs. @throws LoopError input_invalid naming every member that is wrong */
export function readArgs<T extends z.ZodType>(schema: T, act: Pick<Act, "id" | "kind" | "name" | "args">): z.infer<T> {
  const read = schema.safeParse(act.args);
  if (read.success) return read.data;
  throw new LoopError("input_invalid", `The arguments of ${act.kind} ${act.name} are wrong: ${z.prettifyError(read.error)}`, { facts: { act: act.id } });
}
