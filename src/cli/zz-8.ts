import { a1 } from "./zz-m1.ts";
import { a2 } from "./zz-m2.ts";
import { a3 } from "./zz-m3.ts";
import { a4 } from "./zz-m4.ts";
import { a5 } from "./zz-m5.ts";
import { a6 } from "./zz-m6.ts";
import { a7 } from "./zz-m7.ts";
import { a8 } from "./zz-m8.ts";
void [a1,a2,a3,a4,a5,a6,a7,a8];
