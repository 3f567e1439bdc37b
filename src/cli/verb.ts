import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import type { Api, Target } from "./client/api.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Look } from "./render/look.ts";

export interface Flag {
  /** Left out: the flag stands alone. `list`: may come several times. */
  readonly takes?: "text" | "list";
  /** The value in words, such as `key=value`. */
  readonly value?: string;
  readonly means: string;
}

/** What was typed after the verb, checked against its flags. */
export interface Given {
  readonly words: readonly string[];
  readonly has: (flag: string) => boolean;
  readonly text: (flag: string) => string | undefined;
  readonly list: (flag: string) => readonly string[];
  /** `--property=x` where the verb takes any label as a flag. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What a verb works with. Everything is made at first use, so that a verb pays for what it needs. */
export interface Context {
  readonly env: Environment;
  /** Absolute. Read without the other settings, which a verb that only speaks to the server does not need. */
  readonly homeFolder: () => string;
  /** @throws LoopError settings_invalid */
  readonly settings: () => Promise<Settings>;
  readonly target: () => Target;
  /** The same read anew each time, for whoever stays while servers come and go. */
  readonly freshTarget: () => Target;
  readonly api: () => Api;
  /** For the verbs of `loop _`: speaks as the worker or agent whose token the environment has, else as the root agent; never as a person. */
  readonly agentTarget: () => Target;
  /** Whether `--json` was given: print what the API says, as it says it. */
  readonly json: boolean;
  readonly look: () => Promise<Look>;
  /** How this program is called here, so that a printed command works as it stands: `loop`, `bin/loop`, `LOOP_HOME=/x bin/loop`. */
  readonly command: () => string;
  /** To standard output, with a line feed. */
  readonly print: (text: string) => void;
  /** To standard output as it is: a part of a line. */
  readonly type: (text: string) => void;
  /** To standard error: what is for a person and no part of the result. */
  readonly say: (text: string) => void;
}

export interface Verb {
  /** After the name, such as `<ask> <text>`. */
  readonly args: string;
  readonly flags: Readonly<Record<string, Flag>>;
  readonly examples: readonly string[];
  /** More than the summary says, for `--help`. */
  readonly about?: string;
  /** Words that must be there, and the most that may. */
  readonly words: { readonly least: number; readonly most: number };
  /** Any other `--key=value` is a label. */
  readonly takesLabels?: true;
  /** Nothing: it is done. @throws LoopError for what is refused or fails */
  run(given: Given, context: Context): Promise<ExitCode | void>;
}
