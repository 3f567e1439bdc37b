import { join } from "node:path";
import { followRevision } from "#src/apply/effect.ts";
import type { Following } from "#src/apply/follow-folder.ts";
import { holdFolder, keepSettling } from "#src/apply/held-folder.ts";
import type { Embedder } from "#src/acts/ports/embedder.ts";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import { retrieve } from "#src/brain/retrieve.ts";
import type { Home } from "#src/database/home.ts";
import type { LogFile } from "#src/database/log-file.ts";
import { type Notifier, telling } from "#src/database/notify.ts";
import type { Queue } from "#src/database/queue.ts";
import type { OpenRecord } from "#src/database/record.ts";
import type { StorageWatch } from "#src/database/storage.ts";
import { createGateway } from "#src/gateway/gateway.ts";
import type { HttpDeps } from "#src/http/deps.ts";
import { healthOf } from "#src/http/health-of.ts";
import { listenHttp } from "#src/http/listen.ts";
import { createHttpServer } from "#src/http/server.ts";
import type { InboundMessage } from "#src/intake/read-message.ts";
import { type InboundTurn, receiveTurn } from "#src/intake/receive-turn.ts";
import { receiveText } from "#src/intake/receive.ts";
import type { Signer } from "#src/journal/signing.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import { ensureCredentials, ensureRootCredentials } from "#src/people/credentials.ts";
import { whoIs } from "#src/people/who-is.ts";
import { followRecord, mirrorReadings } from "#src/pulse/sensors/mirror.ts";
import { journalFile } from "#src/pulse/world/journal-file.ts";
import { reportsKeeper } from "#src/pulse/world/reports.ts";
import type { Work } from "#src/pulse/start-work.ts";
import type { Engine } from "#src/runs/engine.ts";
import type { Secrets } from "#src/secrets/secrets.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import type { SeeingView } from "#src/workspace/current.ts";
import { gitRemote } from "#src/workspace/git-remote.ts";
import { openaiWire } from "#src/main-models.ts";
import type { Sensing } from "#src/main-sensors.ts";
import { defineOf, loginOf } from "#src/main-tools.ts";
import type { HeldDeps } from "#src/main-loop.ts";
import type { Clock } from "#src/kernel/clock.ts";

/** What every part of the server shares. */
export interface Base {
  readonly settings: Settings;
  readonly env: Environment;
  readonly home: Home;
  readonly log: Log;
  readonly logFile: LogFile;
  readonly redactor: Redactor;
  readonly record: OpenRecord;
  readonly workspaces: SeeingView;
  readonly signer: Signer;
  readonly notifier: Notifier;
  readonly storage: StorageWatch;
  readonly secrets: Secrets;
  readonly queue: Queue;
  readonly model: ModelPort | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly sensing: Sensing;
  readonly workers: WorkerPort;
  /** Its real path. */
  readonly workspaceFolder: string;
  /** For the tools that are verbs of the contract. */
  readonly verbs: HeldDeps;
}

interface Parts {
  readonly base: Base;
  readonly engine: Engine;
  readonly embedder: Embedder | undefined;
  readonly stops: (() => Promise<void> | void)[];
  readonly work: Work;
}

/** Starts to answer requests; gives the address. */
export async function startApi({ base, engine, following, embedder, stops, work }: Parts & { following: Following }): Promise<string> {
  const { settings, log, notifier, workspaces, storage, clock, version } = base;
  const { db } = base.record;
  let stopping = false;
  const tookEffect = async (): Promise<void> => {
    await followRevision(db, clock, workspaces);
    await engine.tools.follow(await workspaces.current());
  };
  const held = holdFolder({ db, clock, folder: base.workspaceFolder, following, define: defineOf(base), tookEffect });
  stops.push(...followCopies(base));
  stops.push(keepSettling(held, { onChange: notifier.onChange, log }));
  const intake = {
    db,
    clock,
    workspaces,
    tiers: engine.tiers,
    mayTake: () => storage.hasRoom() && !stopping,
    whoIs: (surface: string, sender: string) => whoIs(db, surface, sender),
  };
  const { tiers, prices } = engine;
  const gateway = createGateway({ db, clock, log, workspaces, tiers, prices, wire: await openaiWire(base), model: engine.model!, mayTake: storage.hasRoom });
  const server = serverOf(base, {
    db,
    clock,
    log,
    version,
    address: { host: settings.host, publicUrl: settings.publicUrl, trustedProxies: settings.trustedProxies },
    workspaces,
    tiers: engine.tiers,
    receive: telling(notifier, (message: InboundMessage) => receiveText(intake, message)),
    receiveTurn: telling(notifier, (turn: InboundTurn) => receiveTurn(intake, turn)),
    watch: work.watch,
    seat: work.seat,
    tools: engine.tools,
    toolLogin: loginOf(base),
    recall: (query) => retrieve(db, query, embedder),
    folder: held,
    dataDir: base.workspaceFolder,
    workers: base.workers,
    gitRemote: () => gitRemote(base.workspaceFolder),
    health: () => Promise.resolve(healthOf({ storage, record: base.record, logFile: base.logFile, workspace: following.last() })),
    changed: notifier.changed,
    onChange: notifier.onChange,
    gateway,
  });
  const { url, close } = await listen(base, server);
  stops.push(gateway.close, close, () => void (stopping = true));
  return url;
}

/** The tools that are verbs work on the same as the routes. */
function serverOf({ verbs }: Base, deps: HttpDeps): ReturnType<typeof createHttpServer> {
  verbs.hold(deps);
  return createHttpServer(deps);
}

/** What of the record stands in the folder as files, and what of the folder is kept in the record. Gives how to stop. */
function followCopies({ record: { db }, clock, log, workspaceFolder: folder, workspaces, redactor, notifier: { onChange } }: Base): (() => Promise<void>)[] {
  return [
    mirrorReadings({ db, log, folder, onChange }).follow(),
    followRecord(journalFile({ db, folder, workspaces }), { what: "the journal", log, onChange }),
    followRecord(reportsKeeper({ db, clock, folder, redactor }), { what: "the reports", log, onChange }),
  ];
}

/** Makes the credentials of this account, and listens. */
async function listen({ settings, home, record, workspaces, clock }: Base, server: ReturnType<typeof createHttpServer>): ReturnType<typeof listenHttp> {
  const { db } = record;
  const { workspace } = await workspaces.current();
  const credentials = { file: home.credentials, avoid: workspace.team.map((member) => member.id) };
  await ensureCredentials(db, clock, { ...credentials, url: "" }); // listening where others can reach needs a token to exist
  const listening = await listenHttp(server, { host: settings.host, port: settings.port, socketPath: home.socket });
  await ensureCredentials(db, clock, { ...credentials, url: listening.url });
  await ensureRootCredentials(db, clock, { file: join(home.folder, "root.json"), url: listening.url });
  return listening;
}
