// SPDX-License-Identifier: Apache-2.0
// The program that policy_lab_test runs under `terrace run`: allocates one object, touches all of
// it and prints where its pages are.
#pragma once

namespace terrace::lab {

/// `arguments`: MIB, then "early" or "late" (wait until the object was placed after it was
/// touched). Prints one JSON object: "nodes" (pages by node), "blocks" (node of each 2 MiB block,
/// -1 where it has pages of several), "index" (the first block's address / 2 MiB) and "mappings".
int policy_program(char** arguments);

}  // namespace terrace::lab
