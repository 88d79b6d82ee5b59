"""Makes a mutant visible to the Python processes that tests start. Without KAMACHIQ_MUTANT it does nothing."""

import os

if "KAMACHIQ_MUTANT" in os.environ:
    import sys

    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import mutant_import

    del sys.path[0]
    mutant_import.install_from_environment()
