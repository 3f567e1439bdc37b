import type { FastifyReply } from "fastify";
import type { LoopError } from "#src/kernel/errors.ts";
import { InputError, type InputFault } from "#src/services/body.ts";

/** How services answer what they cannot take: `detail` with a place, a sentence and a type for each fault; everything else as `error` and `code`. */
export function sendServiceFailure(named: LoopError, reply: FastifyReply): FastifyReply {
  const faults = faultsOf(named);
  void reply.code(faults ? 422 : named.httpStatus).header("content-type", "application/json; charset=utf-8");
  if (faults) return reply.serializer(String).send(JSON.stringify({ detail: faults }));
  const body = named.code === "internal_error" ? { error: "Internal Server Error" } : { error: named.message, code: named.code };
  return reply.serializer(String).send(JSON.stringify(body));
}

function faultsOf(named: LoopError): readonly InputFault[] | undefined {
  if (named instanceof InputError) return named.faults;
  if (named.code === "json_malformed") return [{ loc: ["body"], msg: named.message, type: "json_invalid" }];
  return named.code === "input_invalid" ? [{ loc: ["body"], msg: named.message, type: "value_error" }] : undefined;
}
