import { readSettings } from "#src/settings/read.ts";
void readSettings;
