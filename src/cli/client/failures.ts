import { type ErrorCode, type ErrorFacts, ERRORS, LoopError } from "#src/kernel/errors.ts";
import type { Target } from "./api.ts";

/** An answer of the server that is not a 2xx, with the body as it came. */
export class ApiFailure extends LoopError {
  readonly body: string;

  constructor(code: ErrorCode, message: string, more: { readonly facts: ErrorFacts; readonly body: string }) {
    super(code, message, { facts: more.facts });
    this.body = more.body;
  }
}

export const cutAnswer = (): LoopError =>
  new LoopError(
    "server_not_running",
    "The server went away in the middle of its answer. Whether it did what was asked is not known: look before you ask again.",
  );

export const noAnswer = (afterMs: number): LoopError =>
  new LoopError(
    "server_not_running",
    `The server took the request and gave no answer in ${afterMs / 1_000} s. See logs/server.log in its home, or start it anew.`,
  );

/** What a connection that fails means to a person. */
export function notRunning({ homeFolder, socketPath, origin }: Target, cause: NodeJS.ErrnoException): LoopError {
  if (origin !== undefined) {
    return new LoopError(
      "server_not_running",
      `Nobody can be spoken to at ${origin}: ${cause.code ?? cause.message}. Set LOOP_URL to the address of a server that runs, or unset it to use the one of this home.`,
      {
        facts: { origin },
        cause,
      },
    );
  }
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    return new LoopError(
      "server_not_running",
      `This account may not speak to the server of ${homeFolder}. Run it as the account that started the server, or set LOOP_HOME to a home of yours.`,
      { cause },
    );
  }
  const seen = cause.code === "ENOENT" ? "there is no socket" : (cause.code ?? cause.message);
  return new LoopError(
    "server_not_running",
    `No server runs for the home ${homeFolder} (${socketPath}: ${seen}). Start it with \`loop up\`, or set LOOP_HOME to the home whose server you mean.`,
    {
      facts: { homeFolder },
      cause,
    },
  );
}

/** The server of this home does not take what its own credentials.json says, or nothing could be read there. */
export function notKnownHere({ homeFolder, token }: Target, body: string): ApiFailure {
  const seen = token === undefined ? "holds no token that this account can read" : "holds a token that does not count any more";
  const words = `${homeFolder}/credentials.json ${seen}. Whoever runs the server starts it anew (\`loop down\`, \`loop up\`), and it writes another; or set LOOP_URL and LOOP_TOKEN.`;
  return new ApiFailure("credential_invalid", words, { facts: { homeFolder }, body });
}

/** A problem as RFC 9457 has it, or whatever else came. */
export function failureOf(status: number, body: string): ApiFailure {
  const problem = problemIn(body);
  const code = problem.code !== undefined && Object.hasOwn(ERRORS, problem.code) ? (problem.code as ErrorCode) : "internal_error";
  const detail = problem.detail ?? `The server answered ${status} and said no more.`;
  return new ApiFailure(code, detail, { facts: problem.facts ?? {}, body });
}

interface ProblemBody {
  readonly code?: string;
  readonly detail?: string;
  readonly facts?: ErrorFacts;
}

function problemIn(body: string): ProblemBody {
  try {
    return JSON.parse(body) as ProblemBody;
  } catch {
    return {}; // not from our server, or cut: the status says what there is to say
  }
}
