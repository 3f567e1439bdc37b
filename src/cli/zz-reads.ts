import { readSettings } from "#src/settings/read.ts";
readSettings({env: process.env, home: "/root", isRoot: true});
