# SPDX-License-Identifier: Apache-2.0
# needs /usr/bin/python3; package python3-numpy
/usr/bin/python3 - <<'PYTHON'
import multiprocessing, threading
import numpy as np

r = np.random.default_rng(7)
a = r.integers(0, 1000, (700, 700)).astype(np.float64)
print(np.abs(a @ a.T).sum(), np.sort(a.ravel())[::50000].tolist())
parts = []
def work(seed):
    x = np.random.default_rng(seed).integers(0, 9, 2_000_000)
    parts.append(int(x.sum() + np.unique(x).size))
threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(parts))
def child(n):
    return int((np.arange(n * 500_000) % 7).sum())
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(child, range(1, 6)), float(a.sum()))
np.save("array.npy", a)
m = np.load("array.npy", mmap_mode="r")
print(float(m[::7].sum()))
PYTHON
