import type { FileSet } from "./files.ts";
import type { Sensor } from "./model.ts";
import { fileProblem, type Problem } from "./problem.ts";
import { readSensorHeader } from "./sensor-header.ts";
import { sensorNames } from "./references.ts";

const NAME = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

interface Program {
  readonly name: string;
  readonly source: string;
}

/** What stands in sensors/ itself is a sensor; what stands in folders below it is for them to use. */
const programsOf = (paths: readonly string[]): Program[] => paths.flatMap((source) => sensorNames([source]).map((name) => ({ name, source })));

/** In order of path. `files` are sound. */
export const sensorsOf = (paths: readonly string[], files: FileSet): Sensor[] =>
  programsOf(paths).map((program) => ({ ...program, ...readSensorHeader(files.get(program.source)!).header }));

/** Names that no file of a snapshot may have or that two programs share, and what their comments say wrong. */
export function sensorProblems(paths: readonly string[], files: FileSet): Problem[] {
  const first = new Map<string, string>();
  return programsOf(paths).flatMap(({ name, source }) => {
    const earlier = first.get(name);
    first.set(name, earlier ?? source);
    return [
      ...(NAME.test(name) ? [] : [fileProblem(source, `the sensor name ${JSON.stringify(name)}`, "letters, digits, `.`, `-` and `_`, 64 at most")]),
      ...(earlier === undefined ? [] : [fileProblem(source, `the sensor ${name} a second time`, `another name; the first is ${earlier}`)]),
      ...readSensorHeader(files.get(source)!).faults.map((fault) => ({ file: source, ...fault })),
    ];
  });
}
