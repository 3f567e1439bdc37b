import type { Sensor } from "#src/workspace/model.ts";
import { moved, named, narrower, type Said, wider } from "./change.ts";

/** What a sensor reaches and is given, beside what it does; subject "the sensor heat". That it is new, another one or gone is said of its program. */
export function sensorSaid(before: Sensor | undefined, after: Sensor | undefined): Said[] {
  if (!after) return [];
  const hosts = moved(before?.network, after.network);
  const secrets = moved(given(before), given(after));
  return [
    ...(hosts.gained.length > 0 ? [wider(`may reach ${named(hosts.gained)}`)] : []),
    ...(hosts.lost.length > 0 ? [narrower(`may no longer reach ${named(hosts.lost)}`)] : []),
    ...(secrets.gained.length > 0 ? [wider(`is given ${named(secrets.gained)}`)] : []),
    ...(secrets.lost.length > 0 ? [narrower(`is no longer given ${named(secrets.lost)}`)] : []),
  ];
}

const given = (sensor: Sensor | undefined): string[] => Object.entries(sensor?.secrets ?? {}).map(([variable, reference]) => `${reference} as ${variable}`);
