import * as x from "node:fs"; void x;
