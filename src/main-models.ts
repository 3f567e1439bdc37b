import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { OpenAIWirePort } from "#src/acts/ports/openai-wire-port.ts";
import { createModelPort } from "#src/adapters/model-aisdk/model-port.ts";
import { createOpenAIWire } from "#src/adapters/model-aisdk/openai-wire.ts";
import { defaultsFrom, type ProviderSources } from "#src/adapters/model-aisdk/providers.ts";
import { systemClock as clock } from "#src/kernel/clock.ts";
import type { Secrets } from "#src/secrets/secrets.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import type { SeeingView } from "#src/workspace/current.ts";

interface ModelBase {
  readonly settings: Settings;
  readonly env: Environment;
  readonly secrets: Secrets;
  readonly workspaces: SeeingView;
  /** In place of all that the workspace names. */
  readonly model?: ModelPort | undefined;
}

/** Where models are, by the workspace in force, and their keys. */
export async function providerSources({ settings, env, secrets, workspaces }: ModelBase): Promise<ProviderSources> {
  const { workspace } = await workspaces.current();
  return {
    providers: () => (workspaces.seen() ?? workspace).manifest.providers, // each run asks what is in force before it does anything
    secrets: (reference) => secrets.resolve(reference),
    ...(settings.usesModel ? { defaults: defaultsFrom(env) } : { ignoresEnvironment: true }),
  };
}

const limitsOf = ({ modelConnectMs, modelHeadersMs, modelIdleMs, modelTimeoutMs }: Settings) => ({
  connectMs: modelConnectMs,
  headersMs: modelHeadersMs,
  idleMs: modelIdleMs,
  timeoutMs: modelTimeoutMs,
});

/** Models for the runs of this workspace, one call at a time. */
export async function modelPort(base: ModelBase): Promise<ModelPort> {
  return base.model ?? createModelPort({ ...(await providerSources(base)), ...limitsOf(base.settings), clock });
}

/** The same providers for other clients, in their own words. */
export async function openaiWire(base: ModelBase): Promise<OpenAIWirePort> {
  const { providers: _, ...sources } = await providerSources(base);
  return createOpenAIWire({ ...sources, clock, limits: limitsOf(base.settings) });
}
