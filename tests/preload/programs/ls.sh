# SPDX-License-Identifier: Apache-2.0
# needs ls
ls -lR /usr/share/doc /etc
