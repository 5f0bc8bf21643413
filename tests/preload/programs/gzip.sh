# SPDX-License-Identifier: Apache-2.0
# needs gzip
gzip -6 -n -c text | cksum
