import { openShared, openWorld } from "./harness/world.ts";
import { openStorm } from "./harness/storm.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { sql } from "kysely";
import { setTimeout as sleep } from "node:timers/promises";
const shared = await openShared("/tmp/zz",{short:true}); const world = await openWorld(shared,true);
const storm = await openStorm(world); const {db}=storm.database;
for (const n of ["engine-a","engine-b","engine-c"]) await storm.engine(n,{leaseMs:2000,slots:8});
await storm.queue(Array.from({length:30},()=>Array.from({length:190},()=>"careful").join(" ")));
for (let i=0;i<5;i++){ await sleep(2000); console.log((await openAsks(db)).length, (await sql`select state,count(*),max(tries) from runs group by 1`.execute(db)).rows); }
await world.close(undefined); await shared.close();
