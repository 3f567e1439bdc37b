import * as x from "node:os"; void x;
