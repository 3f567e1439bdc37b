import { z } from "zod";

const LONGEST_NAME = 64;

/** The name of a goal, sensor, worker, schedule or claim: also a part of a path, so it cannot lead anywhere else. */
export const loopName = z
  .string()
  .max(LONGEST_NAME, `expected ${LONGEST_NAME} characters at most`)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, "expected a name of letters, digits, `.`, `-` and `_` that does not begin with a dot, such as fix-login")
  .refine((name) => !name.includes(".."), "expected a name without two dots in a row");
