// SPDX-License-Identifier: Apache-2.0
// Marks the functions that libterrace-preload.so shows to other modules; exports.map names the same
// ones. Everything else in the library is hidden. A macro only.
#pragma once

#define TERRACE_EXPORT [[gnu::visibility("default")]]
