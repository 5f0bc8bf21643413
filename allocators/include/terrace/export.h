// SPDX-License-Identifier: Apache-2.0
// Marks what libterrace.so exports; everything else in it is hidden.
#pragma once

#define TERRACE_API __attribute__((visibility("default")))
