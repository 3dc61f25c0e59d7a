"""A process of Beam's own runner that logs errors only.

Run by `beam_runner`; Beam's worker logs every step of its start.
"""

import logging
import sys

from apache_beam.runners.worker import sdk_worker_main

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sdk_worker_main.main(sys.argv)
