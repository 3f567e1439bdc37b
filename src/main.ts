import { hostname } from "node:os";
import { join } from "node:path";
import { sendCallback } from "#src/adapters/callback-http/send.ts";
import { createEmbedder } from "#src/adapters/model-aisdk/embedder.ts";
import { usualModels } from "#src/adapters/model-aisdk/usual-models.ts";
import { runSecretCommand } from "#src/adapters/secret-command/run-command.ts";
import { otlpTelemetry } from "#src/adapters/telemetry-otlp/telemetry.ts";
import { outboxSurface } from "#src/adapters/surface-outbox/outbox.ts";
import { followRevision } from "#src/apply/effect.ts";
import { folderWriter, writeAccepted } from "#src/apply/folder-files.ts";
import { followFolder, type Following } from "#src/apply/follow-folder.ts";
import { writeReturned } from "#src/apply/return-files.ts";
import { requireSameWorkspace } from "#src/apply/same-workspace.ts";
import type { Embedder } from "#src/acts/ports/embedder.ts";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import { type Home, openHome } from "#src/database/home.ts";
import { openLogFile } from "#src/database/log-file.ts";
import { createNotifier } from "#src/database/notify.ts";
import { createQueue } from "#src/database/queue.ts";
import { ballastOf, openRecord } from "#src/database/record.ts";
import { watchStorage } from "#src/database/storage.ts";
import { openSigner } from "#src/journal/signing.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createLog } from "#src/kernel/log.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { createPriceList } from "#src/ledger/prices.ts";
import { startWork, type WorkParts } from "#src/pulse/start-work.ts";
import { assembleEngine } from "#src/runs/assemble.ts";
import type { Engine } from "#src/runs/engine.ts";
import { tiersOf } from "#src/runs/think/tiers.ts";
import { journaled } from "#src/secrets/journaled.ts";
import { enqueueAfter, workCallbacks } from "#src/services/jobs.ts";
import { createSecrets } from "#src/secrets/secrets.ts";
import { type Environment, secretValues } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { realFolder } from "#src/workspace/real-folder.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { modelPort, providerSources } from "#src/main-models.ts";
import { sensingOf } from "#src/main-sensors.ts";
import { defineOf, ownTools, toolsOf } from "#src/main-tools.ts";
import { type Base, startApi } from "#src/main-api.ts";
import { notificationsOf } from "#src/main-notifications.ts";
import { watchWorkers, workersOf, workerWorldOf } from "#src/main-workers.ts";
import { heldDeps } from "#src/main-loop.ts";
import { loopTools } from "#src/pulse/judge/tools.ts";

export interface RunningServer {
  readonly url: string;
  readonly home: Home;
  /** How many migrations ran at this start. */
  readonly migrated: number;
  /** Go on when the server stops. */
  readonly workers: WorkerPort;
  /** Takes no more work, lets what moves come to its end, stops Postgres if it is ours. Safe to call twice. */
  stop(): Promise<void>;
}

const VERSION = "0.1.0";
const clock = systemClock;

interface Told {
  readonly onStep?: (step: "database") => void;
  /** Sentences for whoever waits for the start; rare. */
  readonly say?: (sentence: string) => void;
  /** In place of the providers of the workspace. */
  readonly model?: ModelPort | undefined;
}

/** Brings everything up that the roles of this process ask for, in order, and takes it down in the other. @throws LoopError naming what is in the way */
export async function serve(settings: Settings, env: Environment, told: Told = {}): Promise<RunningServer> {
  const stops: (() => Promise<void> | void)[] = [];
  const stop = once(async () => {
    for (const undo of stops.toReversed()) await undo();
  });
  try {
    const base = await openBase(settings, env, { stops, say: told.say ?? (() => undefined), model: told.model });
    told.onStep?.("database");
    const following = await followWorkspace(base, stops);
    const embedder = await embedderFor(base);
    const engine = await buildEngine(base, embedder, stops);
    await engine.tools.follow(await base.workspaces.current()); // servers that were never seen are asked in the background
    const { notifier, queue, storage, record } = base;
    const { changed, onChange } = notifier;
    if (!settings.roles.includes("api")) base.verbs.hold({ ...engine, changed, onChange }); // only that role holds the folder
    const work = await startWork({
      engine,
      settings,
      url: record.url,
      notifier,
      queue,
      embedder,
      telemetry: telemetryOf(base),
      mayClaim: storage.hasRoom,
      sensors: base.sensing.sensors,
    });
    stops.push(...work.stops);
    if (settings.roles.includes("engine")) stops.push(watchWorkers(base, notifier.changed));
    if (settings.roles.includes("engine")) await workCallbacks(queue, { ...engine, secret: base.secrets.resolve, send: sendCallback });
    const url = settings.roles.includes("api") ? await startApi({ base, engine, following, embedder, stops, work }) : "";
    base.log.info("ready", { url, roles: settings.roles, version: VERSION });
    return { url, home: base.home, migrated: base.record.migrated.length, workers: base.workers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function telemetryOf({ settings, redactor, home }: Base): WorkParts["telemetry"] {
  const { otlpUrl, otlpHeaders, otlpContent } = settings;
  if (otlpUrl === undefined) return undefined;
  const resource = { "service.name": "loopwright", "service.version": VERSION, "service.instance.id": home.id, "host.name": hostname() };
  return { port: otlpTelemetry({ url: otlpUrl, headers: otlpHeaders ?? {}, resource, redact: redactor.redact }), content: otlpContent };
}

async function openBase(
  settings: Settings,
  env: Environment,
  { stops, say, model }: Pick<Base, "model"> & { readonly stops: (() => Promise<void> | void)[]; readonly say: (sentence: string) => void },
): Promise<Base> {
  const home = await openHome(settings.homeFolder);
  const redactor = createRedactor();
  secretValues(env).forEach((value) => redactor.learn(value));
  const logFile = openLogFile(join(home.logs, "server.log"), clock);
  stops.push(logFile.close);
  const log = createLog({ clock, redactor, level: settings.logLevel, write: logFile.write });
  const exclusive = settings.roles.includes("api");
  const onTaken = (): void => {
    log.error("another server took this home while the database was away; this one ends", {});
    process.exit(1);
  };
  const { workspaceFolder: wanted, secretsKeyFile, databaseUrl, preparesStatements: prepare } = settings;
  const saves = { workspaceFolder: wanted, secretsKeyFile, version: VERSION, clock, say };
  const record = await openRecord({ home, log, databaseUrl, prepare, exclusive, saves, onTaken });
  stops.push(record.close);
  const { db, url } = record;
  const storage = await watchStorage({ folder: home.folder, ballast: ballastOf(home), minFreeMb: settings.minFreeMb, log });
  stops.push(storage.stop);
  const notifier = createNotifier({ db, url, log });
  stops.push(notifier.close);
  const signer = await openSigner({ keyFolder: home.keys, db, host: hostname() });
  const secrets = createSecrets({
    env,
    redactor,
    clock,
    runCommand: runSecretCommand,
    keyFile: settings.secretsKeyFile,
    sealed: { db, workspaceId: home.id, record: journaled(clock, { actor: "system", face: "server" }) },
  });
  const queue = createQueue({ db, url, log, supervises: settings.roles.includes("pulse") });
  await queue.start();
  stops.push(() => queue.stop());
  const workspaceFolder = await realFolder(settings.workspaceFolder);
  const workspaces = createWorkspaceView(db);
  const own = { settings, env, home, log, logFile, redactor, record, workspaceFolder, workspaces };
  const sensing = sensingOf({ ...own, secrets, clock, version: VERSION });
  stops.push(sensing.close);
  const workers = workersOf({ home, clock, workspaceFolder, sandbox: sensing.sandbox, redactor });
  return { ...own, signer, notifier, storage, secrets, queue, model, clock, version: VERSION, sensing, workers, verbs: heldDeps() };
}

/** The first start puts the folder in force as it is; later ones take what is live and leave power to `loop apply`. */
async function followWorkspace(base: Base, stops: (() => void)[]): Promise<Following> {
  const { workspaces, log, workspaceFolder: folder } = base;
  const { db } = base.record;
  if (base.settings.roles.includes("api")) await requireSameWorkspace(db, { folder, credentials: base.home.credentials });
  const following = followFolder({ db, clock, log, folder, tookEffect: async () => void (await followRevision(db, clock, workspaces)) });
  stops.push(following.stop);
  await writeAccepted(db, folderWriter(folder)); // what a crash left between the record and the folder
  await writeReturned(db, folder);
  if ((await following.look()).kind !== "taken") {
    const applied = await applyFolder(db, clock, { folder, define: defineOf(base), author: "system", note: "first start" });
    if (applied.kind === "problems") {
      throw new LoopError("workspace_invalid", `The workspace ${folder} cannot be put in force:\n${problemsText(applied.problems)}`, {
        facts: { problems: applied.problems.length },
      });
    }
    await following.look();
  }
  await followRevision(db, clock, workspaces);
  return following;
}

async function buildEngine(base: Base, embedder: Embedder | undefined, stops: (() => Promise<void> | void)[]): Promise<Engine> {
  const { settings, home, workspaces, log } = base;
  const { db } = base.record;
  const usual = settings.usesModel ? usualModels(settings.modelKeysFound) : undefined; // keys in the environment are used only when the settings say so
  const { sandbox } = base.sensing;
  const tools = toolsOf(base, { sandbox, builtIn: [...ownTools({ db, clock, workspaces, embedder }), ...loopTools(base.verbs.deps)] });
  stops.push(tools.close);
  return assembleEngine({
    db,
    clock,
    log,
    signer: base.signer,
    redactor: base.redactor,
    workspaces,
    model: await modelPort(base),
    tiers: (workspace) => tiersOf(workspace, { fast: settings.fastModel, strong: settings.strongModel, usual }),
    prices: (workspace) => createPriceList({ overrides: workspace.manifest.prices, providers: workspace.manifest.providers, clock }),
    whenEnded: enqueueAfter(base.queue),
    host: hostname(),
    maxTries: settings.maxTries,
    tools,
    surfaces: [outboxSurface({ db, folder: home.outbox, clock }), ...notificationsOf(base)],
    workers: workerWorldOf(base),
    checks: { sandbox, folder: base.workspaceFolder, runSensor: base.sensing.runSensor },
  });
}

async function embedderFor(base: Base): Promise<Embedder | undefined> {
  const { settings, log, workspaces } = base;
  const model = settings.embeddingModel ?? (await workspaces.current()).workspace.manifest.models?.embedder;
  if (model === undefined) return undefined;
  try {
    return await createEmbedder({ ...(await providerSources(base)), model, clock });
  } catch (error) {
    log.warn("the embedder does not answer; the brain goes by words until the next start", { model, error });
    return undefined;
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
