import { LoopError } from "#src/kernel/errors.ts";
import { isStorageFull } from "./open.ts";

export interface ContactPlace {
  /** A secret: the password is in it, and never in what is said here. */
  readonly url: string;
  /** The home's Postgres, and not one that somebody named. */
  readonly isOwn: boolean;
}

/** The first statements on a database that was just named: whatever goes wrong with them is the way to it, or what it lets us do. */
export async function firstContact<T>(place: ContactPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof LoopError ? error : unreachable(error, place);
  }
}

/** Making the tables, where the account may lack the right to. Other errors pass. */
export async function firstTables<T>(place: ContactPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== "42501") throw error;
    throw new LoopError(
      "settings_invalid",
      `The account of ${wordsFor(place)} may not make tables there (42501). Make it the owner of that database, or name another in DATABASE_URL.`,
      { cause: error },
    );
  }
}

const STARTING = "57P03";

function unreachable(error: unknown, place: ContactPlace): LoopError {
  const code = codeOf(error);
  const said = code === "" ? reasonOf(error) : code;
  const where = wordsFor(place);
  const fail = (name: "settings_invalid" | "database_unavailable" | "storage_full", words: string): LoopError =>
    new LoopError(name, words, { facts: { reason: said }, cause: error });
  if (isStorageFull(error)) return fail("storage_full", `The disk of ${where} is full. Free space, and start again.`);
  if (place.isOwn) return fail("database_unavailable", `${capital(where)} does not answer (${said}). See postgres.log in the home, and \`loop doctor\`.`);
  if (code === STARTING) return fail("database_unavailable", `${capital(where)} is starting. Try again in a moment.`);
  if (code.startsWith("28"))
    return fail("settings_invalid", `${capital(where)} refuses the account or its password (${said}). Put the right ones into DATABASE_URL.`);
  if (code === "3D000")
    return fail(
      "settings_invalid",
      `The server of ${where} has no database of that name (${said}). Make it with \`createdb\`, or name another in DATABASE_URL.`,
    );
  return fail(
    "database_unavailable",
    `${capital(where)} does not answer (${said}). Check host and port in DATABASE_URL and whether it runs, or unset it to use a Postgres of its own.`,
  );
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

function wordsFor({ url, isOwn }: ContactPlace): string {
  if (isOwn) return "the home's own database";
  const { hostname, port, pathname } = URL.canParse(url) ? new URL(url) : { hostname: "", port: "", pathname: "" };
  return hostname === "" ? "the database of DATABASE_URL" : `the database ${decoded(pathname.slice(1))} at ${hostname}:${port || "5432"} (DATABASE_URL)`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** Libraries put addresses into their messages, never passwords; the first line says enough. */
const reasonOf = (error: unknown): string => (error instanceof Error ? (error.message.split("\n")[0] ?? "").slice(0, 120) : "no reason given");
