import type { Db } from "#src/database/open.ts";
import { may } from "#src/people/permission.ts";
import type { TokenId } from "#src/people/principal.ts";
import { callersInForce } from "#src/people/store/tokens.ts";

/** Something that goes on for as long as its reader may read. */
export interface OpenStream {
  readonly tokenId: TokenId;
  end(code: string): void;
}

/** An open stream is let in anew in short intervals: what was revoked is cut. */
export async function endRevoked(db: Db, streams: ReadonlySet<OpenStream>): Promise<void> {
  const tokenIds = [...new Set([...streams].map(({ tokenId }) => tokenId))];
  if (tokenIds.length === 0) return;
  const allowed = new Set<TokenId>((await callersInForce(db, tokenIds)).filter((caller) => may(caller, "read")).map(({ tokenId }) => tokenId));
  for (const stream of streams) if (tokenIds.includes(stream.tokenId) && !allowed.has(stream.tokenId)) stream.end("credential_invalid");
}
