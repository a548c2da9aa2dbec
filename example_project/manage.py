#!/usr/bin/env python
"""Runs the example's management commands; ``demo`` is the one to begin with."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # Set, not only defaulted: a shell may have the settings of another project exported.
    os.environ["DJANGO_SETTINGS_MODULE"] = "site_config.settings"
    execute_from_command_line(sys.argv)
