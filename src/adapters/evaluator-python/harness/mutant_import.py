"""An import hook that loads one module from a mutated tree. No file is touched."""

from __future__ import annotations

import importlib.machinery
import os
import sys

import mutations

VARIABLE = "KAMACHIQ_MUTANT"


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Compiles the mutated tree in place of the file's source."""

    index = -1

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return compile(mutations.mutate(self.get_data(path), path, self.index), path, "exec", dont_inherit=True)


class MutantFinder:
    """Finds the one module by its file, whatever it is called; leaves all others to the usual finders."""

    def __init__(self, path: str, index: int) -> None:
        self.path = path
        self.index = index

    def find_spec(self, fullname, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not spec.origin or os.path.realpath(spec.origin) != self.path:
            return None
        loader = MutantLoader(fullname, spec.origin)
        loader.index = self.index
        spec.loader = loader
        return spec


def install(path: str, index: int) -> None:
    """For this process and, through the environment, for those that it starts."""
    os.environ[VARIABLE] = f"{index}:{path}"
    sys.meta_path.insert(0, MutantFinder(os.path.realpath(path), index))


def install_from_environment() -> None:
    index, _, path = os.environ[VARIABLE].partition(":")
    install(path, int(index))
