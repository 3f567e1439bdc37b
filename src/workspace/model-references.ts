import { USUAL_PROVIDERS } from "./manifest/provider.ts";
import type { Part, Parts } from "./parts.ts";
import type { Path } from "./problem.ts";

/** The provider in the name of a model, and where it is written. */
interface ProviderReference {
  readonly part: Part<unknown>;
  readonly path: Path;
  readonly name: string;
}

/** Providers that a model may be named by: those of loop.yaml, those with a file of their own, and those that need neither. */
export function knownProviders(parts: Parts): ReadonlySet<string> {
  const listed = parts.of("workspace").flatMap(({ data }) => Object.keys(data.providers));
  return new Set([...listed, ...parts.of("modelProvider").map(({ data }) => data.name), ...USUAL_PROVIDERS]);
}

/** Every model that a file names, by its provider. */
export function modelReferences(parts: Parts): ProviderReference[] {
  return [
    ...parts.of("workspace").flatMap((part) => {
      const { fast, strong, embedder, fallbacks = [] } = part.data.models ?? {};
      const offered = part.data.gateway?.models ?? [];
      const gateway = offered.flatMap(({ name, model = name }, index) => (model.includes(":") ? named(part, ["gateway", "models"], { [index]: model }) : []));
      return [...named(part, ["models"], { fast, strong, embedder, ...members("fallbacks", fallbacks) }), ...gateway];
    }),
    ...parts.of("agent").flatMap((part) => {
      const { models } = part.data;
      if (!models) return [];
      const routes = models.routes.flatMap(({ model }, index) => named(part, ["models", "routes", index], { model }));
      const own = named(part, ["models"], { default: models.default, ...members("fallbacks", models.fallbacks ?? []) });
      return [...own, ...routes, ...named(part, ["models", "tiers"], models.tiers)];
    }),
  ];
}

const members = (name: string, models: readonly string[]): Record<string, string> =>
  Object.fromEntries(models.map((model, index) => [`${name}.${index}`, model]));

function named(part: Part<unknown>, path: Path, models: Readonly<Record<string, string | undefined>>): ProviderReference[] {
  return Object.entries(models).flatMap(([member, model]) => {
    if (model === undefined) return [];
    const at = member.split(".").map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    return [{ part, path: [...path, ...at], name: model.slice(0, model.indexOf(":")) }];
  });
}
