import type { Json } from "#src/kernel/canonical-json.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { ModelPort } from "./ports/model-port.ts";

/** The same value, with what this process knows as secret taken out of every text and every name in it. */
export function without(value: Json, redactor: Pick<Redactor, "redact">): Json {
  if (typeof value === "string") return redactor.redact(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => without(item as Json, redactor));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [redactor.redact(key), without(member as Json, redactor)]));
}

/**
 * A model whose answers hold no known secret, while it speaks neither: what it says is kept, shown, and given to whoever asked. The arguments of its calls stay
 * as they are, so that what would carry a secret outside is refused, and a person sees why.
 */
export function modelWithout(model: ModelPort, redactor: Pick<Redactor, "redact" | "stream">): ModelPort {
  return {
    async generate(call, { signal, onText }) {
      const spoken = redactor.stream();
      const result = await model.generate(call, { signal, ...(onText ? { onText: (delta: string) => onText(spoken.push(delta)) } : {}) });
      onText?.(spoken.end());
      if (result.kind !== "answered") return result;
      const { answer } = result;
      return { kind: "answered", answer: { ...answer, text: redactor.redact(answer.text), object: without(answer.object, redactor) } };
    },
  };
}
