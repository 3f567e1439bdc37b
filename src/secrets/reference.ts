import { LoopError } from "#src/kernel/errors.ts";

export type Argv = readonly [string, ...string[]];

/** Where a value comes from. `env` of a command: the variables of the server, by name, that the command is given beside the harmless ones. */
export type SecretSource =
  | { readonly kind: "env"; readonly variable: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "command"; readonly argv: Argv; readonly env?: readonly string[] };

/** What a reference means: a source it spells out, or a name to look up. */
export type Reference = SecretSource | { readonly kind: "named"; readonly name: string } | { readonly kind: "namedCommand"; readonly name: string };

const NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
const VARIABLE = /^[A-Za-z_]\w{0,127}$/;

/** True for lower-case letters, digits, `_`, `.` and `-`, 64 at most, starting with a letter or digit. */
export const isSecretName = (text: string): boolean => NAME.test(text);

/**
 * Reads `secret:name`, `secret:env:NAME`, `secret:file:/path`, `secret:command:name` or `secret:command:["program","argument",…]`.
 * @throws LoopError input_invalid without the text itself, which may be a key put where its name belongs
 */
export function parseReference(text: string): Reference {
  const [, kind, tail = ""] = /^secret:(?:(env|file|command):)?([^]*)$/.exec(text) ?? [];
  if (kind === "env" && VARIABLE.test(tail)) return { kind, variable: tail };
  if (kind === "file" && tail.startsWith("/") && !tail.includes("\0")) return { kind, path: tail };
  if (kind === "command" && NAME.test(tail)) return { kind: "namedCommand", name: tail };
  if (kind === "command") {
    const argv = argvOf(tail);
    if (argv) return { kind, argv };
  }
  if (kind === undefined && NAME.test(tail)) return { kind: "named", name: tail };
  throw new LoopError(
    "input_invalid",
    `A reference to a secret is not of a known form (${text.length} characters, hidden). Expected secret:name, secret:env:NAME, secret:file:/path, secret:command:name or secret:command:["program","argument"].`,
  );
}

/** How a source is called in messages and facts: never more of a command than its program, since arguments may say too much. */
export function describeSource(source: SecretSource): string {
  switch (source.kind) {
    case "env":
      return `env:${source.variable}`;
    case "file":
      return `file:${source.path}`;
    case "command":
      return `command:${source.argv[0]}`;
  }
}

function argvOf(text: string): Argv | undefined {
  let argv: unknown;
  try {
    argv = JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what was expected
  }
  const isArgv = Array.isArray(argv) && argv.length > 0 && argv[0] !== "" && argv.every((part) => typeof part === "string" && !part.includes("\0"));
  return isArgv ? (argv as unknown as Argv) : undefined;
}
