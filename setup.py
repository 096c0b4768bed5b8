"""The compiled parts. Where no compiler is at hand they are left out, and their pure twins take over."""

from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    ext_modules=cythonize([Extension("keeper.routing._core", ["keeper/routing/_core.pyx"], optional=True)], quiet=True)
)
