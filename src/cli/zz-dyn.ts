const m = await import("./zz-m1.ts"); void m;
