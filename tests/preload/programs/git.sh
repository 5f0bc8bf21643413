# SPDX-License-Identifier: Apache-2.0
# needs git
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
git init -q -b main repository
cp text repository && cd repository || exit
git add text && git commit -q -m one
echo more >>text && git status --short && git diff --stat && git commit -q -a -m two
git repack -q -a -d --window=20
git log --format='%H %T %s'
cd ..
git clone -q --no-hardlinks "file://$PWD/repository" clone
git -C clone fsck --full --strict --no-progress
git -C clone rev-parse HEAD
