# SPDX-License-Identifier: Apache-2.0
# needs sort
sort -n text
