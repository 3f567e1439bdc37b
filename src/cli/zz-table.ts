import { VERBS } from "./verb-table.ts"; void VERBS;
