// What `import … from "loopwright/testing"` gives: doubles that need no database, and the suites that an adapter of your own has to pass.
export { type EmbedderSuite, embedderSuite } from "#src/testing/embedder.suite.ts";
export { hashEmbedder } from "#src/testing/hash-embedder.ts";
export { type HeldClock, heldClock } from "#src/testing/held-clock.ts";
export { type MemorySurface, memorySurface } from "#src/testing/memory-surface.ts";
export { type MessagePortSubject, type MessagePortSuite, messagePortSuite } from "#src/testing/message-port.suite.ts";
export { type ModelPortSubject, type ModelPortSuite, modelPortSuite, type ProviderFault, type ProviderScript } from "#src/testing/model-port.suite.ts";
export { callTool, callTools, failWith, say, sayObject, type ScriptedModel, scriptedModel, type ScriptStep } from "#src/testing/scripted-model.ts";
export { type ScriptedWorkers, scriptedWorkers } from "#src/testing/scripted-worker.ts";
export { silentLog } from "#src/testing/silent-log.ts";
export { type ServerOptions, type StartedServer, startServer } from "#src/testing/started-server.ts";
export { type ToolPortSubject, type ToolPortSuite, toolPortSuite } from "#src/testing/tool-port.suite.ts";
export { type WorkerPortSubject, type WorkerPortSuite, workerPortSuite, type WorkerScript } from "#src/testing/worker-port.suite.ts";
