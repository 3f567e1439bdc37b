import type { Db } from "#src/database/open.ts";
import type { Log } from "#src/kernel/log.ts";
import { may } from "#src/people/permission.ts";
import type { TokenId } from "#src/people/principal.ts";
import { callersInForce } from "#src/people/store/tokens.ts";
import type { Access } from "./app.ts";
import type { HttpLimits } from "./deps.ts";

/** Something that goes on for as long as its reader may have it. */
export interface OpenStream {
  readonly tokenId: TokenId;
  /** What its reader must be permitted, now as when it began. */
  readonly needs: Exclude<Access, "public">;
  end(code: string): void;
}

/** Lets every open stream in anew in short intervals, so that what was revoked is cut. */
export interface Revocations {
  /** Gives the way to say that it has ended. */
  watch(stream: OpenStream): () => void;
}

export function createRevocations({ db, log, limits }: { readonly db: Db; readonly log: Log; readonly limits: HttpLimits }): Revocations {
  const streams = new Set<OpenStream>();
  let checking: NodeJS.Timeout | undefined;
  const check = (): void => void endRevoked(db, streams).catch((error: unknown) => log.warn("the tokens of open streams could not be looked at", { error }));
  return {
    watch(stream) {
      streams.add(stream);
      checking ??= setInterval(check, limits.feedCheckMs).unref();
      return () => {
        if (!streams.delete(stream) || streams.size > 0) return;
        clearInterval(checking);
        checking = undefined;
      };
    },
  };
}

async function endRevoked(db: Db, streams: ReadonlySet<OpenStream>): Promise<void> {
  const looked = [...streams];
  const inForce = await callersInForce(db, [...new Set(looked.map(({ tokenId }) => tokenId))]);
  const callers = new Map(inForce.map((caller) => [caller.tokenId, caller]));
  for (const stream of looked) {
    const caller = callers.get(stream.tokenId);
    const isAllowed = caller && (stream.needs === "credential" || may(caller, stream.needs));
    if (!isAllowed) stream.end("credential_invalid");
  }
}
