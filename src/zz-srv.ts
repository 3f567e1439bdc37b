import { serve } from "./main.ts";
import { readSettings } from "#src/settings/read.ts";
const s = await serve(readSettings({ env: process.env, home: "/root", isRoot: true }), process.env);
console.log(s.url);
process.on("SIGTERM", () => void s.stop().then(() => process.exit(0)));
process.on("SIGINT", () => void s.stop().then(() => process.exit(0)));
