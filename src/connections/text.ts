import type { Answer } from "./request.ts";

/** The answer as text, by the character set that it names; what is no text in it becomes U+FFFD. Null for types that are not text. */
export function textOf({ bytes, headers, truncated }: Pick<Answer, "bytes" | "headers" | "truncated">): string | null {
  const type = headers["content-type"] ?? "";
  const isText = type === "" || /^(text\/|application\/(.*\+)?(json|xml|yaml|x-yaml|javascript|x-www-form-urlencoded|x-ndjson))/i.test(type);
  if (!isText) return null;
  const named = /charset="?([\w-]+)/i.exec(type)?.[1];
  return decoderFor(named).decode(bytes, { stream: truncated }).replaceAll("\0", "\uFFFD");
}

function decoderFor(name: string | undefined) {
  try {
    return new TextDecoder(name ?? "utf-8");
  } catch {
    return new TextDecoder(); // a character set that nobody knows
  }
}
