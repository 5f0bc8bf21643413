# SPDX-License-Identifier: Apache-2.0
# needs xz
xz -T2 -0 -c text | cksum
xz -T2 -3 -c text | xz -dc | cmp - text && echo same
