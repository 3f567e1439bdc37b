// A process that starts a worker as a server does, says the status, and stays until it is killed. Its arguments: the folder of the workers, a key, a script.
import { systemClock } from "#src/kernel/clock.ts";
import { asItIs, specOf } from "./shell-worker.ts";
import { createCommandWorkers } from "#src/adapters/worker-command/workers.ts";

const [folder, key, script] = process.argv.slice(2) as [string, string, string];
const port = createCommandWorkers({ folder, clock: systemClock, host: "here", readable: [], sandbox: () => Promise.resolve(asItIs) });
process.stdout.write(`${JSON.stringify(await port.start(key, specOf("/", script)))}\n`);
setInterval(() => undefined, 60_000);
