import { converse } from "../chat/procedure.ts";
import type { Procedure } from "../procedure.ts";
import { JUDGE_PURPOSE } from "./thought.ts";

/** The name of the procedure of a decision. */
export const JUDGE = "judge";

/** One decision: a conversation with the world as it stands, until an answer calls no tool. It recalls nothing, since the world is shown whole. */
export const judge: Procedure = {
  name: JUDGE,
  next: (state) => converse(state, JUDGE_PURPOSE),
};
