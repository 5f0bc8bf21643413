# SPDX-License-Identifier: Apache-2.0
# needs curl
# A library behind it makes a locale before main, as its process's first allocation.
curl -sS "file://$PWD/text" | cksum
curl -sS "file://$PWD/absent"
