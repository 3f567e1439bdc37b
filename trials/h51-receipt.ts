import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { sql } from "kysely";
import { type ReceiptStatement, signReceipt } from "#src/evidence/receipt.ts";
import { type ReceiptTrust, verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { openSigner, signerOf } from "#src/journal/signing.ts";
import { type Case, judged } from "./harness/case.ts";
import { openOutside } from "./harness/effects.ts";
import type { World } from "./harness/world.ts";

interface Made {
  readonly envelope: string;
  readonly digest: string;
  readonly runId: string;
  readonly keyFolder: string;
}

/** A real receipt: the desk resolves the sample message, with an approval and a check. */
async function makeReceipt(world: World): Promise<Made> {
  const database = await world.database();
  const folder = join(world.folder, "desk");
  await mkdir(join(folder, "logs"), { recursive: true });
  const outside = await openOutside(join(folder, "effects"), join(folder, "o.sock"));
  world.after(outside.close);
  const child = world.start({ name: "desk", script: new URL("./desk-sweep-child.ts", import.meta.url), args: [database.url, folder, outside.socketPath] });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`the desk ended with ${code}: ${child.errors()}`);
  const { rows } = await sql<{ envelope: string; digest: string; run_id: string }>`select envelope, digest, run_id from receipts`.execute(database.db);
  const row = rows[0]!;
  return { envelope: row.envelope, digest: row.digest, runId: row.run_id, keyFolder: join(folder, "keys") };
}

interface Attack {
  readonly name: string;
  readonly text: string;
  readonly trust?: Partial<ReceiptTrust>;
}

const rewritten = (
  text: string,
  change: (envelope: { payload: string; payloadType: string; signatures: { keyid: string; sig: string }[] }) => object,
): string => JSON.stringify(change(JSON.parse(text)));

/** What a hostile hand may do to one receipt, or put in its place. */
async function attacksOn(made: Made): Promise<Attack[]> {
  const signer = await openSigner({ keyFolder: made.keyFolder, host: "trial" });
  const stranger = signerOf(generateKeyPairSync("ed25519").privateKey);
  const statement = JSON.parse(Buffer.from((JSON.parse(made.envelope) as { payload: string }).payload, "base64").toString("utf8")) as ReceiptStatement;
  const told = (change: Partial<ReceiptStatement["predicate"]>, by = signer): string =>
    signReceipt({ ...statement, predicate: { ...statement.predicate, ...change } }, by);
  const acts = statement.predicate.acts;
  return [
    { name: "another artifact", text: made.envelope, trust: { expectSubject: { [`pack:${made.runId}`]: "0".repeat(64) } } },
    { name: "an artifact it does not name", text: made.envelope, trust: { expectSubject: { "report.pdf": made.digest } } },
    { name: "of another workspace", text: made.envelope, trust: { expectWorkspace: "bakery" } },
    { name: "no approval, signed with the right key", text: told({ approvals: [] }) },
    { name: "an approval of another act", text: told({ approvals: statement.predicate.approvals.map((one) => ({ ...one, binding: "x" })) }) },
    { name: "no intent before an effect", text: told({ acts: acts.map((act) => ({ ...act, intent: null })) }) },
    { name: "a check that did not run", text: told({ checks: [] }) },
    { name: "signed by a stranger", text: told({}, stranger) },
    {
      name: "a stranger's signature under our name",
      text: rewritten(told({}, stranger), (envelope) => ({ ...envelope, signatures: [{ ...envelope.signatures[0]!, keyid: signer.keyId }] })),
    },
    { name: "a revoked key", text: made.envelope, trust: { revokedKeys: [signer.keyId] } },
    { name: "an expired key", text: made.envelope, trust: { trustedKeys: [{ publicKey: signer.publicKey, expiresAtMs: 1 }], nowMs: 2 } },
    { name: "a key that expires, and nobody knows the time", text: made.envelope, trust: { trustedKeys: [{ publicKey: signer.publicKey, expiresAtMs: 2 }] } },
    { name: "no key at all", text: made.envelope, trust: { trustedKeys: [] } },
    { name: "two signatures", text: rewritten(made.envelope, (envelope) => ({ ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] })) },
    { name: "one member more", text: rewritten(made.envelope, (envelope) => ({ ...envelope, publicKey: signer.publicKey })) },
    { name: "another payload type", text: rewritten(made.envelope, (envelope) => ({ ...envelope, payloadType: "application/json" })) },
    { name: "nothing", text: "" },
    { name: "half of it", text: made.envelope.slice(0, made.envelope.length / 2) },
    { name: "twice", text: made.envelope + made.envelope },
  ];
}

function everyByte(envelope: string, trust: ReceiptTrust, { every }: { every: number }): { tried: number; accepted: number } {
  const bytes = Buffer.from(envelope);
  let tried = 0;
  let accepted = 0;
  const attempt = (changed: Buffer): void => {
    tried += 1;
    if (verifyReceipt(changed.toString("utf8"), trust).kind === "verified") accepted += 1;
  };
  for (let index = 0; index < bytes.length; index += every) {
    for (const mask of [1, 2, 0x20, 0x80]) {
      const changed = Buffer.from(bytes);
      changed[index] = bytes[index]! ^ mask;
      attempt(changed);
    }
    attempt(Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]));
    attempt(Buffer.concat([bytes.subarray(0, index), Buffer.from(" "), bytes.subarray(index)]));
    attempt(bytes.subarray(0, index));
  }
  return { tried, accepted };
}

/** `loop receipt verify`, in a process without a network where this machine lets us make one. */
function byCommand(file: string, keyFile: string, home: string): { status: number | null; said: string; offline: boolean } {
  const loop = join(import.meta.dirname, "..", "bin", "loop");
  const offline = spawnSync("unshare", ["-n", "true"], { stdio: "ignore" }).status === 0;
  const line = [...(offline ? ["unshare", "-n"] : []), loop, "receipt", "verify", file, "--key", keyFile, "--json"];
  const ran = spawnSync(line[0]!, line.slice(1), { encoding: "utf8", env: { PATH: process.env["PATH"], HOME: home, LOOP_HOME: join(home, "none") } });
  return { status: ran.status, said: ran.stdout + ran.stderr, offline };
}

export const receiptTampering: Case = {
  id: "H-51",
  title:
    "a receipt with an approval and a check: verified offline as it is, refused after every change, with another artifact, without its approval, by another key",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const made = await makeReceipt(world);
    const signer = await openSigner({ keyFolder: made.keyFolder, host: "trial" });
    const trust: ReceiptTrust = { trustedKeys: [signer.publicKey], expectWorkspace: "warm-stays", expectSubject: { [`pack:${made.runId}`]: made.digest } };
    const genuine = verifyReceipt(made.envelope, trust);
    const attacks = await attacksOn(made);
    const accepted = attacks.filter((attack) => verifyReceipt(attack.text, { ...trust, ...attack.trust }).kind === "verified").map((attack) => attack.name);
    const bytes = everyByte(made.envelope, trust, { every: world.short ? 7 : 1 });
    const files = join(world.folder, "files");
    await mkdir(files);
    await chmod(files, 0o755);
    await writeFile(join(files, "key.pem"), signer.publicKey);
    await writeFile(join(files, "good.json"), made.envelope);
    await writeFile(
      join(files, "bad.json"),
      made.envelope.replace(/"payload":"(.)/, (_, first: string) => `"payload":"${first === "e" ? "f" : "e"}`),
    );
    const good = byCommand(join(files, "good.json"), join(files, "key.pem"), files);
    const bad = byCommand(join(files, "bad.json"), join(files, "key.pem"), files);
    const kept = (await readFile(join(files, "good.json"), "utf8")) === made.envelope;
    return judged({
      reached: bytes.tried + attacks.length,
      wanted: 500,
      figure: `${bytes.tried} changed texts, ${bytes.accepted} accepted; ${attacks.length} forgeries, ${accepted.length} accepted${accepted.length > 0 ? `: ${accepted.join(", ")}` : ""}; \`loop receipt verify\`${good.offline ? " without a network" : ""}: genuine ${good.status}, changed ${bad.status}`,
      conditions: {
        "the genuine one is verified": genuine.kind === "verified" && kept,
        "no changed byte is accepted": bytes.accepted === 0,
        "no forgery is accepted": accepted.length === 0,
        "the command agrees": good.status === 0 && bad.status === 1,
      },
    });
  },
};
