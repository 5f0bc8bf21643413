# SPDX-License-Identifier: Apache-2.0
# needs awk
awk '{ s[$1 % 1000] += $2 } END { for (i = 0; i < 1000; ++i) print i, s[i] }' text
