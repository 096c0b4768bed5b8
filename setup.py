"""The compiled parts. Where no compiler is at hand they are left out, and their pure twins take over."""

from Cython.Build import cythonize
from setuptools import Extension, setup

COMPILED = ("keeper/routing/_core", "keeper/venues/hyperliquid/_scan")

setup(
    ext_modules=cythonize(
        [Extension(path.replace("/", "."), [f"{path}.pyx"], optional=True) for path in COMPILED], quiet=True
    )
)
