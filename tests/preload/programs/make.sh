# SPDX-License-Identifier: Apache-2.0
# needs make gcc
{
  printf 'all: program\n\t./program\nprogram:'
  for i in $(seq 24); do printf ' u%d.o' "$i"; done
  printf ' main.o\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -c $< -o $@\n'
} >Makefile
for i in $(seq 24); do printf 'int f%d(int x) { return x * %d; }\n' "$i" "$i" >"u$i.c"; done
{
  for i in $(seq 24); do printf 'int f%d(int);\n' "$i"; done
  printf '#include <stdio.h>\nint main(void) { int s = 0;\n'
  for i in $(seq 24); do printf 's += f%d(%d);\n' "$i" "$i"; done
  printf 'printf("%%d\\n", s); return 0; }\n'
} >main.c
make -j4 -s
