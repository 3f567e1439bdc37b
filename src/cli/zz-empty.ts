const x: number = 1; void x;
