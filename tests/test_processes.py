from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from pigbench.processes import keep_freed_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    keep_freed_memory()
np.ones(2**18)
before = pages()
for _ in range(20):
    np.ones(2**18)  # 2 MiB, 512 pages
print(pages() - before)
"""


@pytest.mark.process
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_freed_memory_is_used_again_even_if_the_environment_has_it_returned() -> None:
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}  # as Dask's nanny sets it

    def pages(how: str) -> int:
        command = [sys.executable, "-c", COUNT, how]
        return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    assert pages("returned") > 20 * 400
    assert pages("kept") < 600
