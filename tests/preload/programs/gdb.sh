# SPDX-License-Identifier: Apache-2.0
# needs gdb gcc
# The shim's own thread is one more in the inferior; what gdb says of it is left out.
printf '#include <stdlib.h>\n#include <string.h>\nint depth(int n) { char* b = malloc(300000); memset(b, n, 300000); int r = n == 0 ? b[7] : depth(n - 1) + 1; free(b); return r; }\nint main(void) { return depth(5); }\n' >unit.c
gcc -g -O0 unit.c -o unit
gdb -nx -batch -iex 'set debuginfod enabled off' -ex 'break depth if n == 2' -ex run -ex bt -ex 'print n' -ex next -ex 'print b != 0' \
  -ex delete -ex continue ./unit </dev/null 2>&1 | grep -v -e 'process [0-9]' -e libthread_db -e 'Using host' -e 'New Thread' -e 'get registers: No such process' -e 'Thread.*exited' | sed 's,0x[0-9a-f]*,ADDRESS,g; s,Thread 1 "unit" hit,hit,; s,^Breakpoint,hit Breakpoint,'
