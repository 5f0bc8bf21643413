# SPDX-License-Identifier: Apache-2.0
# needs gcc
printf '#include <stdio.h>\n#include <math.h>\nint main(void) { double s = 0; for (int i = 1; i < 1000; ++i) s += sqrt(i); printf("%%.6f\\n", s); return 4; }\n' >unit.c
gcc -O2 -Wall -c unit.c -o unit.o && cksum <unit.o
gcc unit.o -o unit -lm && ./unit
