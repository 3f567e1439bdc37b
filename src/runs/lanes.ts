import type { Workspace } from "#src/workspace/model.ts";

export interface Lane {
  readonly name: string;
  readonly maxRunning: number;
}

const ofAgent = (name: string): string => `agent:${name}`;
const ofLabel = (key: string, value: string): string => `label:${key}=${value}`;

/** Every bound on how many runs may be moving at the same time: of agents, and of each thing that a label can name. */
export function lanesOf({ agents, manifest, entities }: Workspace): Lane[] {
  return [
    ...agents.flatMap(({ name, concurrency }) => (concurrency === undefined ? [] : [{ name: ofAgent(name), maxRunning: concurrency }])),
    ...Object.entries(manifest.concurrency).flatMap(([key, maxRunning]) => (entities.get(key) ?? []).map(({ id }) => ({ name: ofLabel(key, id), maxRunning }))),
  ];
}

/** Names of the lanes that a run goes in, the bounded ones alone: a run without any is claimed faster. */
export function lanesOfRun({ agents, manifest }: Workspace, run: { readonly agent: string; readonly labels: Readonly<Record<string, string>> }): string[] {
  const bounded = agents.some(({ name, concurrency }) => name === run.agent && concurrency !== undefined);
  const labels = Object.entries(run.labels).filter(([key]) => Object.hasOwn(manifest.concurrency, key));
  return [...(bounded ? [ofAgent(run.agent)] : []), ...labels.map(([key, value]) => ofLabel(key, value))];
}
