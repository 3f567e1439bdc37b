import type { Thought } from "../think/answer.ts";
import type { RunState } from "../run.ts";

/** Something that was thought, and by whom: `rules`, a model, a person. */
export interface Told<T> {
  readonly value: T;
  readonly by: string;
}

export type Known<T> =
  | (Told<T> & { readonly kind: "value" })
  | { readonly kind: "missing" }
  | { readonly kind: "unable" }
  | { readonly kind: "invalid"; readonly problem: string; readonly times: number };

/** The last thought for this purpose. */
export function toldOf<T>(state: RunState, purpose: string): Known<T> {
  const thoughts = state.messages.filter((message) => message.role === "thought" && message.name === purpose);
  const last = thoughts.at(-1);
  if (!last) return { kind: "missing" };
  const content = last.content as unknown as Thought;
  if ("value" in content) return { kind: "value", value: content.value as T, by: last.source };
  return "invalid" in content ? { kind: "invalid", problem: content.invalid, times: thoughts.length } : { kind: "unable" };
}
