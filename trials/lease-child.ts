import { openDatabase } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "#src/leases/lease.ts";
import { renew } from "#src/leases/store/renew.ts";
import { wake } from "#src/leases/store/wake.ts";
import { endBy, listen, say } from "./harness/in-child.ts";

/*
 * A second process on the lease statements themselves: wakes runs in the order that it is given, or renews leases that another process parks, as fast as it
 * can. No statement is tried again, so that every deadlock is seen.
 */

const [url] = process.argv.slice(2) as [string];
const { db, close } = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
let going = true;

interface Told {
  readonly tell: "wake" | "renew" | "stop";
  readonly ids?: readonly RunId[];
  readonly leases?: readonly Lease[];
  readonly count?: number;
}

async function follow({ tell, ids = [], leases = [], count = 0 }: Told): Promise<void> {
  let failed = "";
  let rounds = 0;
  try {
    if (tell === "wake") for (; rounds < count; rounds += 1) await db.transaction().execute((tx) => wake(tx, ids));
    if (tell === "renew") for (; going; rounds += 1) await renew(db, leases, 10_000);
  } catch (error) {
    failed = String(error);
  }
  if (tell === "stop") going = false;
  else say("followed", { rounds, failed });
}

const end = endBy(close);
listen((line) => void follow(line as unknown as Told), end);
say("ready");
