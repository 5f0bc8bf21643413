# SPDX-License-Identifier: Apache-2.0
# needs grep
grep -c -E '(1.*2.*3|9{3})' text
