// SPDX-License-Identifier: Apache-2.0
// Who is reading? Decides about hints, progress, width and glyphs.
// Thread-safe when the environment is not being changed; never allocates.
#pragma once

namespace terrace::cli::os {

bool standard_error_is_terminal();
bool standard_output_is_terminal();

/// Columns of the terminal on standard output; `otherwise` when it is none.
int output_columns(int otherwise);

/// Standard output is a terminal that knows colours, and NO_COLOR (no-color.org) is not set.
bool output_takes_colour();

/// By LC_ALL, LC_CTYPE and LANG, as the C library would decide.
bool output_takes_utf8();

}  // namespace terrace::cli::os
