import { prepareReferences } from "./references.ts";
await prepareReferences();
