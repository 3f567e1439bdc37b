import { decide } from "./decide.ts";
import { print } from "./measure.ts";
for (const l of await decide(null as never, 7)) console.log(print(l), JSON.stringify(l.more));
