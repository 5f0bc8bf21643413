# SPDX-License-Identifier: Apache-2.0
# needs bash
bash -c 'for i in $(seq 2000); do a+=("$i $(( i * i ))"); done; echo "${a[@]}" | wc; (exit 7)'
