import { z } from "zod";
import { LoopError } from "#src/kernel/errors.ts";
import type { GithubServer } from "./auth.ts";

/** `owner/name` as GitHub allows it: no part is made of dots alone, which would lead elsewhere in the path. */
export const repository = z
  .string()
  .regex(/^(?!\.+\/)[A-Za-z0-9_.-]{1,100}\/(?!\.+$)[A-Za-z0-9_.-]{1,100}$/, "expected owner/name")
  .describe("owner/name");

/** Whether a repository is one of those that the file names; upper and lower case are the same. */
export function isListed({ from }: GithubServer, name: string): boolean {
  return from.repositories.some((pattern) => {
    const source = pattern
      .split("*")
      .map((piece) => piece.replaceAll(/[.]/g, "\\."))
      .join("[^/]*");
    return new RegExp(`^${source}$`, "i").test(name);
  });
}

/** @throws LoopError input_invalid */
export function requireListed(server: GithubServer, name: string): void {
  if (isListed(server, name)) return;
  throw new LoopError("input_invalid", `${server.name} does not reach ${name.slice(0, 200)}. Expected one of ${server.from.repositories.join(", ")}.`);
}
