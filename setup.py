"""Build the kernel in C where there is a compiler; everything else is in pyproject.toml."""

import os

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


class BuildLibrary(build_ext):
    """Build a shared library that ctypes loads: its name carries no version of Python."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the path of a library below the root."""
        return os.path.join(*fullname.split(".")) + ".so"  # noqa: PTH118


class PlatformWheel(bdist_wheel):
    """Name a wheel by its platform: it serves every version of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return Python, ABI and platform."""
        return ("py3", "none", super().get_tag()[2])


setup(
    ext_modules=[
        Extension(
            "model.backends._kernel",
            sources=["model/backends/kernel.c"],
            depends=[
                "model/backends/kernel_level.h",
                "model/backends/kernel_spectra.h",
                "model/backends/kernel_statistics.h",
            ],
            extra_compile_args=["-std=gnu11", "-O3", "-pthread"],
            extra_link_args=["-pthread"],
            libraries=["m"],
            # NumPy serves where this cannot be built.
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildLibrary, "bdist_wheel": PlatformWheel},
)
