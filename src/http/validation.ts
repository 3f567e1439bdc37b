import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import { FieldError, type FieldProblem } from "./problem.ts";

const PLACE: Readonly<Record<string, string>> = { body: "body", querystring: "query", params: "params", headers: "headers" };

/** Of each list: a body may have a million things that cannot be taken, and the answer is for a person. */
const MOST_NAMED = 20;

/** Checks one part of a request against its schema and names every field that cannot be taken. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const place = PLACE[httpPart ?? ""] ?? "request";
  return (data: unknown) => {
    const read = schema.safeParse(data ?? undefined);
    return read.success ? { value: read.data } : { error: new FieldError(read.error.issues.slice(0, MOST_NAMED).flatMap((issue) => problemsOf(issue, place))) };
  };
};

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, place: string): FieldProblem[] {
  const field = fieldName(issue.path, place);
  if (issue.code === "unrecognized_keys")
    return issue.keys.slice(0, MOST_NAMED).map((key) => ({ field: fieldName([...issue.path, key], place), expected: "no such field; leave it out" }));
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    return [{ field, expected: issue.errors.map((branch) => branch.map(expectedOf).join(" and ")).join(", or ") }];
  }
  return [{ field, expected: expectedOf(issue) }];
}

/** zod says "Invalid input: expected string, received number"; our own messages start with "expected". */
function expectedOf(issue: Issue): string {
  if (issue.code === "invalid_key") return issue.issues.map(expectedOf).join(" and ");
  return issue.message.replace(/^Invalid (input|option|string|number): /i, "");
}

function fieldName(path: readonly PropertyKey[], place: string): string {
  return path.reduce<string>((name, part) => (typeof part === "number" ? `${name}[${part}]` : `${name}.${String(part).slice(0, 80)}`), place);
}
