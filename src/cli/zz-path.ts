import * as x from "node:path"; void x;
