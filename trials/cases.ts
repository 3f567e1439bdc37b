import { wakes } from "./e01-e03-wakes.ts";
import { journalOrder } from "./e04-journal-order.ts";
import { leases } from "./e05-e06-leases.ts";
import { twoStarts } from "./e07-two-starts.ts";
import { lateCost } from "./e08-late-cost.ts";
import { killStorm } from "./f01-kill-storm.ts";
import { killSweeps } from "./f02-kill-sweep.ts";
import { killedAnyTime, killedRequest } from "./f03-f04-killed-request.ts";
import { postgresKilled } from "./f06-postgres-killed.ts";
import { deafStop, engineStop, serverStop } from "./f08-clean-stop.ts";
import { oneDatabase, oneHome, timersOnce } from "./f09-two-servers.ts";
import { crashLoop, poisonHead } from "./f10-f50-poison.ts";
import { diskFull, logsFull, readOnly } from "./f11-f13-disk.ts";
import { migrationKilled } from "./f15-migration-killed.ts";
import { backupUnderLoad } from "./f16-backup.ts";
import { retention } from "./f18-retention.ts";
import { conflicts, cutConnections, latency } from "./f19-f22-database.ts";
import { deafListener, noConnections } from "./f20-f23-connections.ts";
import { clockJumps } from "./f25-clock-jumps.ts";
import { nights } from "./f26-nights.ts";
import { parkedAsks } from "./parked-asks.ts";
import { suspended } from "./f27-suspended.ts";
import { deadLetters } from "./f35-dead-letters.ts";
import { clockBack } from "./f28-clock-back.ts";
import { deliveries, otherBody } from "./f29-f34-deliveries.ts";
import { toolServers } from "./f42-tool-servers.ts";
import { providers } from "./f36-f44-providers.ts";
import { answersOfProviders } from "./f38-f41-answers.ts";
import { lastDollar } from "./f45-last-dollar.ts";
import { giants } from "./f49-giants.ts";
import { replay } from "./f56-replay.ts";
import { freshStart } from "./fresh-start.ts";
import { pulseSession } from "./pulse-session.ts";
import { githubOnce } from "./github-once.ts";
import { foreignIds, otherHomes } from "./h01-h49-homes.ts";
import { fromLoopback, injected, mixedClaims, rebinding, withoutCredential, wrongTokens } from "./h05-h22-requests.ts";
import { blankSecrets, revoked } from "./h16-h19-secrets.ts";
import { bruteForce, newInstall, ownPower, senders } from "./h03-h55-authority.ts";
import { longTexts } from "./h54-texts.ts";
import { bodies } from "./h07-bodies.ts";
import { noShell } from "./h02-shell.ts";
import { archives } from "./h08-archives.ts";
import { pages } from "./h12-pages.ts";
import { sealedSecrets } from "./h48-secrets.ts";
import { receiptTampering } from "./h51-receipt.ts";
import { hostile } from "./hostile/suite.ts";
import { toolServerFrauds } from "./h23-h40-tool-servers.ts";
import { textIsText } from "./h11-text.ts";
import { rowsCovered, rowsInert } from "./h32-rows.ts";
import { supplyChain } from "./h38-supply-chain.ts";
import { serviceKilled } from "./service-killed.ts";
import { serviceSession } from "./service-session.ts";
import { agentCliRuns } from "./agent-cli.ts";
import { realServers } from "./real-tool-servers.ts";
import { failover } from "./failover.ts";
import type { Case } from "./harness/case.ts";

/** Every case, in the order of README.md. */
export const CASES: readonly Case[] = [
  ...wakes,
  journalOrder,
  ...leases,
  twoStarts,
  lateCost,
  killStorm,
  ...killSweeps,
  killedRequest,
  killedAnyTime,
  postgresKilled,
  engineStop,
  deafStop,
  serverStop,
  oneHome,
  oneDatabase,
  timersOnce,
  crashLoop,
  diskFull,
  logsFull,
  readOnly,
  migrationKilled,
  backupUnderLoad,
  retention,
  cutConnections,
  noConnections,
  latency,
  conflicts,
  deafListener,
  clockJumps,
  nights,
  suspended,
  clockBack,
  deliveries,
  otherBody,
  deadLetters,
  parkedAsks,
  toolServers,
  ...providers,
  ...answersOfProviders,
  lastDollar,
  giants,
  poisonHead,
  replay,
  foreignIds,
  otherHomes,
  noShell,
  ownPower,
  newInstall,
  injected,
  withoutCredential,
  bodies,
  archives,
  mixedClaims,
  pages,
  fromLoopback,
  wrongTokens,
  rebinding,
  blankSecrets,
  senders,
  revoked,
  sealedSecrets,
  longTexts,
  bruteForce,
  ...toolServerFrauds,
  textIsText,
  rowsInert,
  rowsCovered,
  supplyChain,
  receiptTampering,
  serviceKilled,
  serviceSession,
  githubOnce,
  ...failover,
  realServers,
  agentCliRuns,
  freshStart,
  pulseSession,
  ...hostile,
];
