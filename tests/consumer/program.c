// SPDX-License-Identifier: Apache-2.0
// A C program that has nothing of Terrace but what is installed.
#include <stdio.h>

#include <terrace/terrace.h>

int main(void) {
  terrace_context machine;
  terrace_tensor tensor;
  void* at = NULL;
  const terrace_tensor_options options = {.struct_size = sizeof options, .bytes = 4096};
  if (terrace_open(NULL, &machine) != TERRACE_OK ||
      terrace_allocate(machine, &options, &tensor, &at) != TERRACE_OK) {
    fprintf(stderr, "%s\n", terrace_last_error());
    return 1;
  }
  ((char*)at)[4095] = 1;
  return terrace_free(tensor) == TERRACE_OK && terrace_close(machine) == TERRACE_OK ? 0 : 1;
}
