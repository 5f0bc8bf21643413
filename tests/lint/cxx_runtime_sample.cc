// SPDX-License-Identifier: Apache-2.0
// What must not be in a resident library, for the test of that check.
#include <string>

extern "C" __attribute__((visibility("default"))) unsigned long sample_length(const char* text) {
  return std::string(text, 100).size();
}
