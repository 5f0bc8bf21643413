#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# manual_page.sh PAGE [HEADER LIBRARY_FOLDER]: fails when groff warns of the page. With a header: when
# a function of it is not in the synopsis, when the synopsis has another prototype, or when the
# example, if it is a whole program, does not build against the library and end with 0.
set -euo pipefail
page=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# -b -u -o: no overstriking, so that it is text.
groff -man -ww -Tascii -rLL=300n -P-c -P-b -P-u -P-o "$page" >"$work/text" 2>"$work/warnings"
[ ! -s "$work/warnings" ] || {
  cat "$work/warnings"
  exit 1
}
[ $# -gt 1 ] || exit 0
header=$2
library=$3
section() { sed -n "/^$1\$/,/^[A-Z]/{/^[A-Z]/d;p}" "$work/text"; }

section SYNOPSIS >"$work/synopsis.c"
failed=0
functions=$(grep '^TERRACE_API' "$header" | grep -o 'terrace_[a-z_]*(')
for function in $functions; do
  grep -q "\\b$function" "$work/synopsis.c" && continue
  echo "$page: ${function%(} is not in the synopsis"
  failed=1
done
include=(-I"$(dirname "$header")/.." -I"$(dirname "$header")/../../../allocators/include")
LC_ALL=C cc -std=c11 -Wall -Werror -fsyntax-only "${include[@]}" "$work/synopsis.c" || failed=1

section EXAMPLES | sed -n '/#include/,$p' >"$work/example.c"
if grep -q 'main(void)' "$work/example.c"; then
  LC_ALL=C cc -std=c11 -Wall -Wextra -Werror "${include[@]}" "$work/example.c" -o "$work/example" \
    -L"$library" -Wl,-rpath,"$library" -lterrace && "$work/example" || failed=1
fi
exit "$failed"
