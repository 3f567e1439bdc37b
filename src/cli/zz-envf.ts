import { loadEnvFile } from "#src/settings/env-file.ts"; void loadEnvFile;
