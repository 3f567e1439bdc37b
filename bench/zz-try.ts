import { print } from "./measure.ts";
import { makeWorld } from "./world.ts";
const [name] = process.argv.slice(2);
const bench = (await import(`./${name}.ts`))[name!.replace(/-(.)/g, (_, c) => c.toUpperCase())];
const world = await makeWorld({ short: true });
const s = performance.now();
try {
  for (const l of await bench(world, 7)) console.log(print(l), JSON.stringify(l.more));
} finally {
  console.log((performance.now() - s) / 1000);
  await world.close();
}
