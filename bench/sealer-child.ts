import { createNotifier } from "#src/database/notify.ts";
import { openDatabase } from "#src/database/open.ts";
import { startSealer } from "#src/journal/sealer.ts";
import { openSigner } from "#src/journal/signing.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { endBy, listen, say } from "../trials/harness/in-child.ts";

/* A sealer in a process of its own, to be killed at any moment. */

const [url, keyFolder] = process.argv.slice(2) as [string, string];
const { db, close } = openDatabase({ url, poolSize: 2, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
const signer = await openSigner({ keyFolder, db, host: "bench" });
const notifier = createNotifier({ db, url, log: silentLog });
const sealer = startSealer({ db, signer, log: silentLog, hint: notifier.onChange });

listen(
  () => undefined,
  endBy(async () => {
    await sealer.stop();
    await notifier.close();
    await close();
  }),
);
say("ready");
