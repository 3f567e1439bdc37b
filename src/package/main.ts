// What `import … from "loopwright"` gives: what the code of a workspace is written with, the errors that our functions throw, and the ports that an adapter of
// your own fills.
export type { Embedder } from "#src/acts/ports/embedder.ts";
export type { MessagePort, OutboundMessage, PostedRef } from "#src/acts/ports/message-port.ts";
export type { ModelAnswer, ModelCall, ModelFailure, ModelMessage, ModelPort, ModelResult, ModelUsage } from "#src/acts/ports/model-port.ts";
export type { SandboxCommand, SandboxPort, SandboxResult } from "#src/acts/ports/sandbox-port.ts";
export type { ToolPort } from "#src/acts/ports/tool-port.ts";
export type { Clock } from "#src/kernel/clock.ts";
export { type ErrorCode, type ErrorFacts, LoopError } from "#src/kernel/errors.ts";
export type { Log } from "#src/kernel/log.ts";
export { defineService, type DefinedService, type ServiceDefinition, type ServiceHandoff } from "./define-service.ts";
export { defineTool, type ToolCall, type ToolDefinition } from "./define-tool.ts";
export { z } from "zod";
